"""Who performs effects of a channel where they are written has them at once, and what they are is on the disk."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from sayso import errors
from sayso.stores import Store, memory, sqlite, sqlite_worker
from sayso.testing import outboxes, tickets


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = memory.MemoryStore()
    if request.param == "sqlite":
        opened = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db"))
    yield opened
    await opened.close()


async def test_what_is_written_comes_leased_and_nobody_is_told_to_look_for_it(store: Store) -> None:
    taker, told = outboxes.Taker(), store.work("chat")
    await anext(told)
    waiting = await tickets.started(anext(told))  # type: ignore[arg-type]
    async with store.taking("chat", taker):
        await tickets.ask(store, "r1")
    [job] = taker.jobs
    assert (job.ticket_id, job.effect, job.attempts) == ("r1", outboxes.ANNOUNCE, 0)
    assert await store.next_job(["chat"]) == outboxes.ENDS
    assert not waiting.done()
    # the next one is for whoever looks
    await tickets.ask(store, "r2")
    await waiting


async def test_what_finds_no_room_is_told_to_whoever_looks(store: Store) -> None:
    taker, told = outboxes.Taker(room=1), store.work("chat")
    await anext(told)
    async with store.taking("chat", taker):
        await tickets.ask(store, "r1", "r2")
        await anext(told)
    assert [job.ticket_id for job in taker.jobs] == ["r1"]
    assert [job.ticket_id for job in await outboxes.take(store)] == ["r2"]


async def test_of_two_who_take_on_a_channel_the_second_has_what_the_first_has_no_room_for(store: Store) -> None:
    first, second = outboxes.Taker(room=1), outboxes.Taker()
    async with store.taking("chat", first), store.taking("chat", second):
        await tickets.ask(store, "r1", "r2")
    assert [[job.ticket_id for job in taker.jobs] for taker in (first, second)] == [["r1"], ["r2"]]


async def test_work_that_runs_a_second_time_hands_on_what_the_second_time_wrote(tmp_path: Path) -> None:
    store = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db"))
    taker = outboxes.Taker()
    await tickets.ask(store, "other")
    async with store.taking("chat", taker):
        # one of the group fails after it has written, so that all of it is taken back and run one by one
        both = [(tickets.asked("r1"), tickets.opened()), (tickets.asked("other"), tickets.opened())]
        found = await tickets.together(store.commit_together(both), store.commit(tickets.asked("r2"), tickets.opened()))
    assert [type(one) for one in found] == [errors.Conflict, type(None)]
    assert [(job.ticket_id, job.fence) for job in taker.jobs] == [("r2", 1)]
    await store.done(taker.jobs[0])
    assert [job.ticket_id for job in await outboxes.take(store)] == ["other"]
    await store.close()


async def test_what_may_be_on_the_disk_although_its_commit_failed_is_anybodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, perform = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db")), sqlite_worker.perform
    faults = [apsw.IOError("the disk did not answer")]

    def fails(db: apsw.Cursor, text: str, values: Any = ()) -> None:
        perform(db, text, values)
        if text == "commit" and faults:
            raise faults.pop()

    monkeypatch.setattr(sqlite_worker, "perform", fails)
    taker = outboxes.Taker()
    async with store.taking("chat", taker):
        with pytest.raises(errors.StoreUnavailable):
            await tickets.ask(store, "r1")
        assert taker.jobs == []
        [job] = await outboxes.take(store)
        assert (job.ticket_id, job.attempts) == ("r1", 0)
    await store.close()
