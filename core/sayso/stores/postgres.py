"""Keeps tickets in PostgreSQL, for services with replicas. Holds the connections; the rows are in `tables`.

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

Writes = tuple[sql_store.Write, ...]
"""What is written together or not at all."""

Waiting = tuple[Writes, "asyncio.Future[None]"]


class _Partly(Exception):
    """Of some writes that belong together, one cannot be stored: the transaction is taken back."""


class PostgresStore(sql_store.Tables):
    """A `Store` in a PostgreSQL database that processes may share. Use `await PostgresStore.open(url)`."""

    def __init__(
        self, pool: asyncpg.Pool, timeout: float, poll_interval: float, seen: int, durability: Durability
    ) -> None:
        self.durability = durability
        self._queries = sql.queries("postgres")
        self._pool = pool
        self._timeout = timeout
        self._watch = watch.Watch(self._tail, poll_interval, seen)
        self._queue: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._hearing = asyncio.Event()
        self._ears = asyncio.create_task(self._listen())

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
                reset=_keep,
                timeout=timeout,
                command_timeout=timeout,
            )
            await pool
        except ValueError as error:
            raise pgserver.wrong(
                "this is no PostgreSQL address", "use postgresql://user:password@host/database"
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
            await asyncio.wait_for(store._hearing.wait(), timeout)
        return store

    async def close(self) -> None:
        """Finish what is being written and release the connections; waiters are cancelled."""
        self._watch.close()
        self._ears.cancel()
        await asyncio.wait([self._ears, *([self._writing] if self._writing else [])])
        # a pool whose closing is cut short terminates its connections
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pool.close(), self._timeout)

    async def _read(self, query: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        try:
            return await self._run(query, values, writes=False)
        except errors.StoreUnavailable:
            # the pool replaces a connection that died in its sleep, and reading twice harms nobody
            return await self._run(query, values, writes=False)

    async def _write(self, query: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        return await self._run(query, values, writes=True)

    async def check(self) -> None:
        """See `Store.check`: behind the lock, as every commit is."""
        try:
            async with self._connection() as db, db.transaction(isolation="read_committed"):
                await db.execute(pgserver.LOCK)
                await db.execute(self._queries["probe"])
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error) from error

    async def _run(self, query: str, values: sql_store.Values, *, writes: bool) -> Sequence[sql_store.RawRow]:
        sent = False
        try:
            async with self._connection() as db:
                sent = writes
                return list(await db.fetch(self._queries.get(query, query), *values))
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error, sent=sent) from error

    async def _commit(self, *writes: sql_store.Write) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((writes, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await future

    async def _write_all(self) -> None:
        while self._queue:
            group, self._queue = self._queue, []
            try:
                stored = await self._store([writes for writes, _ in group])
            except _Partly:
                await self._one_by_one(group)
            except pgserver.TROUBLE as error:
                log.warning("a transaction failed", extra={"error": str(error), "jobs": len(group)})
                await self._one_by_one(group)
            else:
                for one, new in zip(group, stored, strict=True):
                    self._answer(one, None if new else _conflict(one[0]))

    async def _one_by_one(self, group: list[Waiting]) -> None:
        # nobody is told anything before it is known what has become of the group
        while group:
            try:
                error = await self._again(group[0][0])
            except pgserver.TROUBLE as trouble:
                for one in group:
                    self._answer(one, pgserver.unknown(trouble))
                return
            self._answer(group.pop(0), error)

    async def _again(self, writes: Writes) -> errors.SaysoError | None:
        """Why this could not be stored; None where it is. Raises the database's own error if that cannot be known."""
        # they are stored together, so one stands for all
        if await self._landed(writes[0]):
            return None
        try:
            [new] = await self._store([writes])
        except (_Partly, asyncpg.UniqueViolationError):  # the reference is taken
            return _conflict(writes)
        except pgserver.TROUBLE as error:
            return None if await self._landed(writes[0]) else pgserver.unavailable(error)
        return None if new else _conflict(writes)

    async def _store(self, group: Sequence[Writes]) -> Sequence[bool]:
        """Write them in one transaction; for each whether it was the next version of its tickets."""
        async with (
            self._connection() as db,
            # with a stricter level, what is read after the lock could be older than the lock
            db.transaction(isolation="read_committed"),
        ):
            await db.execute(pgserver.LOCK)
            tickets = [write.ticket for writes in group for write in writes if write.ticket]
            fresh = {tuple(row) for row in await db.fetchmany(self._queries["store"], tickets)}
            # of two with the same version the first has won: the second finds it gone
            found = [{not write.ticket or _discarded(fresh, write.ticket[:3]) for write in writes} for writes in group]
            if any(len(won) > 1 for won in found):
                raise _Partly
            stored = [won == {True} for won in found]
            new = [write for writes, won in zip(group, stored, strict=True) if won for write in writes]
            await db.executemany(self._queries["append"], [write.logged for write in new])
            await db.executemany(self._queries["write"], [effect for write in new for effect in write.effects])
        return stored

    async def _landed(self, write: sql_store.Write) -> bool:
        # behind the lock: a commit whose answer was lost may still be under way
        async with self._connection() as db, db.transaction(isolation="read_committed"):
            await db.execute(pgserver.LOCK)
            ref = write.ticket[1] if write.ticket else None
            return bool(await db.fetch(self._queries["landed"], *write.logged, ref))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any, None]:
        async with self._pool.acquire(timeout=self._timeout) as db:
            try:
                yield db
            except asyncpg.InternalClientError:
                # cut off in the middle of something: whoever got it next would fail, too
                db.terminate()
                raise

    def _answer(self, one: Waiting, error: errors.SaysoError | None) -> None:
        writes, future = one
        for ticket_id, version, _ in (write.logged for write in writes if error is None):
            self._watch.told(ticket_id, version)
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
                    await self._hear(db)
            except pgserver.TROUBLE as error:
                log.warning("notices of other processes are lost", extra={"error": str(error)})
            await asyncio.sleep(_RECONNECT)

    async def _hear(self, db: Any) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        db.add_termination_listener(lambda _connection: lost.set())
        await db.add_listener("sayso", self._heard)
        self._hearing.set()
        try:
            # what was committed while nobody listened
            await self._watch.poll()
            await lost.wait()
        finally:
            # not given back to the pool alive: to stop listening would need an answer, and the server may be gone
            db.terminate()

    def _heard(self, _connection: Any, _process: int, _channel: str, notice: object) -> None:
        version, _, ticket_id = str(notice).partition(" ")
        self._watch.told(ticket_id, int(version))


def _discarded(fresh: set[tuple[Any, ...]], key: tuple[Any, ...]) -> bool:
    there = key in fresh
    fresh.discard(key)
    return there


async def _keep(_db: Any) -> None:
    """Nothing to reset: what is set at the start stays. Spares a round trip a query."""


def _conflict(writes: Writes) -> errors.Conflict:
    ids = ", ".join(write.logged[0] for write in writes)
    return errors.Conflict(f"request {ids} was changed by somebody else")
