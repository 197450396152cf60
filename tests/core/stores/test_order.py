"""Commits of several processes on PostgreSQL wait for nobody, and whoever follows the log misses none of them."""

import asyncio
import contextlib
import random
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from sayso import errors
from sayso.desk.upkeep import broadcast, sealing
from sayso.stores import Record, commit_rows, pgcommits, pgserver, postgres
from sayso.testing import tickets
from sayso.testing.clock import ManualClock
from tests.conftest import BOUND
from tests.core.audit.test_checking import Hmac, checked
from tests.fakes import processes
from tests.fakes.pg import pg_schema, pg_server, pg_tables

# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

__all__ = ["pg_schema", "pg_server", "pg_tables"]


@pytest.fixture
async def store(pg_tables: str) -> AsyncIterator[postgres.PostgresStore]:
    found = await postgres.PostgresStore.open(pg_tables, timeout=3.0)
    yield found
    await found.close()


class Copy:
    """A process that may stop between its commit's last statement and the end of the transaction."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._begun: Any = None

    async def begin(self, id: str) -> None:
        self._begun = self._db.transaction()
        await self._begun.start()
        rows = commit_rows.of_step(tickets.asked(id), tickets.opened())
        assert await self._db.fetchval(pgcommits._PUT, *pgcommits.arguments([(rows,)])) == []

    async def end(self, how: str = "commit") -> None:
        await getattr(self._begun, how)()


@contextlib.asynccontextmanager
async def copies(url: str, count: int) -> AsyncGenerator[list[Copy]]:
    databases = [await asyncpg.connect(url) for _ in range(count)]
    for db in databases:
        await pgserver.prepare(db, 30.0, set())
    yield [Copy(db) for db in databases]
    for db in databases:
        await db.close()


async def ids_after(store: postgres.PostgresStore, number: int = 0) -> list[str]:
    return [row.ticket_id for row in await store.log_after(number)]


async def test_a_row_that_is_committed_late_is_missed_by_nobody(store: postgres.PostgresStore, pg_tables: str) -> None:
    sealer = sealing.Sealer(store, ManualClock(tickets.NOW), Hmac())
    heard = broadcast.Broadcast(store, ManualClock(tickets.NOW), 10.0)
    await tickets.ask(store, "r1")
    async with copies(pg_tables, 1) as [late], asyncio.timeout(BOUND):
        with heard.listen(0) as listener:
            await late.begin("late")
            # others do not wait for it
            await tickets.ask(store, "r2", "r3")
            assert await ids_after(store) == ["r1"]
            assert [row.ticket_id for row in await store.chained(0)] == ["r1"]
            assert await sealer.seal() == 1
            following = asyncio.create_task(listener.next())
            newest = await tickets.started(store.last_row())
            await late.end()
            assert await newest == 4
            rows = list(await following)
            while len(rows) < 4:
                rows += await listener.next()
            assert [row.ticket_id for row in rows] == ["r1", "late", "r2", "r3"]
    assert await ids_after(store) == ["r1", "late", "r2", "r3"]
    assert await sealer.seal() == 1
    report = await checked(store)
    assert (report.findings, report.seals, report.rows) == ([], 2, 4)


async def test_a_commit_that_is_taken_back_holds_up_nobody(store: postgres.PostgresStore, pg_tables: str) -> None:
    changes = store.changes()
    async with copies(pg_tables, 1) as [late], asyncio.timeout(BOUND):
        await late.begin("never")
        await tickets.ask(store, "r1")
        await anext(changes)
        assert await ids_after(store) == []
        await late.end("rollback")
        # nobody commits any more, and no notice comes
        while not await ids_after(store):
            await anext(changes)
    assert await store.last_row() == 2


async def test_a_commit_that_does_not_end_is_said_by_whoever_must_know_the_last_row(
    store: postgres.PostgresStore, pg_tables: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_timeout", 0.2)
    async with copies(pg_tables, 1) as [late]:
        await late.begin("late")
        with pytest.raises(errors.StoreUnavailable, match="a commit does not end"):
            await store.last_row()
        await late.end()


@pytest.mark.parametrize("seed", range(5))
async def test_in_any_order_of_commits_a_reader_gets_each_row_once(
    store: postgres.PostgresStore, pg_tables: str, seed: int
) -> None:
    drawn, seen, open_ones = random.Random(seed), list[int](), list[Copy]()
    async with copies(pg_tables, 4) as idle:
        for n in range(100):
            match drawn.choice(("begin", "commit", "rollback", "read", "commit")):
                case "begin" if idle:
                    open_ones.append(idle.pop())
                    await open_ones[-1].begin(f"r{n}")
                case "commit" | "rollback" as how if open_ones:
                    idle.append(open_ones.pop(drawn.randrange(len(open_ones))))
                    await idle[-1].end(how)
                case _:
                    rows = await store.log_after(seen[-1] if seen else 0, drawn.randint(1, 5))
                    seen += [row.number for row in rows]
        for copy in open_ones:
            await copy.end()
    while rows := await store.log_after(seen[-1] if seen else 0):
        seen += [row.number for row in rows]
    assert seen == [row[0] for row in await store._select("select number from log order by number")]
    assert len(seen) > 3


async def test_rows_of_one_request_are_chained_one_after_the_other(
    store: postgres.PostgresStore, pg_tables: str
) -> None:
    other = await postgres.PostgresStore.open(pg_tables)
    await tickets.together(*((store, other)[n % 2].append("", 0, tickets.opened()) for n in range(40)))
    hashes = [(row.prev, row.hash) for row in await store.chained(0)]
    assert [prev for prev, _ in hashes[1:]] == [own for _, own in hashes[:-1]]
    await other.close()


async def test_a_record_that_another_copy_writes_is_not_waited_for(
    store: postgres.PostgresStore, pg_tables: str
) -> None:
    await store.put(Record("past", "x", {"n": 1}))
    other = await asyncpg.connect(pg_tables)
    await other.execute("begin")
    await other.execute("update records set version = 9 where kind = 'past'")
    async with asyncio.timeout(BOUND):
        kept = [Record("past", "x", {"n": 2}, version=1), Record("past", "new", {"n": 3})]
        await store.commit(tickets.asked("r1"), tickets.opened(), kept)
    await other.execute("rollback")
    await other.close()
    assert await store.get("past", "x") == Record("past", "x", {"n": 1}, version=1)
    assert await store.get("past", "new") == Record("past", "new", {"n": 3}, version=1)


async def test_an_idle_copy_is_not_woken_for_work_that_another_one_takes_on(
    store: postgres.PostgresStore, pg_tables: str
) -> None:
    idle = await postgres.PostgresStore.open(pg_tables)
    taken, left, log = store.work("chat"), idle.work("chat"), idle.changes()
    for stream in (taken, left, log):
        await anext(stream)
    waiting = await tickets.started(anext(left))  # type: ignore[arg-type]
    async with asyncio.timeout(BOUND):
        await tickets.ask(store, "r1")
        await anext(taken)
        # it has heard of the request by now
        await anext(log)
    assert not waiting.done()
    # the other copy stops: what comes now is taken on by whoever is left
    del taken
    async with asyncio.timeout(BOUND):
        await tickets.ask(store, "r2")
        await waiting
    await idle.close()


async def test_notices_of_this_process_are_not_heard_again(
    store: postgres.PostgresStore, pg_tables: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, told, other = store._watch.tell, list[str](), await postgres.PostgresStore.open(pg_tables)

    def telling(id: str, *more: Any) -> None:
        told.append(id)
        tell(id, *more)

    monkeypatch.setattr(store._watch, "tell", telling)
    await tickets.ask(store, "r1", "r2")
    await store._notices.sent()
    await tickets.ask(other, "r3")
    async with asyncio.timeout(BOUND):
        while "r3" not in told:  # noqa: ASYNC110 (it is another store that tells of it)
            await asyncio.sleep(0.002)
    assert told == ["r1", "r2", "r3"]
    await other.close()


WRITER = """
import asyncio, sys
from sayso.stores import postgres
from sayso.testing import tickets

async def main(url):
    kept = await postgres.PostgresStore.open(url)
    print("ready", flush=True)
    for n in range(100_000):
        await asyncio.gather(*(tickets.ask(kept, f"child-{n}-{m}") for m in range(5)))

asyncio.run(main(sys.argv[1]))
"""


async def test_a_copy_that_is_frozen_at_any_moment_stops_no_other(pg_schema: str, tmp_path: Path) -> None:
    store, longest = await postgres.PostgresStore.open(pg_schema, timeout=3.0), 0.0
    async with processes.started([sys.executable, "-c", WRITER, pg_schema], tmp_path) as running:
        await running.line("ready")
        child = running.process
        for n in range(12):
            child.send_signal(signal.SIGSTOP)
            for m in range(3):
                begun = time.monotonic()
                await tickets.ask(store, f"r{n}-{m}")
                longest = max(longest, time.monotonic() - begun)
            seen = await store.last_row()
            child.send_signal(signal.SIGCONT)
            async with asyncio.timeout(BOUND):
                while await store.last_row() <= seen:  # noqa: ASYNC110 (it is another process that writes)
                    await asyncio.sleep(0.002)
    # a frozen copy held the others for three seconds when it held a lock
    assert longest < 2.0
    await store.close()
