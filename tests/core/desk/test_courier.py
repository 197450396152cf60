"""What leaves the setup: every card once, every change on it, whatever fails in between."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from sayso import errors, model
from sayso.cards import card, draw
from sayso.desk import Caller, Desk, Setup, channel, courier, timekeeper
from sayso.desk.posting import leases
from sayso.machine import events, people
from sayso.stores import Job, memory, sqlite, sqlite_worker
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import until


class Callbacks:
    """A receiver that fails as often as it is told to."""

    def __init__(self, failures: int = 0, *, final: bool = False) -> None:
        self.failures, self.final = failures, final
        self.resumed: list[str] = []

    async def resume(self, ticket: model.Ticket) -> bool:
        if self.failures:
            self.failures -= 1
            raise errors.ChannelError("503", final=self.final)
        self.resumed.append(ticket.id)
        return True

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        return 5.0 * attempts if attempts < 3 else None


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
async def front(clock: ManualClock) -> AsyncIterator[Desk]:
    store = memory.MemoryStore()
    yield Desk(store, MINT, Setup(route=("chat:#ops",), callbacks=True), clock)
    await store.close()


@pytest.fixture
def runner(front: Desk, board: Board) -> courier.Courier:
    return courier.Courier(front, [board])


async def test_a_card_is_posted_once_and_closed_on_decision(front: Desk, runner: courier.Courier, board: Board) -> None:
    ticket = await front.open(permission())
    assert await runner.deliver() == 1
    assert await runner.deliver() == 0
    await front.answer(ticket.id, model.Answer(verdict="allow"), actor())
    await runner.deliver()
    assert list(board.pinned) == ["1"]
    assert (board.pinned["1"].drawn.tone, board.pinned["1"].edits) == ("good", 1)
    delivered = [row.entry for row in await front.store.log(ticket.id) if isinstance(row.entry, events.Delivered)]
    assert [(one.place, one.message) for one in delivered] == [("chat:#ops", "1")]


async def test_a_post_whose_answer_was_lost_is_found_again_not_repeated(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    board.lose = 1
    ticket = await front.open(permission())
    await runner.deliver()
    assert await front.store.cards(ticket.id) == []
    clock.advance(10)
    await runner.deliver()
    assert list(board.pinned) == ["1"]
    assert [posted.message for posted in await front.store.cards(ticket.id)] == ["1"]


async def test_a_platform_that_says_when_is_not_asked_before(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    board.faults = [errors.ChannelError("rate limited", retry_after=30)]
    await front.open(permission())
    await runner.deliver()
    clock.advance(29)
    assert await runner.deliver() == 0
    clock.advance(2)
    assert await runner.deliver() == 1
    assert list(board.pinned) == ["1"]


@pytest.mark.parametrize("seconds", [1e20, float("inf"), float("nan"), -1e20])
@pytest.mark.parametrize("kind", [errors.NotYet, errors.ChannelError])
async def test_a_wait_that_no_calendar_knows_stops_neither_the_courier_nor_the_card_for_ever(
    kind: type[errors.ChannelError],
    seconds: float,
    front: Desk,
    runner: courier.Courier,
    board: Board,
    clock: ManualClock,
) -> None:
    board.faults = [kind("rate limited", retry_after=seconds)]
    await front.open(permission(expires_in=200_000))
    assert await runner.deliver() == 1
    clock.advance(86_400)
    assert await runner.deliver() == 1
    assert list(board.pinned) == ["1"]


async def test_a_place_that_is_gone_makes_the_request_undeliverable_at_once(
    front: Desk, runner: courier.Courier, board: Board
) -> None:
    board.faults = [errors.ChannelError("no such channel", final=True, hint="invite the app")]
    ticket = await front.open(permission())
    await runner.deliver()
    decision = await front.wait(ticket.id)
    assert (decision.outcome, decision.reason) == ("undeliverable", "no such channel (invite the app)")


async def test_an_expired_request_is_not_posted_any_more(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    ticket = await front.open(permission(expires_in=60))
    clock.advance(60)
    await front.let_time_act(ticket.id)
    while await runner.deliver():
        pass
    assert board.pinned == {}


async def test_a_decision_that_overtakes_its_card_still_closes_it(front: Desk, board: Board) -> None:
    class Slow(Board):
        async def post(self, place: str, drawn: object, *, again: bool) -> object:  # type: ignore[override]
            posted = await super().post(place, drawn, again=again)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
            await front.answer(ticket.id, model.Answer(verdict="deny"), actor())
            return posted

    slow = Slow()
    ticket = await front.open(permission())
    await courier.Courier(front, [slow]).deliver()  # type: ignore[list-item] # pyright: ignore[reportArgumentType]
    assert slow.pinned["1"].drawn.tone == "bad"


async def test_an_edit_that_fails_for_good_is_dropped(front: Desk, runner: courier.Courier, board: Board) -> None:
    ticket = await front.open(permission())
    await runner.deliver()
    board.faults = [errors.ChannelError("message_not_found", final=True)]
    await front.cancel(ticket.id)
    assert await runner.deliver() == 1
    assert await runner.deliver() == 0


async def test_an_open_card_that_is_gone_for_good_makes_the_request_undeliverable(
    clock: ManualClock, board: Board
) -> None:
    front = Desk(memory.MemoryStore(), MINT, Setup({"default": model.Policy(quorum=2)}, route=("chat:#ops",)), clock)
    runner = courier.Courier(front, [board])
    ticket = await front.open(permission())
    await runner.deliver()
    board.faults = [errors.ChannelError("the channel is gone", final=True)]
    await front.answer(ticket.id, model.Answer(verdict="allow"), actor("ann"))
    await runner.deliver()
    decision = await front.wait(ticket.id)
    assert (decision.outcome, decision.reason) == ("undeliverable", "the channel is gone")


async def test_one_broken_effect_does_not_stop_the_others(front: Desk, board: Board, clock: ManualClock) -> None:
    class Moody(Board):
        async def edit(self, posted: object, drawn: object) -> None:
            raise RuntimeError("a bug in the channel")

    moody = Moody()
    runner = courier.Courier(front, [moody])
    one = await front.open(permission())
    await runner.deliver()
    await front.cancel(one.id)
    await front.open(permission())
    await runner.deliver()
    assert list(moody.pinned) == ["1", "2"]
    tried = 0
    while await front.store.next_job(["chat"]):
        clock.advance(400)
        tried += await runner.deliver()
    assert tried == 30


async def test_a_callback_is_tried_on_its_own_schedule_and_then_given_up(
    front: Desk, board: Board, clock: ManualClock
) -> None:
    callbacks = Callbacks(failures=2)
    runner = courier.Courier(front, [board], callbacks)
    ticket = await front.open(permission(callback_url="https://agent.example/"))
    await front.cancel(ticket.id)
    for seconds, resumed in ((0, []), (5, []), (10, [ticket.id])):
        clock.advance(seconds)
        await runner.deliver()
        assert callbacks.resumed == resumed
    hopeless = courier.Courier(front, [board], Callbacks(failures=99))
    other = await front.open(permission(callback_url="https://agent.example/"))
    await front.cancel(other.id)
    for _ in range(4):
        await hopeless.deliver()
        clock.advance(60)
    assert await front.store.next_job(["callback"]) is None


async def test_a_card_that_a_crash_left_open_behind_a_decision_is_closed(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    ticket = await front.open(permission())
    [job] = await front.store.take(["chat"], clock.now(), leases.LEASE)
    posted = await board.post("chat:#ops", draw.card_of(ticket, MINT), again=False)
    await front.answer(ticket.id, model.Answer(verdict="deny"), actor())
    assert await runner.deliver() == 1, "there is no card yet to redraw"
    await front.store.add_card(posted)
    clock.advance(leases.LEASE)
    assert await runner.deliver() == 1
    assert [one.drawn.tone for one in board.pinned.values()] == ["bad"]
    delivered = [row.entry for row in await front.store.log(job.ticket_id) if isinstance(row.entry, events.Delivered)]
    assert [one.message for one in delivered] == ["1"]


async def test_a_courier_that_is_stopped_hands_back_what_it_was_at_once_what_it_sent_is_there(
    front: Desk, runner: courier.Courier, clock: ManualClock
) -> None:
    reached, tries = asyncio.Event(), list[bool]()

    class Endless(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            tries.append(again)
            reached.set()
            return await asyncio.Future[model.PostedCard]()

    await front.open(permission())
    stuck = asyncio.create_task(courier.Courier(front, [Endless()]).deliver())
    await asyncio.wait_for(reached.wait(), 5)
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    assert (tries, await runner.deliver()) == ([False], 0)
    clock.advance(5)
    assert (tries, await runner.deliver()) == ([False], 1)


async def test_a_courier_that_is_stopped_while_it_edits_leaves_the_edit_to_the_next(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    reached, real = asyncio.Event(), board.edit

    class Endless(Board):
        async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
            reached.set()
            await asyncio.Future[None]()

    ticket = await front.open(permission())
    await runner.deliver()
    await front.cancel(ticket.id)
    stuck = asyncio.create_task(courier.Courier(front, [Endless()]).deliver())
    await asyncio.wait_for(reached.wait(), 5)
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    # an edit that is on its way would take the place of a newer one
    assert (await runner.deliver(), board.pinned["1"].edits) == (0, 0)
    clock.advance(5)
    assert (await runner.deliver(), board.pinned["1"].edits) == (1, 1)
    assert board.edit == real


async def test_a_card_whose_delivery_was_on_record_is_not_recorded_twice(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await front.open(permission())

    async def away(*_: object) -> None:
        raise errors.StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(front.store, "done", away)
        assert await runner.deliver() == 1
    clock.advance(leases.LEASE)
    assert await runner.deliver() == 1
    assert list(board.pinned) == ["1"]
    assert [row.entry.type for row in await front.store.log(ticket.id)] == ["opened", "delivered"]


async def test_a_card_of_a_request_that_changed_under_way_is_drawn_again_before_its_job_ends(
    front: Desk, board: Board, clock: ManualClock
) -> None:
    class Late(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            posted = await super().post(place, drawn, again=again)
            await front.cancel(drawn.ticket_id)
            # nobody knows of a card to draw again
            await courier.Courier(front, [board]).deliver()
            return posted

    late = Late()
    await front.open(permission())
    assert await courier.Courier(front, [late]).deliver() == 1
    assert (late.pinned["1"].drawn.tone, late.pinned["1"].edits) == ("gone", 1)
    assert await front.store.next_job(["chat"]) is None


async def test_a_card_is_posted_with_two_transactions_to_take_it_and_to_put_it_on_record(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes, run = list[None](), sqlite_worker.Worker.run

    async def counted(worker: sqlite_worker.Worker, *given: Any, **named: Any) -> Any:
        writes.extend([None] if named.get("writes") else [])
        return await run(worker, *given, **named)

    store = await sqlite.SqliteStore.open(str(tmp_path / "a.db"))
    front = Desk(store, MINT, Setup(route=("chat:#ops",)), clock)
    ticket = await front.open(permission())
    monkeypatch.setattr(sqlite_worker.Worker, "run", counted)
    board = Board()
    assert await courier.Courier(front, [board]).deliver() == 1
    assert len(writes) == 2
    assert [row.entry.type for row in await store.log(ticket.id)] == ["opened", "delivered"]
    assert [one.message for one in await store.cards(ticket.id)] == list(board.pinned)
    await store.close()


async def test_a_database_that_is_lost_under_way_is_told_as_such(tmp_path: Path, clock: ManualClock) -> None:
    store = await sqlite.SqliteStore.open(str(tmp_path / "a.db"), busy_timeout=0.01)
    held = apsw.Connection(str(tmp_path / "a.db"))

    class Locking(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            held.execute("begin immediate")
            return await super().post(place, drawn, again=again)

    front = Desk(store, MINT, Setup(route=("chat:#ops",)), clock)
    await front.open(permission())
    with pytest.raises(errors.StoreUnavailable):
        await courier.Courier(front, [Locking()]).deliver()
    held.close()
    await store.close()


async def test_waiting_for_a_turn_is_no_failed_try(
    front: Desk, board: Board, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    tries = list[bool]()

    class Busy(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            tries.append(again)
            return await super().post(place, drawn, again=again)

        async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
            if self.faults:
                raise self.faults.pop()
            await super().edit(posted, drawn)

    busy = Busy()
    runner = courier.Courier(front, [busy])
    busy.faults = [errors.NotYet("too many calls at once", 20) for _ in range(3)]
    ticket = await front.open(permission())
    for _ in range(3):
        assert await runner.deliver() == 1
        clock.advance(19)
        assert await runner.deliver() == 0
        clock.advance(1)
    assert await runner.deliver() == 1
    assert tries == [False] * 4
    await front.cancel(ticket.id)
    busy.faults = [errors.NotYet("too many calls at once", 20) for _ in range(40)]
    for _ in range(41):
        await runner.deliver()
        clock.advance(20)
    assert busy.pinned["1"].drawn.tone == "gone", "only what the platform refuses counts"
    assert [one for one in caplog.records if one.levelname != "DEBUG"] == []


async def test_a_job_that_takes_long_is_not_taken_by_another_even_if_the_database_fails_once(
    board: Board, clock: ManualClock
) -> None:
    class Failing(memory.MemoryStore):
        failures, renewals = 1, 0

        async def renew(self, job: Job, until: datetime) -> bool:
            self.renewals += 1
            if self.failures:
                self.failures -= 1
                raise errors.StoreUnavailable("the database is locked")
            return await super().renew(job, until)

    class Slow(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            posted = await super().post(place, drawn, again=again)
            await done.wait()
            return posted

    done, store, slow = asyncio.Event(), Failing(), Slow()
    front = Desk(store, MINT, Setup(route=("chat:#ops",)), clock)
    ticket = await front.open(permission())
    posting = asyncio.create_task(courier.Courier(front, [slow]).run())
    await until(lambda: slow.pinned)
    for _ in range(12):
        before = store.renewals
        while store.renewals == before:
            clock.advance(1)
            for _ in range(10):
                await asyncio.sleep(0)
        assert await store.take(["chat"], clock.now(), 30) == []
    done.set()
    while not await store.cards(ticket.id):  # noqa: ASYNC110
        await asyncio.sleep(0)
    posting.cancel()
    await asyncio.gather(posting, return_exceptions=True)
    assert list(slow.pinned) == ["1"]


async def test_a_pending_card_that_somebody_took_away_is_posted_anew_and_a_closed_one_is_not(
    front: Desk, runner: courier.Courier, board: Board
) -> None:
    ticket = await front.open(permission(route=["chat:#ops", "chat:#dev"]))
    await runner.deliver()
    posted = next(posted for posted in await front.store.cards(ticket.id) if posted.place == "chat:#ops")
    board.pinned[posted.message].gone = True
    await front.card_lost(ticket.id, "chat:#ops")
    while await runner.deliver():
        pass
    assert sorted(board.pinned) == ["1", "2", "3"]
    cards = await front.store.cards(ticket.id)
    assert {one.place for one in cards} == {"chat:#ops", "chat:#dev"}
    assert posted not in cards
    board.pinned["3"].gone = True
    await front.cancel(ticket.id)
    while await runner.deliver():
        pass
    assert len(board.pinned) == 3


async def test_a_card_that_was_posted_anew_by_whoever_died_then_is_not_posted_once_more(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    ticket = await front.open(permission())
    await runner.deliver()
    board.pinned["1"].gone, board.lose = True, 1
    await front.card_lost(ticket.id, "chat:#ops")
    await runner.deliver()
    # it stands there, nobody knows of it, and what is to be drawn now is something newer
    await front.card_lost(ticket.id, "chat:#ops")
    await runner.deliver()
    assert sorted(board.pinned) == ["1", "2"]
    assert [one.message for one in await front.store.cards(ticket.id)] == ["2"]


async def test_a_card_that_can_be_posted_nowhere_any_more_counts_as_undelivered_at_once(
    front: Desk, runner: courier.Courier, board: Board
) -> None:
    ticket = await front.open(permission())
    await runner.deliver()
    gone = errors.ChannelError("is_inactive", final=True, gone=True)
    board.faults = [gone, errors.ChannelError("is_archived", final=True, hint="unarchive the channel")]
    await front.card_lost(ticket.id, "chat:#ops")
    await runner.deliver()
    decision = await front.wait(ticket.id)
    assert (decision.outcome, decision.reason) == (
        "undeliverable",
        "is_inactive, and then is_archived (unarchive the channel)",
    )


async def test_a_running_courier_and_watch_need_nobody_to_wake_them(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    tasks = [asyncio.create_task(runner.run()), asyncio.create_task(timekeeper.expire_due(front, front.store, clock))]
    try:
        await front.open(permission(expires_in=60))
        await until(lambda: board.pinned)
        clock.advance(60)
        await until(lambda: board.pinned["1"].drawn.tone == "gone")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_call_that_hangs_holds_up_nothing_else(front: Desk) -> None:
    class Hanging(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            posted = await super().post(place, drawn, again=again)
            return await asyncio.Future[model.PostedCard]() if drawn.ticket_id == "slow" else posted

    hanging = Hanging()
    running = asyncio.create_task(courier.Courier(front, [hanging]).run())
    await front.open(permission(id="slow"))
    await until(lambda: hanging.pinned)
    await front.open(permission(id="next"))
    await until(lambda: len(hanging.pinned) == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_more_work_than_is_done_at_once_is_done_all_the_same(
    front: Desk, runner: courier.Courier, board: Board
) -> None:
    for number in range(50):
        await front.open(permission(id=f"r{number}"))
    running = asyncio.create_task(runner.run())
    await until(lambda: len(board.pinned) == 50)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_running_courier_that_loses_its_database_says_so(tmp_path: Path, clock: ManualClock) -> None:
    store = await sqlite.SqliteStore.open(str(tmp_path / "a.db"), busy_timeout=0.01)
    front = Desk(store, MINT, Setup(route=("chat:#ops",)), clock)
    await front.open(permission())
    held = apsw.Connection(str(tmp_path / "a.db"))
    held.execute("begin immediate")
    with pytest.raises(errors.StoreUnavailable):
        await asyncio.wait_for(courier.Courier(front, [Board()]).run(), 5)
    held.close()
    await store.close()


async def test_an_effect_without_its_ticket_is_put_off_and_stops_nobody(
    front: Desk, board: Board, clock: ManualClock
) -> None:
    class Forgetful(memory.MemoryStore):
        async def load(self, id: str) -> model.Ticket:
            if id == "lost":
                raise errors.StoreUnavailable("request lost is damaged in the database")
            return await super().load(id)

    store = Forgetful()
    damaged = Desk(store, MINT, front.setup, clock)
    for name in ("lost", "fine"):
        await damaged.open(permission(id=name))
    await courier.Courier(damaged, [board]).deliver()
    assert [pinned.drawn.ticket_id for pinned in board.pinned.values()] == ["fine"]
    assert await store.next_job(["chat"]) is not None


async def test_what_was_leased_while_the_courier_stopped_is_handed_back(board: Board, clock: ManualClock) -> None:
    taken, go_on = asyncio.Event(), asyncio.Event()

    class Slow(memory.MemoryStore):
        async def take(self, channels: Collection[str], at: datetime, lease: float, limit: int = 20) -> Sequence[Job]:
            jobs = await super().take(channels, at, lease, limit)
            if jobs:
                taken.set()
                await go_on.wait()
            return jobs

    store = Slow()
    await Desk(store, MINT, Setup(route=("chat:#ops",)), clock).open(permission())
    running = asyncio.create_task(courier.Courier(Desk(store, MINT, None, clock), [board]).run())
    await taken.wait()
    running.cancel()
    go_on.set()
    await asyncio.gather(running, return_exceptions=True)
    assert await store.next_job(["chat"]) == clock.now()
    assert board.pinned == {}


class Messages:
    """A messenger that fails as often as it is told to."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.told: list[tuple[str, bool]] = []

    async def tell(
        self, place: str, said: card.Line, cards: Sequence[model.PostedCard], *, ticket_id: str, again: bool
    ) -> None:
        if self.failures:
            self.failures -= 1
            raise errors.ChannelError("503")
        self.told.append((place, again))


