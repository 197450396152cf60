"""Keeps tickets in PostgreSQL, for services with replicas. What it shares with SQLite is in `sql_store`.

Commits go through one task: all that waits is one transaction, and log numbers become visible in their order.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
from sayso import errors
from sayso.stores import pgserver, sql, sql_store, watch
from sayso.stores.protocol import Durability

log = logging.getLogger(__name__)

# How long to wait for a connection, an answer or a lock, in seconds.
TIMEOUT = 5.0

# How often to look for commits that no notice told of, in seconds; only while somebody waits.
POLL_INTERVAL = 5.0

# How long to wait before listening again after the connection was lost, in seconds.
_RECONNECT = 0.5

escape, unescape = pgserver.escape, pgserver.unescape

Bundle = tuple[sql_store.CommitRows, ...]
"""What is committed together or not at all."""

Waiting = tuple[Bundle, "asyncio.Future[None]"]
"""A bundle, and who waits until it is durable."""


class _CutBundle(Exception):
    """One commit of a bundle cannot be stored, so the transaction is taken back."""


class PostgresStore(sql_store.SqlStore):
    """A `Store` in a PostgreSQL database that processes may share. Use `await PostgresStore.open(url)`."""

    dialect = "postgres"

    def __init__(
        self, pool: asyncpg.Pool, timeout: float, poll_interval: float, seen: int, durability: Durability
    ) -> None:
        self.durability = durability
        self._queries = sql.queries(self.dialect)
        self._pool = pool
        self._timeout = timeout
        self._watch = watch.Watch(self._tail, poll_interval, seen)
        self._queue: list[Waiting] = []
        self._committing: asyncio.Task[None] | None = None
        self._is_listening = asyncio.Event()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls, url: str, *, timeout: float = TIMEOUT, poll_interval: float = POLL_INTERVAL) -> PostgresStore:
        """Connect, and bring the schema up to date. Times are in seconds.

        Raises:
            InvalidSettings: the address is wrong, the database is of a newer version or acknowledges too early.
            StoreUnavailable: the database cannot be reached.
        """
        try:
            pool = asyncpg.create_pool(
                url,
                min_size=1,
                max_size=10,
                init=functools.partial(pgserver.prepare, timeout=timeout),
                reset=_reset_nothing,
                timeout=timeout,
                command_timeout=timeout,
            )
            await pool
        except ValueError as error:
            raise pgserver.wrong(
                "this is not a PostgreSQL address", "use postgresql://user:password@host/database"
            ) from error
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error) from error
        try:
            store = await cls._started(pool, timeout, poll_interval)
        except BaseException:
            pool.terminate()
            raise
        return store

    @classmethod
    async def _started(cls, pool: asyncpg.Pool, timeout: float, poll_interval: float) -> PostgresStore:
        try:
            async with pool.acquire(timeout=timeout) as db:
                durability = await pgserver.durability(db)
                await pgserver.migrate(db)
                seen = await db.fetchval(sql.queries("postgres")["last_row"])
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error) from error
        store = cls(pool, timeout, poll_interval, seen, durability)
        # without it the first notices would be missed until the next look
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(store._is_listening.wait(), timeout)
        return store

    async def close(self) -> None:
        """Finish what is being written and release the connections; waiters are cancelled."""
        self._watch.close()
        self._listener.cancel()
        await asyncio.wait([self._listener, *([self._committing] if self._committing else [])])
        # a pool whose closing is cut short terminates its connections
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pool.close(), self._timeout)

    async def _read(self, query: sql.Name, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        return await self._select(self._queries[query], *values)

    async def _select(self, text: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        try:
            return await self._run(text, values, writes=False)
        except errors.StoreUnavailable:
            # the pool replaces a connection that died in its sleep, and reading twice does no harm
            return await self._run(text, values, writes=False)

    async def _write(self, query: sql.Name, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        return await self._run(self._queries[query], values, writes=True)

    async def check(self) -> None:
        """See `Store.check`: behind the lock, as every commit is."""
        try:
            async with self._connection() as db, db.transaction(isolation="read_committed"):
                await db.execute(pgserver.LOCK)
                await db.execute(self._queries["probe"])
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error) from error

    async def _run(self, text: str, values: sql_store.Values, *, writes: bool) -> Sequence[sql_store.RawRow]:
        sent = False
        try:
            async with self._connection() as db:
                sent = writes
                return list(await db.fetch(text, *values))
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error, sent=sent) from error

    async def _commit(self, *commits: sql_store.CommitRows) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((commits, future))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all())
        await future

    async def _commit_all(self) -> None:
        while self._queue:
            group, self._queue = self._queue, []
            try:
                stored = await self._commit_group([bundle for bundle, _ in group])
            except _CutBundle:
                await self._commit_one_by_one(group)
            except pgserver.TROUBLE as error:
                log.warning("a transaction failed", extra={"error": str(error), "jobs": len(group)})
                await self._commit_one_by_one(group)
            else:
                for one, new in zip(group, stored, strict=True):
                    self._tell(one, None if new else _conflict(one[0]))

    async def _commit_one_by_one(self, group: list[Waiting]) -> None:
        # nobody is told anything before it is known what has become of the group
        while group:
            try:
                error = await self._commit_again(group[0][0])
            except pgserver.TROUBLE as trouble:
                for one in group:
                    self._tell(one, pgserver.unknown(trouble))
                return
            self._tell(group.pop(0), error)

    async def _commit_again(self, bundle: Bundle) -> errors.SaysoError | None:
        """Return why this could not be stored; None if it is. Raises the database's own error if nobody can know."""
        # they are stored together, so one stands for all
        if await self._was_committed(bundle[0]):
            return None
        try:
            [new] = await self._commit_group([bundle])
        except (_CutBundle, asyncpg.UniqueViolationError):  # the reference is taken
            return _conflict(bundle)
        except pgserver.TROUBLE as error:
            return None if await self._was_committed(bundle[0]) else pgserver.unavailable(error)
        return None if new else _conflict(bundle)

    async def _commit_group(self, group: Sequence[Bundle]) -> Sequence[bool]:
        """Write them in one transaction; for each whether it was the next version of its tickets."""
        async with (
            self._connection() as db,
            # with a stricter level, what is read after the lock could be older than the lock
            db.transaction(isolation="read_committed"),
        ):
            await db.execute(pgserver.HURRY)
            tickets = [commit.ticket for bundle in group for commit in bundle if commit.ticket]
            fresh = {tuple(row) for row in await db.fetchmany(self._queries["put_ticket"], tickets)}
            # of two with the same version the first has won: the second finds it gone
            found = [{not one.ticket or _take_out(fresh, one.ticket[:3]) for one in bundle} for bundle in group]
            if any(len(won) > 1 for won in found):
                raise _CutBundle
            stored = [won == {True} for won in found]
            new = [commit for bundle, won in zip(group, stored, strict=True) if won for commit in bundle]
            await db.executemany(self._queries["append"], [_appended(commit) for commit in new])
            await db.executemany(self._queries["put_effect"], [effect for commit in new for effect in commit.effects])
            if beside := [record for commit in new for record in commit.beside]:
                await db.executemany(self._queries["put_beside"], beside)
            if left := [kept for commit in new for kept in commit.kept]:
                await db.executemany(self._queries["leave"], left)
        return stored

    async def _was_committed(self, commit: sql_store.CommitRows) -> bool:
        # behind the lock: a commit whose answer was lost may still be under way
        async with self._connection() as db, db.transaction(isolation="read_committed"):
            await db.execute(pgserver.LOCK)
            ref = commit.ticket[1] if commit.ticket else None
            return bool(await db.fetch(self._queries["was_committed"], *commit.logged, ref))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any, None]:
        async with self._pool.acquire(timeout=self._timeout) as db:
            try:
                yield db
            except asyncpg.InternalClientError:  # pragma: no cover - only for a cut in the middle of one message
                # cut off in the middle of something: the next one to get it would fail, too
                db.terminate()
                raise

    def _tell(self, one: Waiting, error: errors.SaysoError | None) -> None:
        bundle, future = one
        for ticket_id, version, _ in (commit.logged for commit in bundle if error is None):
            self._watch.tell(ticket_id, version)
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    async def _tail(self, seen: int) -> Sequence[tuple[int, str, int]]:
        return [(row[0], row[1], row[2]) for row in await self._read("tail", seen)]

    async def _listen(self) -> None:
        while True:
            try:
                async with self._pool.acquire(timeout=self._timeout) as db:
                    await self._listen_on(db)
            except pgserver.TROUBLE as error:
                log.warning("notices of other processes are lost", extra={"error": str(error)})
            await asyncio.sleep(_RECONNECT)

    async def _listen_on(self, db: Any) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        db.add_termination_listener(lambda _connection: lost.set())
        await db.add_listener("sayso", self._take_notice)
        self._is_listening.set()
        try:
            # what was committed while nobody listened
            await self._watch.poll()
            await lost.wait()
        finally:
            # not given back to the pool alive: to stop listening would need an answer, and the server may be gone
            db.terminate()

    def _take_notice(self, _connection: Any, _process: int, _channel: str, notice: object) -> None:
        version, _, ticket_id = str(notice).partition(" ")
        self._watch.tell(ticket_id, int(version))


def _appended(commit: sql_store.CommitRows) -> sql_store.Values:
    link = commit.link
    return *commit.logged, link.body, link.state, link.rest


def _take_out(fresh: set[tuple[Any, ...]], key: tuple[Any, ...]) -> bool:
    there = key in fresh
    fresh.discard(key)
    return there


async def _reset_nothing(_db: Any) -> None:
    """Leave what was set at the start. It spares each query a round trip."""


def _conflict(bundle: Bundle) -> errors.Conflict:
    ids = ", ".join(commit.logged[0] for commit in bundle)
    return errors.Conflict(f"request {ids} was changed by somebody else")
