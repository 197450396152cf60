"""Reads from PostgreSQL: those that are asked at the same moment, and are alike, are one statement.

The rule: nobody is given what was read before they asked, and what cannot be read for one is read for the others.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg  # type: ignore[import-untyped]

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from sayso import errors
from sayso.stores import documents, pgserver

Rows = Sequence[documents.RawRow]
Asked = tuple[str, documents.Values]
"""A statement as one asks it, with its values."""
Statement = tuple[str, Sequence[object]]

Merge = Callable[[Sequence[documents.Values]], Statement]
"""Makes one statement of several of one kind. The last column of its rows tells for which of them each is, from 0."""

# What they bring is in memory at the same time, and the documents of requests may be large.
_MOST = 50

# Values of `lists.select_records` for each: kind, first, after, most.
_EACH = 4

# Whoever reads alone would be told the same.
_LOST = (OSError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError)

# Limited, so that each row is found by its key whatever the planner thinks of the tables.
_LOAD = """
select document, version, number - 1 as place from unnest($1::text[]) with ordinality as asked (id, number),
lateral (select document, version from tickets where tickets.id = asked.id limit 1) as found
"""
_LOOK_BACK = """
select found.*, place from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::int[])
as asked (place, kind, first, after, most), lateral (
    select kind, name, value, expires_at, version from records
    where records.kind = asked.kind and records.name >= asked.first and records.name < asked.after
    order by records.name desc limit asked.most
) as found
"""


@dataclass(slots=True, eq=False)
class _Batch:
    """What is asked with one statement."""

    merge: Merge | None
    asked: dict[Asked, None] = field(default_factory=lambda: {})
    task: asyncio.Task[dict[Asked, Rows | BaseException]] | None = None


class Reads:
    """The reads of one process. *select* reads with the statement that it is given once there is a connection."""

    def __init__(self, select: Callable[[Callable[[], Statement]], Awaitable[Rows]]) -> None:
        self._select = select
        self._unsent: dict[object, _Batch] = {}

    async def read(self, text: str, values: documents.Values, merge: Merge | None = None) -> Rows:
        """The rows of a statement. With *merge* it may be one with others, and without it only with equal ones.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        statement = text, values
        key = merge or statement
        batch = self._unsent.get(key)
        if batch is None or len(batch.asked) == _MOST:
            batch = self._unsent[key] = _Batch(merge)
            batch.task = asyncio.create_task(self._answers(key, batch))
        batch.asked[statement] = None
        assert batch.task
        # who goes away takes it from nobody
        found = (await asyncio.shield(batch.task))[statement]
        if isinstance(found, BaseException):
            raise found
        return found

    async def _answers(self, key: object, batch: _Batch) -> dict[Asked, Rows | BaseException]:
        asked = batch.asked
        try:
            rows = await self._select(functools.partial(self._sent, key, batch))
        except errors.StoreUnavailable as error:
            self._close(key, batch)
            if len(asked) == 1 or isinstance(error.__cause__, _LOST):
                raise
            alone = (self._select(functools.partial(_as_asked, one)) for one in asked)
            return dict(zip(asked, await asyncio.gather(*alone, return_exceptions=True), strict=True))
        finally:
            # there may have been no connection for it
            self._close(key, batch)
        found = _parted(rows, len(asked)) if len(asked) > 1 else [rows]
        return dict(zip(asked, found, strict=True))

    def _sent(self, key: object, batch: _Batch) -> Statement:
        # what is asked from now on may hold more
        self._close(key, batch)
        [first, *others] = batch.asked
        return batch.merge([values for _, values in batch.asked]) if others and batch.merge else first

    def _close(self, key: object, batch: _Batch) -> None:
        if self._unsent.get(key) is batch:
            del self._unsent[key]


def _as_asked(one: Asked) -> Statement:
    return one


def loads(asked: Sequence[documents.Values]) -> Statement:
    """Several of the query `load` in one."""
    return _LOAD, [_texts(id for (id,) in asked)]


def look_backs(asked: Sequence[documents.Values]) -> Statement:
    """Several of `lists.select_records` in one."""
    each = [
        (place, *values[at : at + _EACH]) for place, values in enumerate(asked) for at in range(0, len(values), _EACH)
    ]
    places, kinds, firsts, afters, mosts = zip(*each, strict=True)
    return _LOOK_BACK, [places, *map(_texts, (kinds, firsts, afters)), mosts]


def _texts(values: Iterable[documents.Value]) -> list[str]:
    # the codec of a connection is for texts, and not for lists of them
    return [pgserver.escape(str(value)) for value in values]


def _parted(rows: Rows, parts: int) -> list[list[documents.RawRow]]:
    """The rows of each, without the column that tells whose they are."""
    found: list[list[documents.RawRow]] = [[] for _ in range(parts)]
    for row in rows:
        found[row[-1]].append(row[:-1])
    return found
