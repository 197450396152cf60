"""Keeps tickets in PostgreSQL, for services with replicas. What it shares with SQLite is in `sql_store`.

Log numbers are given out before their commits and may become visible in another order: rows are read only as far as
nothing can come between them any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
from sayso import errors, model
from sayso.machine import events
from sayso.stores import (
    commit_rows,
    documents,
    pgcommits,
    pgnotices,
    pgreads,
    pgserver,
    sql,
    sql_store,
    takers,
    watch,
)
from sayso.stores.outbox import Job
from sayso.stores.protocol import Durability

# How long to wait for a connection, an answer or a lock, in seconds.
TIMEOUT = 5.0

# How often to look for commits that no notice told of, in seconds; only while somebody waits.
POLL_INTERVAL = 5.0

_CONNECTIONS = 10

# How soon rows are looked for again that others may yet come before, in seconds.
_AGAIN = 0.05

# Queries that follow the log in order, by the number of the last row seen.
_FOLLOWING: frozenset[sql.Name] = frozenset({"chained", "log_after", "tail"})

# Asked by many at the same moment: requests, and with the same values the stops that stand.
_SHARED: Mapping[sql.Name, pgreads.Merge | None] = {"load": pgreads.loads, "scan": None}

escape, unescape = pgserver.escape, pgserver.unescape


class PostgresStore(sql_store.SqlStore):
    """A `Store` in a PostgreSQL database that processes may share. Use `await PostgresStore.open(url)`."""

    dialect = "postgres"

    def __init__(
        self,
        pool: asyncpg.Pool,
        timeout: float,
        poll_interval: float,
        seen: int,
        durability: Durability,
        own: set[int],
    ) -> None:
        self.durability = durability
        self._queries = sql.queries(self.dialect)
        self._pool = pool
        # the queue for a connection is ours, and not the pool's: to wait in it says nothing of the database
        self._turns = asyncio.Semaphore(_CONNECTIONS)
        self._answered = 0.0
        self._timeout = timeout
        self._final = seen
        self._reads = pgreads.Reads(self._ask)
        self._watch = watch.Watch(self._tail, poll_interval, seen)
        self._notices = pgnotices.Notices(self._connection, self._watch, own)
        self._takers = takers.Takers()
        self._commits = pgcommits.Commits(self._connection, self._select, self._tell, self._takers)

    @classmethod
    async def open(cls, url: str, *, timeout: float = TIMEOUT, poll_interval: float = POLL_INTERVAL) -> PostgresStore:
        """Connect, and bring the schema up to date. Times are in seconds.

        Raises:
            InvalidSettings: the address is wrong, the database is of a newer version or acknowledges too early.
            StoreUnavailable: the database cannot be reached.
        """
        own = set[int]()
        try:
            pool = asyncpg.create_pool(
                url,
                # none is kept for its own sake: a pool without its least writes a trace for each try to have it back
                min_size=0,
                max_size=_CONNECTIONS,
                init=functools.partial(pgserver.prepare, timeout=timeout, own=own),
                reset=_reset_nothing,
                timeout=timeout,
                command_timeout=timeout,
            )
            await pool
            await pool.release(await pool.acquire(timeout=timeout))
        except ValueError as error:
            raise pgserver.wrong(
                "this is not a PostgreSQL address", "use postgresql://user:password@host/database"
            ) from error
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error) from error
        try:
            store = await cls._started(pool, timeout, poll_interval, own)
        except BaseException:
            pool.terminate()
            raise
        return store

    @classmethod
    async def _started(cls, pool: asyncpg.Pool, timeout: float, poll_interval: float, own: set[int]) -> PostgresStore:
        try:
            async with pool.acquire(timeout=timeout) as db:
                durability = await pgserver.durability(db)
                await pgserver.migrate(db)
                seen = await db.fetchval(sql.queries("postgres")["last_row"])
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error) from error
        store = cls(pool, timeout, poll_interval, seen, durability, own)
        # without it the first notices would be missed until the next look
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(store._notices.is_listening.wait(), timeout)
        return store

    async def close(self) -> None:
        """Finish what is being written and release the connections; waiters are cancelled."""
        self._watch.close()
        self._notices.stop()
        await self._commits.finish()
        await self._notices.finish()
        # a pool whose closing is cut short terminates its connections
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pool.close(), self._timeout)

    async def _read(self, query: sql.Name, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        text = self._queries[query]
        if query in _FOLLOWING:
            return await self._follow(text, values)
        if query in _SHARED:
            return await self._reads.read(text, values, _SHARED[query])
        return await self._select(text, *values)

    async def _select_few(self, text: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        return await self._reads.read(text, values, pgreads.look_backs)

    async def _follow(self, text: str, values: sql_store.Values) -> Sequence[sql_store.RawRow]:
        """Read rows of the log after a number: as many as no other one can come between any more."""
        seen, known = int(values[0] or 0), self._final
        rows = await self._select(text, *values)
        if not rows or rows[-1][0] <= known:
            return rows
        if rows[-1][0] - seen == len(rows) and seen <= known:
            # no number is missing
            self._final = max(self._final, rows[-1][0])
            return rows
        [[final, _]] = await self._select(self._queries["last_row"])
        self._final = max(self._final, final)
        # anew: what came between may have been committed since
        rows = await self._select(text, *values)
        if rows and rows[-1][0] > final:
            # if what is under way is taken back, nobody tells of it
            asyncio.get_running_loop().call_later(_AGAIN, self._watch.tell_of_all)
        return [row for row in rows if row[0] <= final]

    async def last_row(self) -> int:
        """See `Store.last_row`; what is under way is waited for, so that whatever can be seen is in the log before."""
        [[final, newest]] = await self._select(self._queries["last_row"])
        ends = asyncio.get_running_loop().time() + self._timeout
        while final < newest:
            if asyncio.get_running_loop().time() > ends:
                raise pgserver.unavailable(TimeoutError("a commit does not end"))
            await asyncio.sleep(_AGAIN / 10)
            [[final, _]] = await self._select(self._queries["last_row"])
        self._final = max(self._final, final)
        return int(newest)

    async def _select(self, text: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        return await self._ask(lambda: (text, values))

    async def _ask(self, statement: Callable[[], pgreads.Statement]) -> Sequence[sql_store.RawRow]:
        for _ in range(_CONNECTIONS):
            try:
                return await self._run(statement, writes=False)
            except errors.StoreUnavailable as error:
                # the pool replaces a connection that died in its sleep, and reading twice does no harm
                if not isinstance(error.__cause__, pgserver.DEAD):
                    raise
        return await self._run(statement, writes=False)

    async def _write(self, query: sql.Name, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        return await self._run(lambda: (self._queries[query], values), writes=True)

    async def _run(self, statement: Callable[[], pgreads.Statement], *, writes: bool) -> Sequence[sql_store.RawRow]:
        sent = False
        try:
            async with self._connection() as db:
                text, values = statement()
                sent = writes
                return list(await db.fetch(text, *values))
        except pgserver.TROUBLE as error:
            raise pgserver.unavailable(error, sent=sent) from error

    async def _commit(self, *commits: commit_rows.CommitRows) -> None:
        await self._commits.commit(commits)

    async def settle(self, job: Job, posted: model.PostedCard, version: int, entry: events.Entry) -> bool:
        """See `Store.settle`: in one statement."""
        logged, card = commit_rows.of_entry(job.ticket_id, version, entry), documents.row_of_posted_card(posted)
        values = *pgcommits.arguments([(logged,)]), *card, job.key, job.fence, version
        try:
            [[ended]] = await self._run(lambda: (pgcommits.SETTLE, values), writes=True)
        except errors.StoreUnavailable:
            # by that whoever performs it again finds the card
            with contextlib.suppress(errors.StoreUnavailable):
                await self.add_card(posted)
            raise
        self._tell((logged,), ())
        return bool(ended)

    async def _all_told(self) -> None:
        await self._commits.sent()

    def _tell(self, bundle: pgcommits.Bundle, handed: Collection[str]) -> None:
        for commit in bundle:
            ticket_id, version, _ = commit.logged
            work = commit.work_without(handed)
            self._watch.tell(ticket_id, version, work, commit.document)
            self._notices.send(ticket_id, version, frozenset(one for one in work if not self._watch.is_taken_on(one)))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any, None]:
        await self._turn()
        try:
            async with self._pool.acquire(timeout=self._timeout) as db:
                if self._pool.is_closing():  # pragma: no cover - only asyncpg before 0.32 gives it out
                    # it was being made when the pool was closed, and nobody else would close it
                    db.terminate()
                    raise asyncpg.InterfaceError("the store is closed")
                try:
                    yield db
                except asyncpg.InternalClientError:  # pragma: no cover - only for a cut in the middle of one message
                    # cut off in the middle of something: the next one to get it would fail, too
                    db.terminate()
                    raise
                self._answered = asyncio.get_running_loop().time()
        finally:
            self._turns.release()

    async def _turn(self) -> None:
        """Wait for a connection, however long the queue is. Raises TimeoutError if the database answers nobody."""
        if not self._turns.locked():
            # at once
            await self._turns.acquire()
            return
        now = asyncio.get_running_loop().time
        begun = now()
        await self._turns.acquire()
        # so all who wait fail with those who asked, and not one after the other
        if now() - max(begun, self._answered) > self._timeout / 2:
            self._turns.release()
            raise TimeoutError("nobody got an answer")

    async def _tail(self, seen: int) -> Sequence[tuple[int, str, int]]:
        return [(row[0], row[1], row[2]) for row in await self._read("tail", seen)]


async def _reset_nothing(_db: Any) -> None:
    """Leave what was set at the start. It spares each query a round trip."""
