"""What is over is let go where no service runs, and beside one that knows what is to be kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sayso
from sayso import errors
from sayso.desk.upkeep import expiring
from sayso.stores import Record, Store, memory, sqlite
from sayso.testing.clock import ManualClock


def record(name: str, ends: datetime | None) -> Record:
    return Record("draft", name, {}, ends)


async def gone(store: Store, name: str) -> None:
    async with asyncio.timeout(5):
        while await store.get("draft", name):  # noqa: ASYNC110 (a store tells of no record)
            await asyncio.sleep(0)


async def test_a_program_that_asks_over_a_database_lets_go_of_what_is_over(tmp_path: Path) -> None:
    path, now = tmp_path / "a.db", datetime.now(UTC)
    store = await sqlite.SqliteStore.open(str(path))
    await store.put(record("over", now - timedelta(days=2)))
    await store.put(record("just over", now - timedelta(hours=2)))
    await store.put(record("for good", None))
    async with sayso.open(database=f"sqlite:///{path}"):
        await gone(store, "over")
    # clocks differ by less than a day
    assert [one.name for one in await store.scan("draft")] == ["for good", "just over"]
    await store.close()


@pytest.mark.parametrize("kind", ["slack-words", "discord-words", "discord-last-words", "of-a-newer-version"])
async def test_what_no_version_knows_any_more_or_yet_leaves_when_it_is_over(tmp_path: Path, kind: str) -> None:
    """Which kind it is does not matter: so what another version remembers stays until its end, and no longer."""
    clock = ManualClock()
    over, ends = clock.now() - timedelta(days=2), clock.now() + timedelta(days=1)
    file = await sqlite.SqliteStore.open(str(tmp_path / "a.db"))
    for store in (file, memory.MemoryStore()):
        for name, at in (("over", over), ("not over", ends), ("for good", None)):
            await store.put(Record(kind, name, {"ticket": "r1"}, at))
        assert await expiring.expire(store, clock) == 1
        assert [one.name for one in await store.scan(kind)] == ["for good", "not over"]
        await store.close()


async def test_it_does_so_each_hour_and_goes_on_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    clock, store = ManualClock(), memory.MemoryStore()
    forgetting = asyncio.create_task(expiring.expire_on(store, clock))
    for number in range(2):
        await store.put(record(f"{number}", clock.now() - timedelta(days=2)))
        if number:
            clock.advance(3_600)
        await gone(store, f"{number}")
    failed = asyncio.Event()

    async def fail(at: datetime, limit: int = 500) -> int:
        if not failed.is_set():
            failed.set()
            raise errors.StoreUnavailable("the disk is full")
        return await memory.MemoryStore.expire(store, at, limit)

    store.expire = fail  # type: ignore[method-assign]
    await store.put(record("late", clock.now() - timedelta(days=2)))
    clock.advance(3_600)
    async with asyncio.timeout(5):
        await failed.wait()
    assert [one.message for one in caplog.records] == ["records that are over stay for now"]
    assert await store.get("draft", "late")
    clock.advance(3_600)
    await gone(store, "late")
    forgetting.cancel()
