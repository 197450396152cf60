"""One of several requests whose first taker was killed: it has its row with the others, or the card that was sent."""

from __future__ import annotations

import asyncio
import functools

import pytest

# pyright: reportPrivateUsage=false
from sayso import errors, model
from sayso.cards import card
from sayso.desk import Desk, courier
from sayso.desk.posting import batching, late_cards, leases
from sayso.testing.board import Pinned
from sayso.testing.clock import ManualClock
from sayso.testing.samples import actor, permission
from tests.conftest import BOUND
from tests.core.desk.test_batching import SOURCE
from tests.core.desk.test_late_cards import PLACE, Searched, board, clock, deliver, front

__all__ = ["board", "clock", "front"]


async def test_whoever_takes_over_one_of_several_does_not_post_it_alone_while_another_process_gathers_it(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    class Slow(Searched):
        async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
            if not begun.is_set():
                begun.set()
                await goes_on.wait()
            return await super().post(place, drawn, again=again)

    begun, goes_on = asyncio.Event(), asyncio.Event()
    board.__class__ = Slow
    together = model.Batch(id="turn 1", size=2)
    first, second = [
        await front.open(permission(input={"command": f"call {one}"}, source=SOURCE, batch=together)) for one in (1, 2)
    ]
    # who takes the first one is killed; the second one comes due once that lease is over
    dead = await front.store.take(["chat"], clock.now(), leases.LEASE)
    await front.store.put_off(next(job for job in dead if job.ticket_id == second.id), clock.now())
    clock.advance(leases.LEASE)
    mine, other = (courier.Courier(front, [board]) for _ in range(2))
    [again, fresh] = await front.store.take(["chat"], clock.now(), leases.LEASE)
    if again.ticket_id == second.id:
        again, fresh = fresh, again
    assert (again.attempts, fresh.attempts) == (1, 0)
    slow = asyncio.create_task(mine._perform(again))
    await asyncio.wait_for(begun.wait(), BOUND)
    quick = asyncio.create_task(other._perform(fresh))
    for _ in range(30):
        await asyncio.sleep(0)
    goes_on.set()
    await asyncio.wait_for(asyncio.gather(slow, quick), BOUND)
    clock.advance(10)
    await deliver(front, board)
    for one in (first, second):
        assert [posted.message for _, posted in await batching.cards_of(front.store, one.id)] == ["1"]
    assert list(board.pinned) == ["1"]


async def test_one_of_several_that_was_posted_alone_before_its_process_was_killed_stays_alone(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    ask = functools.partial(permission, source=SOURCE, batch=model.Batch(id="turn 1", size=2))
    first = await front.open(ask(input={"command": "call 1"}))
    clock.advance(10)
    [job] = await front.store.take(["chat"], clock.now(), leases.LEASE)
    board.lose = 1
    with pytest.raises(errors.ChannelError):
        await courier.Courier(front, [board])._act(job)
    clock.advance(leases.LEASE)
    await deliver(front, board)
    second = await front.open(ask(input={"command": "call 2"}))
    await deliver(front, board)
    shown = [[it.message for _, it in await batching.cards_of(front.store, one.id)] for one in (first, second)]
    assert shown == [["1"], ["2"]]


async def test_the_card_of_one_alone_that_comes_once_all_of_them_stand_together_is_closed_as_well(
    front: Desk, board: Searched, clock: ManualClock
) -> None:
    ask = functools.partial(permission, source=SOURCE, batch=model.Batch(id="turn 1"))
    first = await front.open(ask(input={"command": "call 1"}))
    clock.advance(10)
    [job] = await front.store.take(["chat"], clock.now(), leases.LEASE)
    alone = await front.draw_posted(first)
    clock.advance(leases.LEASE)
    second = await front.open(ask(input={"command": "call 2"}))
    clock.advance(2)
    await deliver(front, board)
    assert (job.attempts, list(board.pinned)) == (0, ["1"])
    board.pinned["late"] = Pinned(alone, place=PLACE)
    clock.advance(late_cards.LOOKED_FOR_AFTER)
    await deliver(front, board)
    for one in (first, second):
        await front.answer(one.id, model.Answer(verdict="allow"), actor())
    await deliver(front, board)
    assert board.tones["late"] == "good"
