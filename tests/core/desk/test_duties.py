"""One process has a duty; another takes over when it is gone, and never while it shows signs of life."""

import asyncio
import dataclasses
import os
import sys
from typing import Any

import pytest

# pyright: reportPrivateUsage=false
from sayso import errors
from sayso.desk.upkeep import duties, processes
from sayso.stores import Record, memory, record_kinds
from sayso.testing.clock import ManualClock
from tests.conftest import until


class Away(memory.MemoryStore):
    """A store that can be away."""

    is_away = False

    async def get(self, kind: str, name: str) -> Record | None:
        if self.is_away:
            raise errors.StoreUnavailable("away")
        return await super().get(kind, name)


@pytest.fixture
def store() -> Away:
    return Away()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def holder(store: memory.MemoryStore) -> dict[str, Any] | None:
    found = await store.get(record_kinds.DUTY, "gateway")
    return found.value if found else None


async def pass_time(clock: ManualClock, seconds: float) -> None:
    """Let it pass in small steps, in which everybody may act."""
    for _ in range(int(seconds)):
        clock.advance(1)
        for _ in range(20):
            await asyncio.sleep(0)


async def hold_elsewhere(store: memory.MemoryStore, **more: Any) -> None:
    await store.put(Record(record_kinds.DUTY, "gateway", {"process": "x", "machine": "far away", "pid": 1, **more}))


async def test_the_first_one_has_it_and_gives_it_back(store: Away, clock: ManualClock) -> None:
    first, second = duties.Duty(store, clock, "gateway"), duties.Duty(store, clock, "gateway")
    assert (await first.take(), await second.take(), await first.take()) == (True, False, True)
    await second.leave()
    assert await holder(store)
    await first.leave()
    assert await second.take()


async def test_who_shows_no_sign_of_life_is_relieved_within_thirty_seconds(store: Away, clock: ManualClock) -> None:
    await hold_elsewhere(store)
    waiting = asyncio.create_task(duties.Duty(store, clock, "gateway").wait())
    await pass_time(clock, duties.SILENCE - 1)
    assert not waiting.done()
    await pass_time(clock, 11)
    await waiting


async def test_who_lives_is_not_relieved(store: Away, clock: ManualClock) -> None:
    first, second = duties.Duty(store, clock, "gateway"), duties.Duty(store, clock, "gateway")
    await first.take()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.wait())
    await pass_time(clock, 120)
    assert (keeping.done(), waiting.done()) == (False, False)
    keeping.cancel()
    await pass_time(clock, 30)
    await waiting
    # and whoever wakes up then learns that it was relieved
    keeping = asyncio.create_task(first.keep())
    await pass_time(clock, duties.BEAT + 1)
    await keeping


async def test_a_store_that_is_away_relieves_nobody(store: Away, clock: ManualClock) -> None:
    first, second = duties.Duty(store, clock, "gateway"), duties.Duty(store, clock, "gateway")
    await first.take()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.wait())
    store.is_away = True
    await pass_time(clock, 60)
    store.is_away = False
    await pass_time(clock, 10)
    assert (keeping.done(), waiting.done()) == (False, False)
    for task in (keeping, waiting):
        task.cancel()


async def test_nobody_waits_for_a_process_of_this_machine_that_was_killed(store: Away, clock: ManualClock) -> None:
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await ended.wait()
    await hold_elsewhere(store, machine=processes.machine(), pid=ended.pid)
    assert await duties.Duty(store, clock, "gateway").take()


@pytest.mark.parametrize("pid", [os.getppid(), 1])
async def test_a_process_of_this_machine_that_lives_is_waited_for(store: Away, clock: ManualClock, pid: int) -> None:
    await hold_elsewhere(store, machine=processes.machine(), pid=pid)
    assert not await duties.Duty(store, clock, "gateway").take()


async def test_a_number_that_this_process_has_now_was_given_back_before(store: Away, clock: ManualClock) -> None:
    await hold_elsewhere(store, machine=processes.machine(), pid=os.getpid())
    assert await duties.Duty(store, clock, "gateway").take()


async def test_of_two_that_take_over_at_once_one_wins(store: Away, clock: ManualClock) -> None:
    await hold_elsewhere(store)
    both = [duties.Duty(store, clock, "gateway") for _ in range(2)]
    waiting = [asyncio.create_task(one.wait()) for one in both]
    await pass_time(clock, 30)
    await until(lambda: any(task.done() for task in waiting))
    assert sum(task.done() for task in waiting) == 1
    for task in waiting:
        task.cancel()


async def test_a_machine_without_numbered_rooms_has_a_name_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_path: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "readlink", missing)
    assert sys.platform in processes.machine()


def test_another_owner_of_a_process_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    assert not processes.has_ended({"process": "x", "machine": processes.machine(), "pid": 4_000_000})


async def test_what_was_stored_without_an_answer_is_ours(store: Away, clock: ManualClock) -> None:
    duty = duties.Duty(store, clock, "gateway")
    await duty.take()
    found = await store.get(record_kinds.DUTY, "gateway")
    assert found
    await store.put(dataclasses.replace(found))
    keeping = asyncio.create_task(duty.keep())
    await pass_time(clock, 3 * duties.BEAT)
    assert not keeping.done()
    keeping.cancel()


async def test_what_is_done_now_and_then_is_done_by_one_and_taken_over_if_it_falls_silent(
    store: Away, clock: ManualClock
) -> None:
    done = list[str]()

    def working(name: str) -> asyncio.Task[None]:
        async def work() -> None:
            done.append(name)

        duty = duties.Duty(store, clock, "purging", 60.0)
        return asyncio.create_task(duties.repeat(duty, clock, 60.0, work))

    first = working("first")
    await until(lambda: done == ["first"])
    second = working("second")
    await pass_time(clock, 61)
    assert done == ["first", "first"]
    # it is frozen: it neither works nor gives back
    frozen = await store.get(record_kinds.DUTY, "purging")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert frozen
    await store.remove(record_kinds.DUTY, "purging")
    await store.put(dataclasses.replace(frozen, version=0, value={"process": "x", "machine": "far away", "pid": 1}))
    await pass_time(clock, 240)
    assert done == ["first", "first"]
    await pass_time(clock, 121)
    assert done[2:] == ["second"] * len(done[2:]) != []
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert await store.get(record_kinds.DUTY, "purging") is None