async def expired_for_ann(store: memory.MemoryStore, clock: ManualClock) -> Desk:
    """A desk whose one request expired, which Ann is to be told in a chat."""
    directory = people.Directory({"ann": people.Profile(frozenset({"chat:T/ann"}))})
    setup = Setup(directory=directory, channels={"chat", "web"}, route=("web:ops",), tell_requester=True)
    desk = Desk(store, MINT, setup, clock)
    asked = await desk.open(permission(expires_in=60.0), Caller(requester="ann"))
    assert asked.tell == ("chat:@ann",)
    clock.advance(60)
    await desk.let_time_act(asked.id)
    return desk


async def test_a_requester_who_could_not_be_told_is_told_again_later(board: Board, clock: ManualClock) -> None:
    store, messages = memory.MemoryStore(), Messages(failures=1)
    desk = await expired_for_ann(store, clock)
    desk.platforms["chat"] = channel.Platform(board, messenger=messages)
    runner = courier.Courier(desk, [board])
    await runner.deliver()
    assert messages.told == []
    assert await runner.deliver() == 0
    clock.advance(2)
    assert await runner.deliver() == 1
    assert messages.told == [("chat:@ann", True)]


async def test_a_requester_who_can_never_be_told_is_given_up_in_the_end(board: Board, clock: ManualClock) -> None:
    store, messages = memory.MemoryStore(), Messages(failures=99)
    desk = await expired_for_ann(store, clock)
    desk.platforms["chat"] = channel.Platform(board, messenger=messages)
    runner, tried = courier.Courier(desk, [board]), 0
    while await store.next_job(["chat"]):
        tried += await runner.deliver()
        clock.advance(400)
    assert (tried, messages.told) == (21, [])


