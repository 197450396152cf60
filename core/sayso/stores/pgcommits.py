"""Commits to PostgreSQL: all that waits in this process is one statement, and what it may not tell is looked up first.

The rule: no process waits for another one, unless both write the same request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import asyncpg  # type: ignore[import-untyped]

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from sayso import errors
from sayso.content import wording
from sayso.stores import commit_rows, documents, pgserver, sql_store, takers
from sayso.stores.outbox import Job, Taker

log = logging.getLogger(__name__)

Bundle = tuple[commit_rows.CommitRows, ...]
"""What is committed together or not at all."""

Waiting = tuple[Bundle, "asyncio.Future[None]"]
"""A bundle, and who waits until it is durable."""

Lent = Mapping[str, tuple[Taker, datetime]]
"""To whom effects of a group are leased as they are written, by their keys, and until when."""

Row = dict[str, sql_store.Value]

# Bundles in one statement: each takes a lock, and the server has a table for so many.
_MOST = 200
# Statements under way at the same time: while one waits for the disk, the next one is made.
_AT_ONCE = 2

_TICKET = ("ref", "state", "wake_at", "owner", "session", "created_at", "audience", "requester", "ends_at", "document")
_EFFECT = ("key", "ticket_id", "channel", "effect", "written_at", "due_at", "until")
_RECORD = ("kind", "name", "value", "expires_at", "version")
_KEPT = ("entry", "number")

_ENCODER = json.JSONEncoder(ensure_ascii=False)
# As JSON has what `pgserver.escape` escapes.
_TO_ESCAPE = ("\\u0000", "\\u001a")

_PUT = "select lost, keys, fences from pg_temp.put_group($1, $2, $3, $4, $5)"
SETTLE = f"select pg_temp.settle({', '.join(f'${number}' for number in range(1, 14))})"
_WAS_PUT = "select pg_temp.was_put($1, $2, $3, $4)"
# Before that end nobody else takes what was leased as it was written.
_LEASED = """
select key, ticket_id, effect, 0, fence, written_at, until
from unnest($1::text[], $2::bigint[]) as lent (key, until) join outbox using (key)
where lease = fence and due_at = until
"""
# Of session.sql: one commit of a bundle is not the next version, so that nothing at all was written.
_CUT = "SAYSO"


class Commits:
    """The commits of one process, and who takes on their effects.

    *tell* is called for each one that is stored, also if its caller has gone, with the keys of what was handed on.
    """

    def __init__(
        self,
        connection: Callable[[], AbstractAsyncContextManager[Any]],
        select: Callable[..., Awaitable[Sequence[sql_store.RawRow]]],
        tell: Callable[[Bundle, Collection[str]], None],
        taking_on: takers.Takers,
    ) -> None:
        self._connection = connection
        self._select = select
        self._tell = tell
        self._takers = taking_on
        self._queue: list[Waiting] = []
        self._running = set[asyncio.Task[None]]()

    async def commit(self, bundle: Bundle) -> None:
        """Write all of it or nothing. Raises `Conflict`, and `StoreUnavailable`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((bundle, future))
        self._begin()
        await future

    async def finish(self) -> None:
        """Return once all that was begun has ended."""
        while self._running:
            await self.sent()

    async def sent(self) -> None:
        """Return once all has ended that was sent by now."""
        if self._running:
            await asyncio.wait(set(self._running))

    def _begin(self) -> None:
        if self._queue and len(self._running) < _AT_ONCE:
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._go_on)

    def _go_on(self, ended: asyncio.Task[None]) -> None:
        self._running.discard(ended)
        self._begin()

    async def _run(self) -> None:
        group, self._queue = self._queue[:_MOST], self._queue[_MOST:]
        if group:
            await self._commit_group(group, self._lend(commit for bundle, _ in group for commit in bundle))

    def _lend(self, commits: Iterable[commit_rows.CommitRows]) -> Lent:
        lent: dict[str, tuple[Taker, datetime]] = {}
        for effect in (effect for commit in commits for effect in commit.effects if _is_due(effect)):
            if one := self._takers.lease(str(effect[2])):
                lent[str(effect[0])] = one
        return lent

    async def put(self, group: Sequence[Bundle], lent: Lent) -> tuple[Sequence[bool], Mapping[str, int]]:
        """Write them in one transaction; for each whether it was the next version of its tickets.

        And the fences of what is leased now, by keys. Raises an error of the database if nothing was written, or if
        nobody knows.
        """
        async with self._connection() as db:
            lost, keys, fences = await db.fetchrow(_PUT, *arguments(group, lent))
        leased = zip(map(pgserver.unescape, keys or ()), fences or (), strict=True)
        return [number not in lost for number in range(len(group))], dict(leased)

    async def _commit_group(self, group: list[Waiting], lent: Lent) -> None:
        try:
            stored, fences = await self.put([bundle for bundle, _ in group], lent)
        except pgserver.TROUBLE as error:
            if len(group) > 1:
                log.warning("a transaction failed", extra={"error": wording.of_error(error), "jobs": len(group)})
            # one that cannot be stored, or must wait for somebody else, holds up no other
            await asyncio.gather(*(self._commit_again(one, lent) for one in group))
            await self._find_leased(lent)
        else:
            jobs = _jobs((bundle for (bundle, _), new in zip(group, stored, strict=True) if new), fences, lent)
            for one, new in zip(group, stored, strict=True):
                self._end(one, None if new else _conflict(one[0]), jobs)
            # behind those who wait
            takers.hand_on([(lent[key][0], job) for key, job in jobs.items()])

    async def _find_leased(self, lent: Lent) -> None:
        """Hand on what is leased although the answer that would say so was lost."""
        keys, ends = list(map(pgserver.escape, lent)), [documents.to_micros(until) for _, until in lent.values()]
        # where this fails as well, the lease ends by itself
        with contextlib.suppress(errors.StoreUnavailable):
            rows = await self._select(_LEASED, keys, ends) if lent else ()
            takers.hand_on([(lent[job.key][0], job) for job in documents.read_all(documents.read_job, rows)])

    async def _commit_again(self, one: Waiting, lent: Lent) -> None:
        try:
            error = await self._what_became_of(one[0], lent)
        except (*pgserver.TROUBLE, errors.StoreUnavailable) as trouble:
            error = pgserver.unknown(trouble.__cause__ or trouble)
        self._end(one, error)

    async def _what_became_of(self, bundle: Bundle, lent: Lent) -> errors.SaysoError | None:
        """Return why this could not be stored; None if it is. Raises an error of the database if nobody can know."""
        # they are stored together, so one stands for all
        if await self._was_put(bundle[0]):
            return None
        try:
            [new], _ = await self.put([bundle], lent)
        except pgserver.TROUBLE as error:
            # the first try may have come through only now, and what it wrote is what the second one met
            if await self._was_put(bundle[0]):
                return None
            return _conflict(bundle) if _is_cut(error) else pgserver.unavailable(error)
        return None if new or await self._was_put(bundle[0]) else _conflict(bundle)

    async def _was_put(self, commit: commit_rows.CommitRows) -> bool:
        ref = commit.ticket[1] if commit.ticket else None
        [[stored]] = await self._select(_WAS_PUT, *commit.logged, ref)
        return bool(stored)

    def _end(self, one: Waiting, error: errors.SaysoError | None, handed: Collection[str] = ()) -> None:
        bundle, future = one
        if error is None:
            self._tell(bundle, handed)
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _is_cut(error: Exception) -> bool:
    # or the reference of a new ticket is taken
    return getattr(error, "sqlstate", None) == _CUT or isinstance(error, asyncpg.UniqueViolationError)


