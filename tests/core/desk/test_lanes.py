"""Leases of effects: whoever performs one has it alone, however long it takes and whatever is slow about it."""

import asyncio
import pathlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from sayso import errors, model
from sayso.cards import card
from sayso.desk import Desk, Setup, courier
from sayso.desk.posting import lanes, leases
from sayso.machine import events
from sayso.stores import Job, Store, memory, postgres, sqlite, sqlite_file
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import BOUND, until
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

NAMES = ["chat", events.CALLBACK]


class Gate:
    """Holds up one step of a delivery."""

    def __init__(self, step: str) -> None:
        self._step = step
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        self.held = 0

    async def through(self, step: str) -> None:
        if step == self._step:
            self.held += 1
            self.reached.set()
            await self.open.wait()


class SlowBoard(Board):
    """A channel that is held up, and fails at posts if it is told to."""

    def __init__(self, gate: Gate, *, fails: bool) -> None:
        super().__init__()
        self._gate, self._fails = gate, fails

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        await self._gate.through("post")
        if self._fails:
            raise errors.ChannelError("the platform is down")
        return await super().post(place, drawn, again=again)

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        await self._gate.through("edit")
        await super().edit(posted, drawn)


class SlowStore(memory.MemoryStore):
    """A store that is held up when it records a card or takes an effect back."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    async def add_card(self, posted: model.PostedCard) -> None:
        await self._gate.through("add_card")
        await super().add_card(posted)

    async def retry(self, job: Job, at: datetime, error: str) -> None:
        await self._gate.through("retry")
        await super().retry(job, at, error)


class SlowReceiver:
    """A receiver of decisions that is held up."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def resume(self, ticket: model.Ticket) -> bool:
        await self._gate.through("resume")
        return True

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        return 1.0


