"""Whoever stood still until its lease was over sends nothing any more, whatever it was about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

# pyright: reportPrivateUsage=false
from sayso import model
from sayso.cards import card
from sayso.desk import Caller, Desk, Setup, channel, courier
from sayso.desk.posting import lanes, leases
from sayso.desk.upkeep import duties
from sayso.machine import events, people
from sayso.stores import Job, memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, actor, permission
from tests.conftest import BOUND, until

PLACE = "chat:#ops"
SOURCE = model.Source(session="s1")
POLICY = model.Policy(remind=(60.0,), expires_in=3600.0)


class Store(memory.MemoryStore):
    """The database of several processes; one that stands still keeps no lease."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = asyncio.Event()
        self.awake.set()

    async def renew(self, job: Job, until: datetime) -> bool:
        await self.awake.wait()
        return await super().renew(job, until)


@dataclass
class Room:
    """What people see: the cards, with how often each was drawn, and what they were told."""

    cards: list[str] = field(default_factory=list[str])
    told: list[str] = field(default_factory=list[str])


class Link:
    """All that one process does in a chat. It looks before it sends, as every adapter does."""

    name = "chat"

    def __init__(self, room: Room, *, stands: bool = False) -> None:
        self._room = room
        self.goes_on, self.stands = asyncio.Event(), set[str]()
        if not stands:
            self.goes_on.set()

    async def _send(self, what: str) -> None:
        self.stands.add(what)
        await self.goes_on.wait()
        leases.check()

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        if not (again and drawn.ticket_id in self._room.cards):
            # it was looked for, and is not there: now it stands still
            await self._send("post")
            self._room.cards.append(drawn.ticket_id)
        return model.PostedCard(drawn.ticket_id, place, "chat", place, drawn.ticket_id)

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        await self._send("edit")
        self._room.told.append(f"{posted.message} is {drawn.tone}")

    async def tell(
        self, place: str, said: card.Line, cards: Sequence[model.PostedCard], *, ticket_id: str, again: bool
    ) -> None:
        await self._send("tell")
        self._room.told.append("the requester hears")

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        await self._send("remind")
        self._room.told.append("a reminder")
        return "1"

    async def resume(self, ticket: model.Ticket) -> bool:
        await self._send("resume")
        self._room.told.append("a call")
        return True

    async def update(self, ticket: model.Ticket) -> None:
        await self._send("update")
        self._room.told.append("a device")

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        return 1.0


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    made = Store()
    yield made
    await made.close()


def process(store: Store, clock: ManualClock, link: Link) -> courier.Courier:
    """One more copy of the service."""
    directory = people.Directory({"bob": people.Profile(frozenset({"chat:bob"}))})
    setup = Setup({"default": POLICY}, directory, (PLACE,), callbacks=True, tell_requester=True, push=True)
    desk = Desk(store, MINT, setup, clock)
    desk.platforms["chat"] = channel.Platform(link, messenger=link, reminder=link, rows=20)
    return courier.Courier(desk, [link], link, link)


async def ask(one: courier.Courier, count: int = 1, batch: model.Batch | None = None) -> list[model.Ticket]:
    call, caller = "https://agent.example/done", Caller(owner="agent", requester="bob")
    asked = [
        permission(input={"command": f"call {number}"}, source=SOURCE, batch=batch, callback_url=call)
        for number in range(count)
    ]
    return [await one._desk.open(request, caller) for request in asked]


async def turns() -> None:
    """Let every task come to its next wait."""
    for _ in range(30):
        await asyncio.sleep(0)


async def settle(one: courier.Courier) -> None:
    while await one.deliver():
        pass


@pytest.fixture
def standing(room: Room, store: Store, clock: ManualClock) -> Link:
    """The way out of a process that stands still once it has looked, and before it sends."""
    return Link(room, stands=True)


async def stand_still(
    store: Store, clock: ManualClock, mine: courier.Courier, link: Link, *, at: Collection[str] = ("post",)
) -> asyncio.Task[int]:
    """Have a process stand still over whatever is due, for longer than its lease."""
    frozen = asyncio.create_task(mine.deliver())
    await until(lambda: link.stands.issuperset(at))
    store.awake.clear()
    clock.advance(leases.LEASE)
    return frozen


async def go_on(link: Link, frozen: asyncio.Task[int]) -> None:
    link.goes_on.set()
    await asyncio.wait_for(frozen, BOUND)


@pytest.mark.parametrize(("count", "batch"), [(1, None), (3, None), (2, model.Batch(id="turn 1", size=2))])
async def test_a_card_that_somebody_else_posted_meanwhile_is_not_posted(
    room: Room, store: Store, clock: ManualClock, standing: Link, count: int, batch: model.Batch | None
) -> None:
    mine, other = process(store, clock, standing), process(store, clock, Link(room))
    tickets = await ask(mine, count, batch)
    frozen = await stand_still(store, clock, mine, standing)
    await settle(other)
    clock.advance(2)
    await settle(other)
    there = [*room.cards]
    assert there
    await go_on(standing, frozen)
    assert room.cards == there
    clock.advance(leases.LEASE)
    await settle(other)
    assert room.cards == there
    for one in tickets:
        await other._desk.answer(one.id, model.Answer(verdict="allow"), actor())
    await settle(other)
    assert await store.next_job(["chat"]) is None


