"""Commits to PostgreSQL: all that waits in this process is one statement, and what it may not tell is looked up first.

The rule: no process waits for another one, unless both write the same request.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg  # type: ignore[import-untyped]

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from sayso import errors
from sayso.stores import commit_rows, pgserver, sql_store

log = logging.getLogger(__name__)

Bundle = tuple[commit_rows.CommitRows, ...]
"""What is committed together or not at all."""

Waiting = tuple[Bundle, "asyncio.Future[None]"]
"""A bundle, and who waits until it is durable."""

Row = dict[str, sql_store.Value]

# Bundles in one statement: each takes a lock, and the server has a table for so many.
_MOST = 200
# Statements under way at the same time: while one waits for the disk, the next one is made.
_AT_ONCE = 2

_TICKET = ("ref", "state", "wake_at", "owner", "session", "created_at", "audience", "requester", "ends_at", "document")
_EFFECT = ("key", "ticket_id", "channel", "effect", "written_at", "due_at")
_RECORD = ("kind", "name", "value", "expires_at", "version")
_KEPT = ("entry", "number")

_ENCODER = json.JSONEncoder(ensure_ascii=False)
# As JSON has what `pgserver.escape` escapes.
_TO_ESCAPE = ("\\u0000", "\\u001a")

_PUT = "select pg_temp.put_group($1, $2, $3, $4, $5)"
_WAS_PUT = "select pg_temp.was_put($1, $2, $3, $4)"
# Of session.sql: one commit of a bundle is not the next version, so that nothing at all was written.
_CUT = "SAYSO"


class Commits:
    """The commits of one process. *tell* is called for each one that is stored, also if its caller has gone."""

    def __init__(
        self,
        connection: Callable[[], AbstractAsyncContextManager[Any]],
        select: Callable[..., Awaitable[Sequence[sql_store.RawRow]]],
        tell: Callable[[Bundle], None],
    ) -> None:
        self._connection = connection
        self._select = select
        self._tell = tell
        self._queue: list[Waiting] = []
        self._running = set[asyncio.Task[None]]()

    async def commit(self, bundle: Bundle) -> None:
        """Write all of it or nothing. Raises `Conflict`, and `StoreUnavailable`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((bundle, future))
        if len(self._running) < _AT_ONCE:
            self._running.add(asyncio.create_task(self._run()))
        await future

    async def finish(self) -> None:
        """Return once all that was begun has ended."""
        if self._running:
            await asyncio.wait(set(self._running))

    async def put(self, group: Sequence[Bundle]) -> Sequence[bool]:
        """Write them in one transaction; for each whether it was the next version of its tickets.

        Raises:
            PostgresError: nothing was written, or nobody knows.
        """
        async with self._connection() as db:
            lost = await db.fetchval(_PUT, *_arguments(group))
        return [number not in lost for number in range(len(group))]

    async def _run(self) -> None:
        try:
            while self._queue:
                group, self._queue = self._queue[:_MOST], self._queue[_MOST:]
                await self._commit_group(group)
        finally:
            task = asyncio.current_task()
            assert task
            self._running.discard(task)

    async def _commit_group(self, group: list[Waiting]) -> None:
        try:
            stored = await self.put([bundle for bundle, _ in group])
        except pgserver.TROUBLE as error:
            if len(group) > 1:
                log.warning(
                    "a transaction failed", extra={"error": str(error) or type(error).__name__, "jobs": len(group)}
                )
            # one that cannot be stored, or must wait for somebody else, holds up no other
            await asyncio.gather(*map(self._commit_again, group))
        else:
            for one, new in zip(group, stored, strict=True):
                self._end(one, None if new else _conflict(one[0]))

    async def _commit_again(self, one: Waiting) -> None:
        try:
            error = await self._what_became_of(one[0])
        except (*pgserver.TROUBLE, errors.StoreUnavailable) as trouble:
            error = pgserver.unknown(trouble.__cause__ or trouble)
        self._end(one, error)

    async def _what_became_of(self, bundle: Bundle) -> errors.SaysoError | None:
        """Return why this could not be stored; None if it is. Raises an error of the database if nobody can know."""
        # they are stored together, so one stands for all
        if await self._was_put(bundle[0]):
            return None
        try:
            [new] = await self.put([bundle])
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

    def _end(self, one: Waiting, error: errors.SaysoError | None) -> None:
        bundle, future = one
        if error is None:
            self._tell(bundle)
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _is_cut(error: Exception) -> bool:
    # or the reference of a new ticket is taken
    return getattr(error, "sqlstate", None) == _CUT or isinstance(error, asyncpg.UniqueViolationError)


def _arguments(group: Sequence[Bundle]) -> tuple[list[str], str, str, str, str]:
    numbered = [(number, len(bundle), one) for number, bundle in enumerate(group) for one in bundle]
    ids = {pgserver.escape(one.logged[0]) for _, _, one in numbered}
    commits = [{"bundle": number, "size": size, **_commit(one)} for number, size, one in numbered]
    effects = [(number, _EFFECT, row) for number, _, one in numbered for row in one.effects]
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
