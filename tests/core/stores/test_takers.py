"""Who performs effects of a channel where they are written has them at once, and what they are is on the disk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg  # type: ignore[import-untyped]
import pytest

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import Job, Store, memory, postgres, sqlite, sqlite_worker
from sayso.testing import outboxes, tickets
from tests.fakes import pg
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> AsyncIterator[Store]:
    opened: Store = memory.MemoryStore()
    if request.param == "sqlite":
        opened = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db"))
    elif request.param == "postgres":
        opened = await postgres.PostgresStore.open(pg_tables)
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


async def test_who_is_stopped_twice_has_all_that_was_leased_before(store: Store) -> None:
    taker, taken_on = outboxes.Taker(), asyncio.Event()

    async def take_on() -> None:
        async with store.taking("chat", taker):
            taken_on.set()
            await asyncio.Event().wait()

    taking = asyncio.create_task(take_on())
    await taken_on.wait()
    asking = asyncio.gather(*(tickets.ask(store, f"r{n}") for n in range(3)))
    for _ in range(3):
        await asyncio.sleep(0)
    for _ in range(2):
        taking.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(taking, return_exceptions=True)
    handed = [*taker.jobs]
    assert len(handed) == 3
    await asking
    assert taker.jobs == handed


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


@pytest.mark.parametrize("forward", [True, False])
async def test_who_loses_the_answer_to_a_commit_finds_what_it_has_leased(
    pg_tables: str, tmp_path: Path, forward: bool
) -> None:
    async with pg.proxied(pg_tables, tmp_path) as (proxy, url):
        store = await postgres.PostgresStore.open(url)
        taker = outboxes.Taker(room=2)
        async with store.taking("chat", taker):
            proxy.forward, proxy.cuts = forward, 1
            await tickets.together(*(tickets.ask(store, name) for name in ("r1", "r2", "r3")))
            assert proxy.cuts == 0
        jobs = [*taker.jobs, *await outboxes.take(store)]
        assert len(taker.jobs) == 2
        assert sorted((job.ticket_id, job.attempts) for job in jobs) == [("r1", 0), ("r2", 0), ("r3", 0)]
        assert [job.effect for job in jobs] == [outboxes.ANNOUNCE] * 3
        for job in jobs:
            await store.done(job)
        assert await store.next_job(["chat"]) is None
        await store.close()


async def test_what_nobody_can_know_to_be_leased_is_anybodys_once_the_lease_is_over(
    pg_tables: str, tmp_path: Path
) -> None:
    async with pg.proxied(pg_tables, tmp_path) as (proxy, url):
        store = await postgres.PostgresStore.open(url, timeout=1.0)
        taker = outboxes.Taker()
        async with store.taking("chat", taker):
            proxy.refuse, proxy.cuts = True, 1
            with pytest.raises(errors.StoreUnavailable, match="cannot be used"):
                await tickets.ask(store, "r1")
        # to look is in vain as well
        assert taker.jobs == []
        proxy.refuse = False
        async with asyncio.timeout(10):
            while not await store.log("r1"):
                pass
        assert await outboxes.take(store, outboxes.ENDS - outboxes.SECOND) == []
        [job] = await outboxes.take(store, outboxes.ENDS)
        assert (job.ticket_id, job.attempts) == ("r1", 1)
        await store.close()


async def test_what_one_copy_has_leased_no_other_one_takes_while_it_lives(pg_tables: str) -> None:
    one, other = await postgres.PostgresStore.open(pg_tables), await postgres.PostgresStore.open(pg_tables)
    taker, elsewhere = outboxes.Taker(), outboxes.Taker()
    async with one.taking("chat", taker), other.taking("chat", elsewhere):
        await tickets.ask(one, "r1")
        assert await outboxes.take(other, outboxes.ENDS - outboxes.SECOND) == []
        # what the other copy writes of it waits for whoever performs it
        changed = (await other.load("r1")).model_copy(update={"version": 2})
        await other.commit(machine.Step(changed, (outboxes.ANNOUNCE,)), tickets.opened())
        assert elsewhere.jobs == []
        [job] = taker.jobs
        await one.done(job)
        [again] = await outboxes.take(other)
    assert (again.key, again.attempts) == (job.key, 0)
    for store in (one, other):
        await store.close()


async def test_of_two_effects_in_one_statement_that_stand_for_each_other_the_later_is_handed_on(pg_tables: str) -> None:
    store = await postgres.PostgresStore.open(pg_tables)
    taker = outboxes.Taker()
    first = events.Announce(place="chat:#ops", after=outboxes.NOW - outboxes.SECOND)
    asked = tickets.asked("r1")
    changed = asked.ticket.model_copy(update={"version": 2})
    async with store.taking("chat", taker):
        await asyncio.gather(
            store.commit(machine.Step(asked.ticket, (first,)), tickets.opened()),
            store.commit(machine.Step(changed, (outboxes.ANNOUNCE,)), tickets.opened()),
        )
    [job] = taker.jobs
    assert job.effect == outboxes.ANNOUNCE
    await store.done(job)
    assert await store.next_job(["chat"]) is None
    await store.close()


@pytest.fixture
async def posted(pg_tables: str) -> AsyncIterator[tuple[postgres.PostgresStore, Job, model.PostedCard]]:
    """A store, an effect of it that was taken, and the card that was posted for that."""
    store = await postgres.PostgresStore.open(pg_tables, timeout=2.0)
    await tickets.ask(store, "r1")
    [job] = await outboxes.take(store)
    yield store, job, model.PostedCard("r1", "chat:#ops", "chat", "C", "1")
    await store.close()


DELIVERED = events.Delivered(at=outboxes.NOW, place="chat:#ops", message="1")


async def test_a_card_is_put_on_record_and_its_effect_ends_in_one_statement(
    posted: tuple[postgres.PostgresStore, Job, model.PostedCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, job, card = posted
    written, run, changes = list[str](), store._run, store.changes()

    async def noted(statement: Any, *, writes: bool) -> Any:
        written.append(statement()[0])
        return await run(statement, writes=writes)

    monkeypatch.setattr(store, "_run", noted)
    await anext(changes)
    assert await store.settle(job, card, 1, DELIVERED)
    assert len(written) == 1
    async with asyncio.timeout(5):
        await anext(changes)
    assert ([row.entry for row in await store.log("r1")][1:], await store.cards("r1")) == ([DELIVERED], [card])
    assert await store.next_job(["chat"]) is None


async def test_a_card_is_not_settled_beside_a_change_of_its_request_that_it_does_not_show(
    posted: tuple[postgres.PostgresStore, Job, model.PostedCard], pg_tables: str
) -> None:
    store, job, card = posted
    other = await postgres.PostgresStore.open(pg_tables)
    changed = (await other.load("r1")).model_copy(update={"version": 2})
    commit = other.commit(machine.Step(changed), tickets.opened())
    ended, _ = await tickets.together(store.settle(job, card, 1, DELIVERED), commit)
    versions = [row.version for row in await store.log("r1")]
    # on record before the change, or not at its end
    assert ended is (versions == [1, 1, 2])
    assert await store.cards("r1") == [card]
    await other.close()


async def test_a_card_that_could_not_be_settled_is_known_to_whoever_tries_again(
    posted: tuple[postgres.PostgresStore, Job, model.PostedCard], pg_tables: str
) -> None:
    store, job, card = posted
    psql = await asyncpg.connect(pg_tables)
    await psql.execute("begin; select 1 from outbox for update")
    with pytest.raises(errors.StoreUnavailable):
        await store.settle(job, card, 1, DELIVERED)
    await psql.close()
    assert await store.cards("r1") == [card]
    assert [row.version for row in await store.log("r1")] == [1]
