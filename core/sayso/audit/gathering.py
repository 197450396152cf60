"""All that a store keeps for auditors, in the order in which a checker takes it, while others go on writing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sayso.audit import checking
from sayso.stores import Store
from sayso.stores.auditing import ChainedRow, StoredSeal, StoredTicket

Kept = ChainedRow | StoredSeal | StoredTicket

# Requests that are read again since they changed; where more change all the time, the rest is told as a finding.
_MOST_MOVED = 100_000


async def everything(store: Store) -> AsyncIterator[Kept]:
    """Each row, each seal after its rows, then each request as the rows until then say that it is."""
    rows, after = _Rows(store), 0
    while seals := await store.seals(after):
        for seal in seals:
            async for row in rows.until(seal.last_row):
                yield row
            yield seal
            after = seal.number
    async for row in rows.until(await store.last_row()):
        yield row
    async for item in _requests(store, rows):
        yield item


async def _requests(store: Store, rows: _Rows) -> AsyncIterator[ChainedRow | StoredTicket]:
    id, moved = "", dict[str, None]()
    while found := await store.documents(id):
        new = await rows.new()
        for row in new:
            yield row
        moved |= _changed(new)
        for one in found:
            if one.id not in moved:
                yield one
        id = found[-1].id
    async for item in _settled(store, rows, moved):
        yield item


async def _settled(store: Store, rows: _Rows, moved: dict[str, None]) -> AsyncIterator[ChainedRow | StoredTicket]:
    """The requests that were made or changed meanwhile, as the rows until then say that they are."""
    for _ in range(_MOST_MOVED):
        if not moved:
            return
        id = next(iter(moved))
        del moved[id]
        found, new = await store.document(id), await rows.new()
        for row in new:
            yield row
        moved |= _changed(new)
        if found is not None and id not in moved:
            yield found


def _changed(rows: Sequence[ChainedRow]) -> dict[str, None]:
    """Requests that were changed by these rows: a document read before them may be older, and one after them newer."""
    return {row.ticket_id: None for row in rows if row.state}


class _Rows:
    """The rows of the log, each once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._number = 0

    async def until(self, last: int) -> AsyncIterator[ChainedRow]:
        """The rows up to this number."""
        while self._number < last:
            found = await self._store.chained(self._number)
            for row in found:
                if row.number > last:
                    return
                self._number = row.number
                yield row
            if not found:
                return

    async def new(self) -> list[ChainedRow]:
        """The rows that were written since the last ones."""
        return [row async for row in self.until(await self._store.last_row())]


def hand_in(checker: checking.Checker, item: Kept) -> None:
    """Hand one thing to the checker that it is for."""
    match item:
        case ChainedRow():
            checker.row(item)
        case StoredSeal():
            checker.seal(item)
        case StoredTicket():
            checker.request(item)
