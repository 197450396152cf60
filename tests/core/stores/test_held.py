"""A row that a foreign session holds, such as a `psql` with an open transaction, stops nothing but its own request."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import asyncpg  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs]
import pytest

from sayso import errors
from sayso.desk import Desk, Setup, authority, keys, timekeeper
from sayso.desk.setup import Retention
from sayso.desk.upkeep import attendance, purging, stopping
from sayso.stores import Record, postgres, record_kinds
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, permission
from tests.conftest import BOUND, until
from tests.fakes.pg import pg_server, pg_tables

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

__all__ = ["pg_server", "pg_tables"]

# By its time and by its name it comes first, wherever requests are gone through.
HELD, OTHERS = "a", ("b", "c")
# The server gives up waiting for a row after a while: asked without a pause, it would do nothing else meanwhile.
ASKED_AGAIN = 0.01
BOSS = stopping.Who("boss", "boss", "terminal")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def desk(pg_tables: str, clock: ManualClock) -> AsyncIterator[Desk]:
    store = await postgres.PostgresStore.open(pg_tables)
    yield Desk(store, MINT, Setup(), clock)
    await store.close()


@asynccontextmanager
async def somebody(
    url: str, statement: str = f"select 1 from tickets where id = '{HELD}' for update"
) -> AsyncGenerator[None]:
    """Somebody else holds the row, in a transaction that does not end."""
    psql = await asyncpg.connect(url)
    await psql.execute("begin")
    await psql.execute(statement)
    try:
        yield
    finally:
        await psql.close()


async def outcomes(desk: Desk) -> list[str | None]:
    decisions = [(await desk.store.load(id)).decision for id in (HELD, *OTHERS)]
    return [decision.outcome if decision else None for decision in decisions]


async def test_what_is_due_expires_beside_it_and_it_expires_once_it_is_free(
    desk: Desk, clock: ManualClock, pg_tables: str
) -> None:
    for id in (HELD, *OTHERS):
        await desk.open(permission(id=id))
    watching = asyncio.create_task(timekeeper.expire_due(desk, desk.store, clock))
    async with somebody(pg_tables):
        clock.advance(24 * 3600)
        async with asyncio.timeout(BOUND):
            while await outcomes(desk) != [None, "expired", "expired"]:
                await anext(desk.store.changes())
        # the service is as ready as before
        assert not watching.done()
        await desk.store.check()
    async with asyncio.timeout(BOUND):
        while await outcomes(desk) != ["expired"] * 3:
            clock.advance(1.0)
            await asyncio.sleep(ASKED_AGAIN)
    watching.cancel()


async def test_a_stop_reaches_the_others_and_it_too_once_it_is_free(
    desk: Desk, clock: ManualClock, pg_tables: str
) -> None:
    for id in (*OTHERS, HELD):
        # the newest is gone through first
        clock.advance(1.0)
        await desk.open(permission(id=id))

    async def stopped() -> list[bool]:
        return [(await desk.store.load(id)).stopped is not None for id in (HELD, *OTHERS)]

    async with somebody(pg_tables):
        await stopping.stop(desk, BOSS)
        assert await stopped() == [False, True, True]
    watching = asyncio.create_task(stopping.watch(desk))
    async with asyncio.timeout(BOUND):
        while not all(await stopped()):
            await anext(desk.store.changes())
    watching.cancel()


async def test_a_purge_goes_on_beside_it_and_the_next_one_takes_it_too(
    desk: Desk, clock: ManualClock, pg_tables: str
) -> None:
    for id in (HELD, *OTHERS):
        await desk.open(permission(id=id))
        await desk.cancel(id)
    clock.advance(2 * 86_400)
    kept = Retention(content=86_400)
    async with somebody(pg_tables):
        done = await purging.purge(desk.store, clock, kept, "ops")
    assert (done.erased, done.occupied) == (2, [HELD])
    done = await purging.purge(desk.store, clock, kept, "ops")
    assert (done.erased, done.occupied) == (1, [])


async def test_a_key_is_revoked_and_what_it_asked_withdrawn_beside_it(
    desk: Desk, clock: ManualClock, pg_tables: str
) -> None:
    chain = keys.Keys(desk.store)
    secret = await chain.add("bot", "agent", clock.now())
    caller = (await chain.find(secret)).caller
    for id in (*OTHERS, HELD):
        clock.advance(1.0)
        await desk.open(permission(id=id), caller)
    async with somebody(pg_tables):
        assert await chain.revoke("bot", clock.now()) == len(OTHERS)
        assert await outcomes(desk) == [None, "cancelled", "cancelled"]
        with pytest.raises(errors.Unauthorized):
            await chain.find(secret)
    watching = asyncio.create_task(authority.watch(desk.store, clock))
    await until(lambda: not watching.done())
    async with asyncio.timeout(BOUND):
        while await outcomes(desk) != ["cancelled"] * 3:
            await anext(desk.store.changes())
    watching.cancel()


async def test_what_dead_processes_waited_for_is_withdrawn_beside_it(
    desk: Desk, clock: ManualClock, pg_tables: str
) -> None:
    for id in (HELD, *OTHERS):
        await desk.open(permission(id=id))
        waits = {"ticket": id, "process": "dead", "owner": None}
        await desk.store.put(Record(record_kinds.WAITER, f"{id}/1", waits))
    watching = asyncio.create_task(attendance.watch(desk.attendance))

    async def look_until(wanted: list[str | None]) -> None:
        async with asyncio.timeout(BOUND):
            while await outcomes(desk) != wanted:
                clock.advance(1.0)
                await asyncio.sleep(ASKED_AGAIN)

    async with somebody(pg_tables):
        await look_until([None, "cancelled", "cancelled"])
    await look_until(["cancelled"] * 3)
    watching.cancel()


@pytest.mark.parametrize("table", ["tickets", "log", "outbox", "records"])
async def test_a_copy_is_not_ready_while_somebody_locks_a_table_that_commits_need(pg_tables: str, table: str) -> None:
    store = await postgres.PostgresStore.open(pg_tables, timeout=1.0)
    # as `create index` does; reading goes on
    async with somebody(pg_tables, f"lock table {table} in share mode"):
        with pytest.raises(errors.StoreUnavailable):
            await store.check()
    await store.check()
    await store.close()
