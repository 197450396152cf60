"""Erases the content of requests, and what they left elsewhere. What proves the log stays.

The rule: a row says what was erased, and the digest of what was left. So it shows if somebody else erases.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sayso import clock as clocks
from sayso import errors, machine
from sayso.audit import checking
from sayso.desk.admission import forgetting, pictures
from sayso.desk.setup import Retention
from sayso.desk.shell import Shell
from sayso.desk.upkeep import duties, expiring, suggested_content
from sayso.machine import erasing, events
from sayso.stores import Record, Store, chain, whole_log
from sayso.stores.auditing import Position
from sayso.stores.occupied import Occupied

_KIND = "purged"
# Requests looked at in one go; between two of them everybody else has the database.
_BATCH = 100
# Requests that are remembered as not over yet; a thousand ids take 40 kB.
_MOST_LEFT = 1_000
# Seconds between two looks, and for which one process has the work.
_EVERY = 3600.0
_START: Position = (datetime(1970, 1, 1, tzinfo=UTC), "")


@dataclass
class Purged:
    """What was removed."""

    erased: int = 0
    """Requests whose content is gone."""
    traces: int = 0
    """Rows that said where cards stand, and of effects that were performed."""
    records: int = 0
    """Drafts, sessions and the like that were over."""
    unreadable: list[str] = field(default_factory=list[str])
    """Requests that are damaged, so that nothing of them was touched."""
    occupied: list[str] = field(default_factory=list[str])
    """Requests that somebody else held: they are left to the next purge."""


async def purge(store: Store, clock: clocks.Clock, retention: Retention, by: str) -> Purged:
    """Remove what is to be removed by now, in small steps. If it is cut short, the next one goes on where it was."""
    done = Purged()
    done.records = await expiring.expire(store, clock)
    if retention.traces is not None:
        await _go_through(store, clock, "traces", retention.traces, _forget, done)
    if retention.content is not None:

        async def erase_content(store: Store, id: str, done: Purged) -> None:
            done.erased += await erase(store, id, clock.now(), by)

        await _go_through(store, clock, "content", retention.content, erase_content, done)
        async for id in suggested_content.to_erase(store, clock.now()):
            with _unless_occupied(id, done):
                await erase_content(store, id, done)
    return done


async def purge_these(store: Store, clock: clocks.Clock, ids: Iterable[str], by: str) -> Purged:
    """Erase the content of these requests at once, however long ago they were decided.

    Raises:
        NotFound: there is no such request. Those before it are erased.
        Refused: it is not over yet, likewise.
    """
    done = Purged()
    for id in ids:
        with _unless_occupied(id, done):
            done.erased += await erase(store, id, clock.now(), by)
    return done


async def _forget(store: Store, id: str, done: Purged) -> None:
    done.traces += await store.forget(id)


@contextlib.contextmanager
def _unless_occupied(id: str, done: Purged) -> Generator[None]:
    """One row that somebody else holds ends no purge: it is named, and left to the next one."""
    try:
        yield
    except Occupied:
        done.occupied.append(id)


async def purge_on(shell: Shell) -> None:
    """Purge now and then, for ever, as the settings say at that moment; one process at a time."""
    duty = duties.Duty(shell.store, shell.clock, "purging", _EVERY)

    async def once() -> None:
        await purge(shell.store, shell.clock, shell.setup.retention, "retention")

    await duties.repeat(duty, shell.clock, _EVERY, once)


async def erase(store: Store, id: str, at: datetime, by: str) -> bool:
    """Erase the content of a decided request and of its rows in the log; whether there was any.

    Raises:
        NotFound: there is no such request.
        Refused: it is not over yet.
    """
    while True:
        ticket = await store.load(id)
        log = whole_log(store, id)
        left = {row.number: found async for row in log if (found := erasing.kept(row.entry)) != row.entry}
        texts = {number: entry.model_dump_json(exclude_none=True) for number, entry in left.items()}
        kept = checking.kept_digest([(number, chain.sha256(text)) for number, text in texts.items()])
        event = events.Erased(at=at, by=by, kept=kept)
        step = machine.step(ticket, event)
        if step.ticket.version == ticket.version:
            return False
        # first, so that one that is cut short begins again
        await pictures.forget(store, ticket)
        await forgetting.forget(store, ticket, at)
        with contextlib.suppress(errors.Conflict):
            await store.erase(step, event, texts)
            return True


_Remove = Callable[[Store, str, Purged], Awaitable[None]]


@dataclass
class _Reached:
    """How far the purges came."""

    over: Position
    """Up to here all is over."""
    looked: Position
    """Up to here all was looked at once."""
    left: list[str]
    """What of it was not over, or could not be read: it alone is looked at again."""


async def _go_through(
    store: Store, clock: clocks.Clock, what: str, seconds: float, remove: _Remove, done: Purged
) -> None:
    """Remove of the requests that were decided so long ago, oldest first, from where the last purge came to."""
    until = clock.now() - timedelta(seconds=seconds)

    async def is_removed(id: str) -> bool:
        with _unless_occupied(id, done):
            if await _is_over(store, id, until, clock.now(), done):
                await remove(store, id, done)
                return True
        return False

    record = await store.get(_KIND, what)
    reached = _read(record)
    for id in [*reached.left]:
        if await is_removed(id):
            reached.left.remove(id)
    record = await _remember(store, what, reached, record)
    while found := await store.oldest(reached.looked, until, _BATCH):
        for position in found:
            if not await is_removed(position[1]):
                reached.left.append(position[1])
            reached.looked = position
        record = await _remember(store, what, reached, record)


async def _is_over(store: Store, id: str, until: datetime, now: datetime, done: Purged) -> bool:
    try:
        ticket = await store.load(id)
    except (errors.NotFound, errors.Unreadable):
        done.unreadable.append(id)
        return False
    decision = ticket.decision
    return decision is not None and decision.decided_at < until and not erasing.may_still_run(ticket, now)


def _read(record: Record | None) -> _Reached:
    value: dict[str, Any] = record.value if record else _written(_START)
    over = _position(value)
    # a version that knows nothing of these looks at all behind `over` again, and leaves them out
    return _Reached(over, _position(value.get("looked", value)), [*value.get("left", ())])


def _position(value: dict[str, Any]) -> Position:
    return datetime.fromisoformat(value["at"]), str(value["id"])


async def _remember(store: Store, what: str, reached: _Reached, before: Record | None) -> Record | None:
    if len(reached.left) > _MOST_LEFT:
        # the next purge comes by here once more
        return before
    if not reached.left:
        reached.over = reached.looked
    value: dict[str, Any] = _written(reached.over)
    if reached.left:
        value |= {"looked": _written(reached.looked), "left": reached.left}
    if value == (before.value if before else _written(_START)):
        return before
    version = before.version if before else 0
    with contextlib.suppress(errors.Conflict):
        await store.put(Record(_KIND, what, value, None, version))
    return await store.get(_KIND, what)


def _written(position: Position) -> dict[str, Any]:
    return {"at": position[0].isoformat(), "id": position[1]}
