"""Keeps tickets in PostgreSQL, for services with replicas. Holds the connections; the rows are in `tables`.

Commits go through one task: all that waits is one transaction, and log numbers become visible in their order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
from sayso import errors, sql, store, tables, watch

log = logging.getLogger(__name__)

# How long to wait for a connection, an answer or a lock, in seconds.
TIMEOUT = 5.0

# How often to look for commits that no notice told of, in seconds; only while somebody waits.
POLL_INTERVAL = 5.0

# How long to wait before listening again after the connection was lost, in seconds.
_RECONNECT = 0.5

# Held until the end of a transaction: the next one gets its log numbers only after this one can be seen.
# "sayso" in ASCII, so that no other program takes the same by chance.
_LOCK = f"select pg_advisory_xact_lock({int.from_bytes(b'sayso')})"

_TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

Waiting = tuple[tables.Write, "asyncio.Future[None]"]


class PostgresStore(tables.Tables):
    """A `Store` in a PostgreSQL database that processes may share. Use `await PostgresStore.open(url)`."""

    def __init__(
        self, pool: asyncpg.Pool, timeout: float, poll_interval: float, seen: int, durability: store.Durability
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
                url, min_size=1, max_size=10, init=_prepare, reset=_keep, timeout=timeout, command_timeout=timeout
            )
            await pool
        except ValueError as error:
            raise _wrong("this is no PostgreSQL address", "use postgresql://user:password@host/database") from error
        except _TROUBLE as error:
            raise _unavailable(error) from error
        try:
            kept = await cls._started(pool, timeout, poll_interval)
        except BaseException:
            pool.terminate()
            raise
        return kept

    @classmethod
    async def _started(cls, pool: asyncpg.Pool, timeout: float, poll_interval: float) -> PostgresStore:
        try:
            async with pool.acquire(timeout=timeout) as db:
                durability = await _durability(db)
                await _migrate(db)
                seen = await db.fetchval(sql.queries("postgres")["last_row"])
        except _TROUBLE as error:
            raise _unavailable(error) from error
        kept = cls(pool, timeout, poll_interval, seen, durability)
        # without it the first notices would be missed until the next look
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(kept._hearing.wait(), timeout)
        return kept

    async def close(self) -> None:
        """Finish what is being written and release the connections; waiters are cancelled."""
        self._watch.close()
        self._ears.cancel()
        await asyncio.wait([self._ears, *([self._writing] if self._writing else [])])
        # a pool whose closing is cut short terminates its connections
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pool.close(), self._timeout)

    async def _read(self, query: str, *values: tables.Value) -> Sequence[tables.RawRow]:
        try:
            return await self._write(query, *values)
        except errors.StoreUnavailable:
            # the pool replaces a connection that died in its sleep, and reading twice harms nobody
            return await self._write(query, *values)

    async def _write(self, query: str, *values: tables.Value) -> Sequence[tables.RawRow]:
        try:
            async with self._connection() as db:
                return list(await db.fetch(self._queries.get(query, query), *values))
        except _TROUBLE as error:
            raise _unavailable(error) from error

    async def _commit(self, write: tables.Write) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((write, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await future

    async def _write_all(self) -> None:
        while self._queue:
            group, self._queue = self._queue, []
            try:
                stored = await self._store([write for write, _ in group])
            except _TROUBLE as error:
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
            except _TROUBLE as trouble:
                for one in group:
                    self._answer(one, _unavailable(trouble, "it is not known whether this was stored"))
                return
            self._answer(group.pop(0), error)

    async def _again(self, write: tables.Write) -> errors.SaysoError | None:
        """Why this could not be stored; None where it is. Raises the database's own error if that cannot be known."""
        if await self._landed(write):
            return None
        try:
            [new] = await self._store([write])
        except asyncpg.UniqueViolationError:  # the reference is taken
            return _conflict(write)
        except _TROUBLE as error:
            return None if await self._landed(write) else _unavailable(error)
        return None if new else _conflict(write)

    async def _store(self, writes: Sequence[tables.Write]) -> Sequence[bool]:
        """Write them in one transaction; for each whether it was the next version."""
        async with (
            self._connection() as db,
            # with a stricter level, what is read after the lock could be older than the lock
            db.transaction(isolation="read_committed"),
        ):
            await db.execute(_LOCK)
            rows = await db.fetchmany(self._queries["store"], [write.ticket for write in writes if write.ticket])
            fresh = {tuple(row) for row in rows}
            # of two with the same version the first has won: the second finds it gone
            stored = [not write.ticket or _discarded(fresh, write.ticket[:3]) for write in writes]
            new = [write for write, won in zip(writes, stored, strict=True) if won]
            await db.executemany(self._queries["append"], [write.logged for write in new])
            await db.executemany(self._queries["write"], [effect for write in new for effect in write.effects])
        return stored

    async def _landed(self, write: tables.Write) -> bool:
        # behind the lock: a commit whose answer was lost may still be under way
        async with self._connection() as db, db.transaction(isolation="read_committed"):
            await db.execute(_LOCK)
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
        write, future = one
        if error is None:
            self._watch.told(write.logged[0], write.logged[1])
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
            except _TROUBLE as error:
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


async def _prepare(db: Any) -> None:
    await db.set_type_codec("text", schema="pg_catalog", encoder=escape, decoder=unescape, format="text")


async def _keep(_db: Any) -> None:
    """Nothing to reset: no session is ever changed. Spares a round trip a query."""


def escape(text: str) -> str:
    """PostgreSQL has no NUL in text: it becomes SUB 0, and SUB itself SUB 1. JSON has neither, so it stays as it is."""
    return text.replace("\x1a", "\x1a1").replace("\0", "\x1a0")


def unescape(text: str) -> str:
    """The opposite of `escape`."""
    return text.replace("\x1a0", "\0").replace("\x1a1", "\x1a")


async def _durability(db: Any) -> store.Durability:
    synchronous, flushed = await db.fetchval("show synchronous_commit"), await db.fetchval("show fsync")
    if synchronous == "off":
        raise _wrong(
            "the database acknowledges commits that a crash can undo (synchronous_commit is off)",
            "alter role … set synchronous_commit = on",
        )
    version = await db.fetchval("show server_version")
    level = f"synchronous_commit={synchronous}, fsync={flushed}"
    return store.Durability("PostgreSQL", version, level, safe=flushed == "on")


async def _migrate(db: Any) -> None:
    steps = sql.migrations("postgres")
    async with db.transaction(isolation="read_committed"):
        await db.execute(_LOCK)
        known = await db.fetchval("select to_regclass('sayso_schema') is not null")
        version = await db.fetchval("select version from sayso_schema") if known else 0
        if version > len(steps):
            raise _wrong(f"the database was written by a newer sayso (schema {version})", "upgrade sayso")
        for step in steps[version:]:
            await db.execute(step)
        if version < len(steps):
            await db.execute(f"update sayso_schema set version = {len(steps)}")


def _conflict(write: tables.Write) -> errors.Conflict:
    return errors.Conflict(f"request {write.logged[0]} was changed by somebody else")


def _unavailable(error: BaseException, hint: str = "see the log of the database; try again") -> errors.StoreUnavailable:
    reason = str(error) or type(error).__name__
    return errors.StoreUnavailable(f"the database cannot be used now: {reason}", hint=hint)


def _wrong(message: str, hint: str) -> errors.InvalidSettings:
    return errors.InvalidSettings(message, field="SAYSO_DATABASE_URL", hint=hint)