async def test_a_platform_without_messages_tells_the_requester_nothing(
    board: Board, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = memory.MemoryStore()
    desk = await expired_for_ann(store, clock)
    desk.platforms["chat"] = channel.Platform(board)
    with caplog.at_level("INFO"):
        assert await courier.Courier(desk, [board]).deliver() == 1
    assert "the requester is not told" in caplog.messages
    assert await store.next_job(["chat"]) is None


async def test_a_process_that_stood_still_while_it_edited_draws_the_card_again(
    front: Desk, runner: courier.Courier, board: Board, clock: ManualClock
) -> None:
    sent, arrives = asyncio.Event(), asyncio.Event()

    class Slow(Board):
        async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
            sent.set()
            await arrives.wait()
            await board.edit(posted, drawn)

    ticket = await front.open(permission())
    await runner.deliver()
    place = ticket.route[0]
    await front.card_lost(ticket.id, place)
    [job] = await front.store.take(["chat"], clock.now(), leases.LEASE)
    slow = courier.Courier(front, [Slow()])
    # without the keeper of its lease, which stood still as well
    editing = asyncio.create_task(slow._perform(job))  # pyright: ignore[reportPrivateUsage]
    await asyncio.wait_for(sent.wait(), 5)
    clock.advance(leases.LEASE)
    await front.cancel(ticket.id)
    assert await runner.deliver() == 1
    arrives.set()
    await asyncio.wait_for(editing, 5)
    assert [one.drawn.tone for one in board.pinned.values()] == ["gone"]


@pytest.mark.parametrize(
    ("error", "level", "reason"),
    [
        (errors.StoreUnavailable("away"), "WARNING", "the database could not be used"),
        (errors.Unreadable("damaged"), "ERROR", "Unreadable inside the channel"),
        (RuntimeError("a bug"), "ERROR", "RuntimeError inside the channel"),
    ],
)
async def test_a_database_that_is_away_is_no_fault_of_a_channel(
    front: Desk, board: Board, caplog: pytest.LogCaptureFixture, error: Exception, level: str, reason: str
) -> None:
    """Only what nobody expects is an error with a trace; each is tried again."""

    class Failing(Board):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            raise error

    await front.open(permission())
    await courier.Courier(front, [Failing()]).deliver()
    [first, second] = caplog.records
    assert (first.levelname, first.exc_info is None) == (level, level == "WARNING")
    assert second.__dict__["error"] == reason
    assert isinstance(front.clock, ManualClock)
    front.clock.advance(3)
    assert await courier.Courier(front, [board]).deliver() == 1
    assert len(board.pinned) == 1
