"""A card that comes once its sender is dead is found and closed like all others, although nobody knew of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from sayso import errors, model
from sayso.cards import batch
from sayso.desk import Desk, PressedMessage, Setup, channel, courier
from sayso.desk.posting import batching, late_cards
from sayso.machine import events
from sayso.stores import memory
from sayso.testing.board import Board, Pinned
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.core.desk.test_batching import ANN, ROOM, SOURCE

PLACE = "chat:#ops"


@dataclass
class Searched(Board):
    """A board that takes a card twice, and in which one can look for it."""

    looks: int = 0
    blind: list[errors.ChannelError] = field(default_factory=list[errors.ChannelError])

    async def find_cards(self, place: str, id: str) -> Sequence[model.PostedCard]:
        self.looks += 1
        if self.blind:
            raise self.blind.pop(0)
        found = ((name, one) for name, one in self.pinned.items() if one.place == place)
        return [model.PostedCard(id, place, "chat", place, name) for name, one in found if one.drawn.ticket_id == id]

    def come_late(self) -> None:
        """What a process sent that is dead by now arrives: the first card once more, as it was then."""
        first = self.pinned["1"]
        self.pinned["late"] = Pinned(first.drawn, place=first.place)

    @property
    def tones(self) -> dict[str, str]:
        return {name: one.drawn.tone for name, one in self.pinned.items()}


@pytest.fixture
def board() -> Searched:
    return Searched()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def front(board: Searched, clock: ManualClock) -> AsyncIterator[Desk]:
    store = memory.MemoryStore()
    made = Desk(store, MINT, Setup(route=(PLACE,)), clock)
    made.platforms["chat"] = channel.Platform(board, find_cards=board.find_cards, rows=20)
    yield made
    await store.close()


async def deliver(front: Desk, board: Board) -> None:
    runner = courier.Courier(front, [board])
    while await runner.deliver():
        pass


async def posted_anew(front: Desk, board: Searched, clock: ManualClock, count: int = 1) -> list[model.Ticket]:
    """Asked, and posted by the second of two processes: what the first had sent was not there when it looked."""
    tickets = [await front.open(permission(input={"command": f"call {one}"}, source=SOURCE)) for one in range(count)]
    board.faults = [errors.ChannelError("the process died", unsure=True)]
    await deliver(front, board)
    clock.advance(10)
    await deliver(front, board)
    assert list(board.pinned) == ["1"]
    return tickets


async def test_one_that_comes_after_the_decision_loses_its_buttons(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    (ticket,) = await posted_anew(front, board, clock)
    board.come_late()
    await front.answer(ticket.id, model.Answer(verdict="allow"), actor())
    await deliver(front, board)
    assert board.tones == {"1": "good", "late": "pending"}
    clock.advance(late_cards.LOOKED_FOR_AFTER)
    await deliver(front, board)
    assert board.tones == {"1": "good", "late": "good"}
    assert (await front.store.next_job(["chat"]), board.looks) == (None, 1)


async def test_one_that_comes_before_it_is_taken_care_of_like_the_other(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    (ticket,) = await posted_anew(front, board, clock)
    board.come_late()
    clock.advance(late_cards.LOOKED_FOR_AFTER)
    await deliver(front, board)
    assert board.tones == {"1": "pending", "late": "pending"}
    assert {one.message for one in await front.store.cards(ticket.id)} == {"1", "late"}
    await front.answer(ticket.id, model.Answer(verdict="deny"), actor())
    await deliver(front, board)
    assert board.tones == {"1": "bad", "late": "bad"}


async def test_one_on_which_somebody_pressed_before_is_drawn_as_well(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    (ticket,) = await posted_anew(front, board, clock)
    board.come_late()
    await front.answer(ticket.id, model.Answer(verdict="allow"), actor())
    await deliver(front, board)
    with pytest.raises(errors.AlreadyDecided):
        await front.press(board.token("late", "Deny"), ANN, ROOM, PressedMessage("chat", PLACE, "late"))
    clock.advance(late_cards.LOOKED_FOR_AFTER)
    await deliver(front, board)
    assert board.tones == {"1": "good", "late": "good"}


async def test_a_decision_while_it_is_drawn_is_shown_on_it(front: Desk, board: Searched, clock: ManualClock) -> None:
    class Slow(Searched):
        async def edit(self, posted: model.PostedCard, drawn: object) -> None:
            await super().edit(posted, drawn)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
            if posted.message == "late" and (await front.store.load(ticket.id)).decision is None:
                await front.answer(ticket.id, model.Answer(verdict="allow"), actor())

    board.__class__ = Slow
    (ticket,) = await posted_anew(front, board, clock)
    board.come_late()
    clock.advance(late_cards.LOOKED_FOR_AFTER)
    await courier.Courier(front, [board]).deliver()
    assert board.tones == {"1": "good", "late": "good"}


async def test_one_that_was_posted_for_one_that_is_gone_is_found_once_it_is_decided(
    front: Desk, board: Searched
) -> None:
    ticket = await front.open(permission())
    await deliver(front, board)
    board.come_late()
    board.pinned["1"].gone = True
    await front.answer(ticket.id, model.Answer(verdict="allow"), actor())
    await deliver(front, board)
    assert board.tones == {"1": "pending", "late": "good"}


async def test_after_a_first_try_nobody_looks(front: Desk, board: Searched) -> None:
    await front.open(permission())
    await deliver(front, board)
    assert (await front.store.next_job(["chat"]), board.looks) == (None, 0)


async def test_where_no_card_is_taken_twice_nobody_looks(front: Desk, board: Searched, clock: ManualClock) -> None:
    front.platforms["chat"] = channel.Platform(board)
    await posted_anew(front, board, clock)
    assert (await front.store.next_job(["chat"]), board.looks) == (None, 0)


async def test_a_look_that_fails_is_repeated_and_nobody_hears_of_a_card_that_stands(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    (ticket,) = await posted_anew(front, board, clock)
    board.come_late()
    board.blind = [errors.ChannelError("the platform failed"), errors.NotYet("others are first", 3.0)]
    for seconds in (late_cards.LOOKED_FOR_AFTER, 10, 10):
        clock.advance(seconds)
        await deliver(front, board)
    assert {one.message for one in await front.store.cards(ticket.id)} == {"1", "late"}
    assert (await front.store.load(ticket.id)).delayed == ()
    told = [row.entry for row in await front.store.log(ticket.id) if row.entry.at > ticket.created_at]
    assert [type(one) for one in told] == [events.Delivered]


async def test_where_one_cannot_look_the_request_goes_on(front: Desk, board: Searched, clock: ManualClock) -> None:
    (ticket,) = await posted_anew(front, board, clock)
    board.blind = [errors.ChannelError("the app may not read there", final=True)]
    clock.advance(late_cards.LOOKED_FOR_AFTER)
    await deliver(front, board)
    found = await front.store.load(ticket.id)
    assert (found.undelivered, found.decision, await front.store.next_job(["chat"])) == ((), None, None)


async def test_that_of_several_requests_is_found_as_well(front: Desk, board: Searched, clock: ManualClock) -> None:
    tickets = await posted_anew(front, board, clock, count=3)
    board.come_late()
    for one in tickets:
        await front.answer(one.id, model.Answer(verdict="allow"), actor())
    clock.advance(late_cards.LOOKED_FOR_AFTER)
    await deliver(front, board)
    late = board.pinned["late"].drawn
    assert isinstance(late, batch.BatchCard)
    assert [row.open for row in late.rows] == []
    assert {posted.message for _, posted in await batching.cards_of(front.store, tickets[0].id)} == {"1", "late"}


async def test_that_of_several_that_was_posted_for_one_that_is_gone_is_found_once_all_are_decided(
    front: Desk, board: Searched
) -> None:
    tickets = [await front.open(permission(input={"command": f"call {one}"}, source=SOURCE)) for one in range(3)]
    await deliver(front, board)
    board.come_late()
    board.pinned["1"].gone = True
    for one in tickets:
        await front.answer(one.id, model.Answer(verdict="allow"), actor())
    await deliver(front, board)
    late = board.pinned["late"].drawn
    assert isinstance(late, batch.BatchCard)
    assert [row.open for row in late.rows] == []


async def test_a_press_on_that_of_several_counts_before_anybody_looked(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    tickets = await posted_anew(front, board, clock, count=3)
    board.come_late()
    token = board.token("late", "Review all 3…")
    elsewhere = PressedMessage("chat", "chat:#other", "late")
    with pytest.raises(errors.InvalidToken):
        await front.press_batch(token, ANN, ROOM, elsewhere)
    await front.press_batch(token, ANN, ROOM, PressedMessage("chat", PLACE, "late"))
    for one in tickets:
        await front.answer(one.id, model.Answer(verdict="allow"), actor())
    await deliver(front, board)
    late = board.pinned["late"].drawn
    assert isinstance(late, batch.BatchCard)
    assert late.rows == ()