async def test_a_card_that_nobody_else_posted_meanwhile_is_posted_in_a_moment(
    room: Room, store: Store, clock: ManualClock, standing: Link
) -> None:
    mine = process(store, clock, standing)
    (ticket,) = await ask(mine)
    frozen = await stand_still(store, clock, mine, standing)
    await go_on(standing, frozen)
    assert room.cards == []
    clock.advance(5)
    await settle(mine)
    assert room.cards == [ticket.id]


async def test_what_follows_a_decision_comes_once(room: Room, store: Store, clock: ManualClock, standing: Link) -> None:
    """The card is drawn, the requester, the agent and the devices hear of it."""
    mine, other = process(store, clock, standing), process(store, clock, Link(room))
    (ticket,) = await ask(other)
    await settle(other)
    room.told.clear()
    await other._desk.answer(ticket.id, model.Answer(verdict="allow"), actor())
    frozen = await stand_still(store, clock, mine, standing, at=("edit", "tell", "resume", "update"))
    await settle(other)
    await go_on(standing, frozen)
    assert sorted(room.told) == ["a call", "a device", f"{ticket.id} is good", "the requester hears"]


async def test_a_reminder_comes_once(room: Room, store: Store, clock: ManualClock, standing: Link) -> None:
    mine, other = process(store, clock, standing), process(store, clock, Link(room))
    (ticket,) = await ask(other)
    await settle(other)
    clock.advance(60)
    await other._desk.let_time_act(ticket.id)
    room.told.clear()
    frozen = await stand_still(store, clock, mine, standing, at=("remind",))
    await settle(other)
    await go_on(standing, frozen)
    assert room.told.count("a reminder") == 1


async def test_a_process_that_hears_in_time_that_it_lost_its_lease_sends_nothing(
    room: Room, store: Store, clock: ManualClock, standing: Link
) -> None:
    """Its renewal comes before it goes on: a lease that is over is not kept by that."""
    mine, other = process(store, clock, standing), process(store, clock, Link(room))
    (ticket,) = await ask(mine)
    frozen = await stand_still(store, clock, mine, standing)
    await settle(other)
    store.awake.set()
    await turns()
    await go_on(standing, frozen)
    assert room.cards == [ticket.id]


async def test_whoever_takes_longer_than_it_took_the_card_of_several_on_itself_does_not_post_it(
    room: Room, store: Store, clock: ManualClock, standing: Link
) -> None:
    """Its leases are kept all the time; only that it posts this card is for another one to do by now."""
    mine, other = process(store, clock, standing), process(store, clock, Link(room))
    await ask(mine, 2, model.Batch(id="turn 1", size=2))
    [first, second] = await store.take(["chat"], clock.now(), 3 * leases.LEASE)
    slow = asyncio.create_task(lanes.Work((first,), lambda: mine._perform(first)).perform(clock))
    await until(lambda: "post" in standing.stands)
    clock.advance(leases.LEASE)
    await lanes.Work((second,), lambda: other._perform(second)).perform(clock)
    assert len(room.cards) == 1
    standing.goes_on.set()
    await asyncio.wait_for(slow, BOUND)
    assert len(room.cards) == 1


async def test_a_card_of_many_is_posted_in_time_where_the_database_is_slow_to_answer(
    room: Room, store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at a request takes a second: one after the other they took longer than one has for the card."""
    load, looking = store.load, set[asyncio.Task[object] | None]()

    async def slow(id: str) -> model.Ticket:
        looking.add(asyncio.current_task())
        await clock.within(clock.now() + timedelta(seconds=1), asyncio.Event().wait())
        looking.discard(asyncio.current_task())
        return await load(id)

    one = process(store, clock, Link(room))
    await ask(one, 20, model.Batch(id="turn 1", size=20))
    monkeypatch.setattr(store, "load", slow)
    delivering = asyncio.create_task(one.deliver())
    while not (room.cards or delivering.done()):
        # drawing takes no time here, however long a busy machine is about it
        await turns()
        await until(lambda: looking or room.cards or delivering.done())
        clock.advance(1)
    assert len(room.cards) == 1
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)


async def test_who_had_a_duty_and_stood_still_does_not_send_what_it_is_for(store: Store, clock: ManualClock) -> None:
    mine, other = (duties.Duty(store, clock, "telling", 60.0) for _ in range(2))
    begun, goes_on, over = asyncio.Event(), asyncio.Event(), list[leases.LeaseOver]()

    async def tell() -> None:
        begun.set()
        await goes_on.wait()
        try:
            leases.check()
        except leases.LeaseOver as error:
            over.append(error)
            raise

    telling = asyncio.create_task(duties.repeat(mine, clock, 60.0, tell))
    await asyncio.wait_for(begun.wait(), BOUND)
    assert not await other.take()
    clock.advance(mine.lasts.total_seconds())
    assert await other.take()
    goes_on.set()
    await turns()
    assert (len(over), telling.done()) == (1, False)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


async def test_work_that_came_while_something_else_was_sent_has_a_lease_of_its_own(clock: ManualClock) -> None:
    """A commit hands its effects on in the context of whoever made it, which may have been an effect itself."""
    sent = list[str]()

    async def send() -> None:
        leases.check()
        sent.append("it")

    job = Job("key", "t1", events.Push(), 1, 1, clock.now() + timedelta(seconds=leases.LEASE))
    with leases.under(clock, clock.now):
        with pytest.raises(leases.LeaseOver):
            leases.check()
        await asyncio.create_task(lanes.Work([job], send).perform(clock))
        with pytest.raises(leases.LeaseOver):
            leases.check()
    assert sent == ["it"]


def test_outside_of_any_lease_everything_may_be_sent() -> None:
    leases.check()
