"""Who waits is on record: what only dead processes waited for is withdrawn, six seconds after somebody looks."""

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sayso import errors, model, stores
from sayso.desk import Caller, Desk, Setup, asker
from sayso.desk.upkeep import attendance
from sayso.stores import Record, Store
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import BOUND, until
from tests.fakes import processes
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

ANN = actor("ann")
Opened = Callable[[], Awaitable[Desk]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(autouse=True)
def _nothing_asked() -> Iterator[None]:
    yield
    _asked.clear()


@pytest.fixture(params=["sqlite", "postgres"])
async def opened(
    request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str, clock: ManualClock
) -> AsyncIterator[Opened]:
    """Desks of several processes on one database."""
    opened: list[Store] = []

    async def one() -> Desk:
        url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else pg_tables
        opened.append(_counted(await stores.connect(url)))
        return Desk(opened[-1], MINT, Setup(), clock)

    yield one
    for each in opened:
        await each.close()


def died(front: Desk) -> None:
    """The process is gone: it shows no more signs of life, and takes nothing back."""
    beating = front.attendance._beating  # pyright: ignore[reportPrivateUsage]
    assert beating is not None
    beating.cancel()


async def looked(front: Desk, clock: ManualClock, *, seconds: float = attendance.GRACE) -> None:
    """Another process, or the same after a start, looks once."""
    watching = asyncio.create_task(attendance.watch(front.attendance))
    for _ in range(round(seconds)):
        await settle()
        clock.advance(1.0)
    await settle()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


_asked: set[asyncio.Future[None]] = set()


def _counted(store: Store) -> Store:
    """The same store; what it is asked and has not answered yet is counted, but for waits for a change."""
    for name, method in inspect.getmembers(store, inspect.iscoroutinefunction):
        if name not in ("changed", "awaited", "_newer"):
            setattr(store, name, _until_answered(method))
    return store


def _until_answered(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def asked(*args: Any, **named: Any) -> Any:
        answered = asyncio.get_running_loop().create_future()
        _asked.add(answered)
        try:
            return await method(*args, **named)
        finally:
            _asked.discard(answered)
            if not answered.done():
                answered.set_result(None)

    return asked


async def settle() -> None:
    """Let every task come to its next wait for the clock: what it asks of a store is answered first."""
    turns = 0
    while turns < 20:
        turns += 1
        await asyncio.sleep(0)
        while _asked:
            turns = 0
            await asyncio.wait_for(asyncio.shield(next(iter(_asked))), BOUND)


def outcome(ticket: model.Ticket) -> str:
    return ticket.decision.outcome if ticket.decision else "pending"


async def test_what_a_dead_process_waited_for_is_withdrawn_after_six_seconds(
    opened: Opened, clock: ManualClock
) -> None:
    first, second = await opened(), await opened()
    ticket = await first.open(permission(id="r1"))
    await first.attendance.enter(ticket.id)
    died(first)
    await looked(second, clock, seconds=5)
    assert outcome(await second.get("r1")) == "pending"
    await looked(second, clock)
    closed = await second.get("r1")
    assert closed.decision is not None
    assert (closed.decision.outcome, closed.decision.reason) == (
        "cancelled",
        "the agent no longer waits: it ended, or its connection did",
    )
    assert await second.store.scan("waiter") == []


async def test_what_a_live_process_waits_for_stays_however_often_others_look(
    opened: Opened, clock: ManualClock
) -> None:
    first, second = await opened(), await opened()
    ticket = await first.open(permission(id="r1"))
    async with first.attending(ticket.id):
        for _ in range(3):
            await looked(second, clock)
            await looked(first, clock)
        assert outcome(await second.get("r1")) == "pending"
    assert await second.store.scan("waiter") == []


async def test_whoever_comes_back_to_another_process_in_time_keeps_the_request(
    opened: Opened, clock: ManualClock
) -> None:
    first, second, third = await opened(), await opened(), await opened()
    ticket = await first.open(permission(id="r1"))
    await first.attendance.enter(ticket.id)
    died(first)
    async with second.attending(ticket.id):
        await looked(third, clock)
        assert outcome(await third.get("r1")) == "pending"
        # of the two waits only the dead one is gone
        assert len(await third.store.scan("waiter")) == 1


async def test_a_request_that_nobody_holds_is_left_alone(opened: Opened, clock: ManualClock) -> None:
    front = await opened()
    await front.open(permission(id="r1"))
    waiting = asyncio.create_task(front.wait("r1"))
    await looked(front, clock)
    assert outcome(await front.get("r1")) == "pending"
    waiting.cancel()


async def test_a_held_wait_leaves_no_record_however_it_ends(opened: Opened) -> None:
    front = await opened()
    for ending in ("decided", "cancelled", "failed"):
        waiting = asyncio.create_task(asker.held(front, permission(id=ending)))
        await until(lambda: front.store.waiting)
        if ending == "decided":
            await front.answer(ending, model.Answer(verdict="allow"), ANN)
            assert (await asyncio.wait_for(waiting, BOUND)).allowed
        else:
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert await front.store.scan("waiter") == []


async def test_who_ends_as_they_should_ends_for_their_own_request_only(opened: Opened, clock: ManualClock) -> None:
    desk = await opened()
    first, second = [await desk.open(permission(id=id)) for id in ("r1", "r2")]
    for ticket in (first, second):
        await desk.attendance.enter(ticket.id)
    await desk.attendance.release(first.id)
    assert not await desk.attendance.others(first.id)
    assert await desk.attendance.others(second.id)
    died(desk)


async def test_a_desk_that_keeps_no_record_is_waited_at_all_the_same() -> None:
    class Plain:
        async def ask(self, request: model.Request, *, wait: bool) -> Any:
            raise errors.NotAllowed("no")

    with pytest.raises(errors.NotAllowed):
        await asker.held(Plain(), permission())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def test_a_caller_who_has_gone_is_given_six_seconds(opened: Opened, clock: ManualClock) -> None:
    front = await opened()
    for id, comes in (("r1", False), ("r2", True)):
        await front.open(permission(id=id))
        waiter = await front.attendance.enter(id)
        farewell = asyncio.create_task(front.attendance.farewell(waiter, id))
        if comes:
            await front.attendance.enter(id)
        await settle()
        clock.advance(attendance.GRACE - 0.1)
        await settle()
        assert outcome(await front.get(id)) == "pending"
        clock.advance(0.1)
        await asyncio.wait_for(farewell, BOUND)
        assert outcome(await front.get(id)) == ("pending" if comes else "cancelled")
    never = await front.attendance.enter("never")
    farewell = asyncio.create_task(front.attendance.farewell(never, "never"))
    await settle()
    clock.advance(attendance.GRACE)
    await asyncio.wait_for(farewell, BOUND)


async def test_who_was_about_to_ask_under_the_id_of_another_takes_nothing_along(
    opened: Opened, clock: ManualClock
) -> None:
    first, second = await opened(), await opened()
    await first.open(permission(id="r1"), Caller(owner="bot"))
    # as it stands between the beginning of a call and its refusal
    await first.attendance.enter("r1", "other")
    died(first)
    await looked(second, clock)
    assert outcome(await second.get("r1")) == "pending"
    assert await second.store.scan("waiter") == []
    await first.attendance.enter("r1", "bot")
    died(first)
    await looked(second, clock)
    assert outcome(await second.get("r1")) == "cancelled"


async def test_of_two_who_enter_at_once_one_shows_signs_of_life(opened: Opened) -> None:
    front = await opened()
    before = asyncio.all_tasks()
    waiters = await asyncio.gather(*(front.attendance.enter("r1") for _ in range(5)))
    for waiter in waiters:
        await front.attendance.leave(waiter)
    await settle()
    assert {task for task in asyncio.all_tasks() - before if "_beat_on" in repr(task)} == set()


async def test_the_watch_outlives_a_database_that_is_away(
    opened: Opened, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    front, dead = await opened(), await opened()
    await dead.open(permission(id="r1"))
    await dead.attendance.enter("r1")
    died(dead)
    scan, away = front.store.scan, [True]

    async def failing(kind: str) -> object:
        if away:
            away.pop()
            raise errors.StoreUnavailable("away")
        return await scan(kind)

    monkeypatch.setattr(front.store, "scan", failing)
    await looked(front, clock, seconds=10)
    assert outcome(await front.get("r1")) == "cancelled"


async def test_nobody_is_taken_for_dead_while_the_database_takes_no_writes(
    opened: Opened, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    front, other = await opened(), await opened()
    await other.open(permission(id="r1"))

    async def refused(_: Record) -> None:
        raise errors.StoreUnavailable("another program holds it")

    async def checked() -> None:
        raise errors.StoreUnavailable("another program holds it")

    async with other.attending("r1"):
        # whoever holds it lets everybody read, and nobody write
        with monkeypatch.context() as held:
            held.setattr(other.store, "put", refused)
            held.setattr(front.store, "check", checked)
            await looked(front, clock, seconds=14)
        assert outcome(await front.get("r1")) == "pending"
        await looked(front, clock, seconds=14)
        assert outcome(await front.get("r1")) == "pending"
    await other.attendance.enter("r1")
    died(other)
    await looked(front, clock)
    assert outcome(await front.get("r1")) == "cancelled"


async def test_a_caller_who_has_gone_while_the_database_was_away_is_found_later(
    opened: Opened, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = await opened()
    await front.open(permission(id="r1"))
    waiter = await front.attendance.enter("r1")
    # somebody else waits here, so this process goes on showing that it lives
    await front.open(permission(id="r2"))
    await front.attendance.enter("r2")

    async def refused(*_: object) -> None:
        raise errors.StoreUnavailable("away")

    with monkeypatch.context() as away:
        away.setattr(front.store, "get", refused)
        away.setattr(front.store, "remove", refused)
        farewell = asyncio.create_task(front.attendance.farewell(waiter, "r1"))
        await settle()
        clock.advance(attendance.GRACE)
        await asyncio.wait_for(farewell, BOUND)
    assert outcome(await front.get("r1")) == "pending"
    await looked(front, clock)
    assert (outcome(await front.get("r1")), outcome(await front.get("r2"))) == ("cancelled", "pending")


async def test_a_lost_answer_leaves_no_request_of_a_caller_who_has_gone(
    opened: Opened, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = await opened()
    await front.open(permission(id="r1"))
    waiter, remove = await front.attendance.enter("r1"), front.store.remove

    async def lost(kind: str, name: str) -> None:
        await remove(kind, name)
        raise errors.StoreUnavailable("the answer was lost", unsure=True)

    monkeypatch.setattr(front.store, "remove", lost)
    farewell = asyncio.create_task(front.attendance.farewell(waiter, "r1"))
    await settle()
    clock.advance(attendance.GRACE)
    await asyncio.wait_for(farewell, BOUND)
    assert outcome(await front.get("r1")) == "cancelled"


HOLDS = """
import asyncio, sys
import sayso
from sayso.desk import asker

async def is_held(desk):
    try:
        await desk.get("r1")
    except sayso.errors.NotFound:
        # its waiter is on record first
        return False
    return await desk.store.scan("waiter")

async def main(url):
    async with sayso.open(database=url) as desk:
        waiting = asyncio.create_task(asker.held(desk, sayso.Permission(tool="Bash", input={}, id="r1")))
        while not await is_held(desk):
            await asyncio.sleep(0.01)
        print("held", flush=True)
        await waiting

asyncio.run(main(sys.argv[1]))
"""


async def test_a_program_that_is_killed_while_it_holds_a_request_leaves_no_card_behind(
    tmp_path: Path, clock: ManualClock
) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    async with processes.started([sys.executable, "-c", HOLDS, url], tmp_path) as running:
        await running.line("held")
        await running.kill()
    store = _counted(await stores.connect(url))
    front = Desk(store, MINT, Setup(), clock)
    await looked(front, clock)
    assert outcome(await front.get("r1")) == "cancelled"
    await store.close()


@pytest.mark.parametrize("written", [False, True])
async def test_a_wait_that_could_not_begin_is_nobodys(
    opened: Opened, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    front = await opened()
    ticket = await front.open(permission(id="r1"))
    put = front.store.put

    async def away(record: Record) -> None:
        if record.kind == "waiter" and not written:
            raise errors.StoreUnavailable("away")
        await put(record)
        if record.kind == "waiter":
            raise errors.StoreUnavailable("the answer was lost", unsure=True)

    monkeypatch.setattr(front.store, "put", away)
    with pytest.raises(errors.StoreUnavailable):
        await front.attendance.enter(ticket.id)
    monkeypatch.undo()
    assert front.attendance._beating is None  # pyright: ignore[reportPrivateUsage]
    await looked(front, clock, seconds=2 * attendance.GRACE)
    assert ((await front.get(ticket.id)).decision is not None) == written