def _jobs(stored: Iterable[Bundle], fences: Mapping[str, int], lent: Lent) -> Mapping[str, Job]:
    """What of it is leased. A later effect stands in for an earlier one of its key."""
    commits = (commit for bundle in stored for commit in bundle)
    effects = (pair for commit in commits for pair in zip(commit.effects, commit.performed, strict=True))
    found = ((str(row[0]), str(row[1]), effect) for row, effect in effects if row[0] in fences)
    return {key: Job(key, ticket_id, effect, 0, fences[key], lent[key][1]) for key, ticket_id, effect in found}


def _is_due(effect: sql_store.Values) -> bool:
    *_, written_at, due_at = effect
    return due_at == written_at


def _until(effect: sql_store.Values, lent: Lent) -> int | None:
    one = lent.get(str(effect[0])) if _is_due(effect) else None
    return documents.to_micros(one[1]) if one else None


def arguments(group: Sequence[Bundle], lent: Lent | None = None) -> tuple[list[str], str, str, str, str]:
    """Bundles as the arguments of `put_group`, and first of `settle`."""
    lent = lent or {}
    numbered = [(number, len(bundle), one) for number, bundle in enumerate(group) for one in bundle]
    ids = {pgserver.escape(one.logged[0]) for _, _, one in numbered}
    commits = [{"bundle": number, "size": size, **_commit(one)} for number, size, one in numbered]
    effects = [(number, _EFFECT, (*row, _until(row, lent))) for number, _, one in numbered for row in one.effects]
    beside = [(number, _RECORD, row) for number, _, one in numbered for row in one.beside]
    kept = [(number, _KEPT, row) for number, _, one in numbered for row in one.kept]
    return list(ids), _json(commits), _placed(effects), _placed(beside), _placed(kept)


def _commit(commit: commit_rows.CommitRows) -> Row:
    id, version, entry = commit.logged
    link = commit.link
    found: Row = {
        "id": id,
        "version": version,
        "entry": entry,
        "body": link.body,
        "digest": link.state,
        "rest": link.rest,
    }
    if commit.ticket:
        # its id and version are those of the log
        found |= dict(zip(_TICKET, (commit.ticket[1], *commit.ticket[3:]), strict=True))
    return found


def _placed(rows: Sequence[tuple[int, Sequence[str], sql_store.Values]]) -> str:
    return _json(
        [
            {"bundle": number, "place": place, **dict(zip(names, row, strict=True))}
            for place, (number, names, row) in enumerate(rows)
        ]
    )


def _escaped(row: Row) -> Row:
    return {name: pgserver.escape(value) if isinstance(value, str) else value for name, value in row.items()}


def _json(rows: Sequence[Row]) -> str:
    if not rows:
        return "[]"
    text = _ENCODER.encode(rows)
    # hardly ever is there anything to escape, and each value would be looked through for it
    return _ENCODER.encode([_escaped(row) for row in rows]) if any(one in text for one in _TO_ESCAPE) else text


def _conflict(bundle: Bundle) -> errors.Conflict:
    ids = ", ".join(commit.logged[0] for commit in bundle)
    return errors.Conflict(f"request {ids} was changed by somebody else")