async def settled() -> None:
    """Let every task come to its next wait."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("step", ["post", "add_card", "edit", "resume", "retry"])
async def test_whatever_is_slow_nobody_else_takes_the_effect_meanwhile(step: str) -> None:
    gate, clock = Gate(step), ManualClock()
    store, board = SlowStore(gate), SlowBoard(gate, fails=step == "retry")
    desk = Desk(store, MINT, Setup(route=("chat:#ops",), callbacks=True), clock)
    ticket = await desk.open(permission(callback_url="https://agent.example/decided"))
    running = asyncio.create_task(courier.Courier(desk, [board], SlowReceiver(gate)).run())
    if step in ("edit", "resume"):
        await until(lambda: board.pinned)
        await desk.answer(ticket.id, model.Answer(verdict="allow"), actor())
    await gate.reached.wait()
    # what else there was to do is done
    free = [name for name in NAMES if name != (events.CALLBACK if step == "resume" else "chat")]
    while await store.next_job(free) is not None:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for _ in range(3 * round(leases.LEASE)):
        clock.advance(1)
        await settled()
        assert await store.take(NAMES, clock.now(), leases.LEASE) == []
    assert gate.held == 1, "not even the same courier begins it a second time"
    running.cancel()
    gate.open.set()
    await asyncio.gather(running, return_exceptions=True)


def test_a_lease_outlasts_one_renewal_that_fails_and_two_that_wait_for_the_database() -> None:
    # for a connection, and then for the answer
    slow = max(sqlite_file.BUSY_TIMEOUT, 2 * postgres.TIMEOUT)
    assert 2 * (leases.RENEW_EVERY + slow) <= leases.LEASE


def test_the_page_about_postgresql_says_how_long_a_lease_is() -> None:
    page = " ".join((pathlib.Path(__file__).parents[3] / "docs" / "postgres.md").read_text().split())
    assert f"a lease of {leases.LEASE:g} seconds" in page


async def test_the_leases_of_many_jobs_are_renewed_together() -> None:
    class Store(memory.MemoryStore):
        under_way = 0

        async def renew(self, job: Job, until: datetime) -> bool:
            self.under_way += 1
            return await asyncio.Event().wait()

    store, clock = Store(), ManualClock()
    jobs = [Job(f"r{n}", f"r{n}", events.Announce(place="chat:#ops"), 0, 1, clock.now()) for n in range(lanes.AT_ONCE)]
    async with leases.keep(store, clock, lambda: [leases.Held(jobs)]):
        await asyncio.sleep(0)
        clock.advance(leases.RENEW_EVERY)
        await until(lambda: store.under_way == lanes.AT_ONCE)


async def served(store: Store, board: Board) -> tuple[Desk, asyncio.Task[None]]:
    """A desk, and its courier at work."""
    desk = Desk(store, MINT, Setup(route=("chat:#ops",)), ManualClock())
    running = asyncio.create_task(courier.Courier(desk, [board]).run())
    await settled()
    return desk, running


async def ended(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_what_is_written_for_a_lane_that_is_stopped_can_be_taken_soon(turns: int, tmp_path: pathlib.Path) -> None:
    store, board = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db")), SlowBoard(Gate("post"), fails=False)
    desk, running = await served(store, board)
    asking = asyncio.create_task(desk.open(permission()))
    for _ in range(turns):
        await asyncio.sleep(0)
    await ended(running)
    ticket = await asking
    [job] = await store.take(["chat"], desk.clock.now() + timedelta(seconds=10), leases.LEASE)
    assert job.ticket_id == ticket.id
    await store.close()


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_courier_that_is_stopped_twice_hands_back_all_the_same(at_once: bool) -> None:
    gate = Gate("retry")
    store, board = SlowStore(gate), SlowBoard(posting := Gate("post"), fails=False)
    desk = Desk(store, MINT, Setup(route=("chat:#ops",)), ManualClock())
    await desk.open(permission())
    runner = courier.Courier(desk, [board])
    running: asyncio.Task[object] = asyncio.create_task(runner.deliver() if at_once else runner.run())
    await posting.reached.wait()
    running.cancel()
    await gate.reached.wait()
    running.cancel()
    await settled()
    gate.open.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    soon = desk.clock.now() + timedelta(seconds=10)
    assert [job.attempts for job in await store.take(["chat"], soon, leases.LEASE)] == [1]


async def test_of_many_that_are_asked_at_once_only_so_many_are_performed_and_the_rest_follows() -> None:
    gate = Gate("post")
    store, board = memory.MemoryStore(), SlowBoard(gate, fails=False)
    desk, running = await served(store, board)
    many = lanes.AT_ONCE + 5
    for n in range(many):
        await desk.open(permission(id=f"r{n}", source=model.Source(session=f"s{n}")))
    await until(lambda: gate.held == lanes.AT_ONCE)
    await settled()
    assert gate.held == lanes.AT_ONCE
    gate.open.set()
    await until(lambda: len(board.pinned) == many)
    await ended(running)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
async def test_a_decision_and_its_card_are_written_in_four_transactions(
    dialect: str, tmp_path: pathlib.Path, pg_tables: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store: Store
    if dialect == "sqlite":
        store = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db"))
        noted: list[tuple[object, str]] = [(store._worker, "run")]
    else:
        store = await postgres.PostgresStore.open(pg_tables)
        noted = [(store, "_run"), (store._commits, "put")]
    board, writes = Board(), list[None]()
    desk, running = await served(store, board)
    for owner, name in noted:
        monkeypatch.setattr(owner, name, counted(getattr(owner, name), writes, always=name == "put"))
    ticket = await desk.open(permission())
    await done(store, board)
    await desk.answer(ticket.id, model.Answer(verdict="allow"), actor())
    await done(store, board)
    assert (board.pinned["1"].drawn.tone, board.pinned["1"].edits, len(writes)) == ("good", 1, 4)
    await ended(running)
    await store.close()


def counted(run: Callable[..., Awaitable[object]], writes: list[None], *, always: bool) -> Callable[..., object]:
    """The same; notes what writes."""

    async def noting(*given: object, **named: object) -> object:
        writes.extend([None] if always or named.get("writes") else [])
        return await run(*given, **named)

    return noting


async def done(store: Store, board: Board) -> None:
    """Return once all is delivered."""
    async with asyncio.timeout(BOUND):
        while not board.pinned or await store.next_job(["chat"]) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_room_that_was_lent_for_a_commit_that_failed_is_there_again() -> None:
    store, board = memory.MemoryStore(), Board()
    desk, running = await served(store, board)
    while store._takers.lease("chat"):
        pass
    for n in range(3):
        await desk.open(permission(id=f"r{n}", source=model.Source(session=f"s{n}")))
        await until(lambda n=n: len(board.pinned) == n + 1)  # type: ignore[misc]
    assert store._takers.lease("chat")
    await ended(running)


async def test_whoever_answers_hears_of_it_before_the_card_is_drawn_again(tmp_path: pathlib.Path) -> None:
    gate = Gate("edit")
    store, board = await sqlite.SqliteStore.open(str(tmp_path / "sayso.db")), SlowBoard(gate, fails=False)
    desk, running = await served(store, board)
    ticket = await desk.open(permission())
    await until(lambda: board.pinned)
    # as a chat waits for a press: not for longer than its platform does
    answering = asyncio.create_task(desk.answer(ticket.id, model.Answer(verdict="allow"), actor()))
    await asyncio.wait({answering}, timeout=5)
    assert answering.done()
    assert not gate.held
    await gate.reached.wait()
    await ended(running)
    await store.close()


class Standstill(memory.MemoryStore):
    """A store of a process that stood still: what keeps leases comes too late."""

    async def renew(self, job: Job, until: datetime) -> bool:
        for _ in range(20):
            await asyncio.sleep(0)
        return await super().renew(job, until)


@pytest.mark.parametrize("asked_first", [True, False])
async def test_a_lane_that_stood_still_for_longer_than_a_lease_begins_nothing_a_second_time(asked_first: bool) -> None:
    gate = Gate("post")
    store, board = Standstill(), SlowBoard(gate, fails=False)
    clock = ManualClock()
    desk = Desk(store, MINT, Setup(route=("chat:#ops",)), clock)
    if asked_first:
        # taken, and not handed on
        await desk.open(permission())
    running = asyncio.create_task(courier.Courier(desk, [board]).run())
    await settled()
    if not asked_first:
        await desk.open(permission())
    await gate.reached.wait()
    clock.advance(leases.LEASE + 1)
    store._watch.tell_of_all()
    await desk.open(permission(id="other", source=model.Source(session="other")))
    await until(lambda: gate.held >= 2)
    for _ in range(10):
        await settled()
    assert gate.held == 2, "the other one, and not the first one again"
    gate.open.set()
    await until(lambda: len(board.pinned) == 2)
    clock.advance(leases.RENEW_EVERY)
    await until(lambda: all(task.due_at is None for task in store._outbox.values()))
    assert len(board.pinned) == 2
    await ended(running)
