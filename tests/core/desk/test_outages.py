"""A card that cannot be shown: whoever waits is told within five seconds, and it is shown elsewhere if that is said."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest

from sayso import errors, machine, model, stores
from sayso.cards import card
from sayso.desk import Desk, Setup, courier
from sayso.desk.posting import lanes, outages
from sayso.machine import events, people, progress
from sayso.stores import memory
from sayso.testing import oracle
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW, actor, permission

DIRECTORY = people.Directory({name: people.Profile(frozenset({f"chat:T/{name}"})) for name in ("ann", "bob")})
DOWN, GONE = errors.ChannelError("503"), errors.ChannelError("no such room", final=True, hint="invite the app")


@dataclasses.dataclass
class Rooms(Board):
    """A chat some of whose rooms cannot be reached; one that is slow answers when it is told to."""

    wrong: dict[str, errors.ChannelError] = dataclasses.field(default_factory=dict[str, errors.ChannelError])
    slow: asyncio.Event | None = None
    tried: list[str] = dataclasses.field(default_factory=list[str])

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        self.tried.append(place)
        if self.slow is not None:
            await self.slow.wait()
        if place in self.wrong:
            raise self.wrong[place]
        return await super().post(place, drawn, again=again)


def desk_of(*fallback: str, route: tuple[str, ...] = ("chat:#ops",), **policy: object) -> Desk:
    made = model.Policy.model_validate({"approvers": ("ann", "bob"), "fallback": fallback, **policy})
    setup = Setup({"default": made}, DIRECTORY, route, channels=("chat", "web"))
    return Desk(memory.MemoryStore(), MINT, setup, ManualClock(NOW))


async def run(desk: Desk, rooms: Rooms, seconds: int = 5) -> None:
    """Deliver all that is due within so many seconds."""
    assert isinstance(desk.clock, ManualClock)
    runner = courier.Courier(desk, [rooms])
    for _ in range(seconds * 2):
        while await runner.deliver():
            pass
        desk.clock.advance(0.5)


async def opened(desk: Desk) -> str:
    return (await desk.open(permission())).id


async def test_a_place_that_is_never_reached_ends_the_wait_at_once_and_says_why() -> None:
    desk = desk_of()
    id = await opened(desk)
    await courier.Courier(desk, [Rooms(wrong={"chat:#ops": GONE})]).deliver()
    decision = (await desk.get(id)).decision
    assert decision is not None
    assert decision.outcome == "undeliverable"
    assert "no such room (invite the app)" in decision.model_text


async def test_each_place_that_fails_is_followed_by_the_next_and_the_last_is_told_of() -> None:
    desk = desk_of("chat:#b", "approvers", "chat:#c")
    id, rooms = await opened(desk), Rooms()
    rooms.wrong = dict.fromkeys(["chat:#ops", "chat:#b", "chat:@ann", "chat:@bob", "chat:#c"], GONE)
    await run(desk, rooms, 1)
    assert rooms.tried == ["chat:#ops", "chat:#b", "chat:@ann", "chat:@bob", "chat:#c"]
    ticket = await desk.get(id)
    assert ticket.decision is not None
    assert ticket.decision.outcome == "undeliverable"
    assert [done.places for done in ticket.fell_back] == [("chat:#b",), ("chat:@ann", "chat:@bob"), ("chat:#c",)]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(desk.store)) == []


async def test_the_first_fallback_that_works_is_the_last_that_is_tried() -> None:
    desk = desk_of("chat:#b", "chat:#c")
    id, rooms = await opened(desk), Rooms(wrong={"chat:#ops": GONE})
    await run(desk, rooms, 1)
    assert rooms.tried == ["chat:#ops", "chat:#b"]
    said = progress.said(await desk.get(id))
    assert said is not None
    assert "could not be shown at chat:#ops; shown at chat:#b instead, since 2026-01-01 12:00 UTC" in said
    answered = await desk.answer(id, model.Answer(verdict="allow"), actor("ann"))
    assert answered.decision is not None
    assert answered.decision.allowed


async def test_no_fallback_is_tried_while_another_place_works_and_none_twice() -> None:
    desk = desk_of("chat:#b", "chat:#c", route=("chat:#ops", "chat:#b"))
    id, rooms = await opened(desk), Rooms(wrong={"chat:#ops": GONE})
    await run(desk, rooms, 1)
    assert (await desk.get(id)).fell_back == ()
    await desk.place_lost(id, "chat:#b", "archived")
    await run(desk, rooms, 1)
    assert sorted(rooms.tried) == ["chat:#b", "chat:#c", "chat:#ops"]
    assert (await desk.get(id)).decision is None


async def test_an_outage_is_told_within_five_seconds_and_so_is_its_end() -> None:
    desk = desk_of()
    id, rooms = await opened(desk), Rooms(wrong={"chat:#ops": DOWN})
    await run(desk, rooms)
    ticket = await desk.get(id)
    assert [(one.place, one.reason) for one in ticket.delayed] == [("chat:#ops", "503")]
    assert (ticket.delayed[0].at - NOW).total_seconds() < 5
    assert "not shown at chat:#ops so far: 503, tried again" in str(progress.said(ticket))
    rooms.wrong = {}
    await run(desk, rooms, 10)
    assert (await desk.get(id)).delayed == ()
    assert len(rooms.pinned) == 1
    entries = [row.entry for row in await desk.store.log(id)]
    assert [type(one) for one in entries[1:]] == [events.Delayed, events.Delivered, events.Reached]


async def test_in_an_outage_it_is_shown_elsewhere_and_where_it_was_asked_once_that_is_over() -> None:
    desk = desk_of("chat:#b")
    id, rooms = await opened(desk), Rooms(wrong={"chat:#ops": DOWN})
    await run(desk, rooms)
    assert [pinned.drawn.ticket_id for pinned in rooms.pinned.values()] == [id]
    rooms.wrong = {}
    await run(desk, rooms, 10)
    assert sorted(one.place for one in await desk.store.cards(id)) == ["chat:#b", "chat:#ops"]


async def test_a_hiccup_is_told_to_nobody() -> None:
    desk = desk_of("chat:#b")
    id, rooms = await opened(desk), Rooms(faults=[DOWN])
    await run(desk, rooms)
    assert (await desk.get(id)).version == 1
    assert rooms.tried == ["chat:#ops", "chat:#ops"]


async def test_a_place_that_asks_for_a_long_wait_is_told_of_at_once() -> None:
    desk = desk_of()
    id = await opened(desk)
    await courier.Courier(desk, [Rooms(faults=[errors.ChannelError("slow down", retry_after=60)])]).deliver()
    assert [one.reason for one in (await desk.get(id)).delayed] == ["slow down"]


async def test_a_place_that_does_not_answer_is_told_of_while_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "TOLD_AFTER", 0.01)
    desk = desk_of("chat:#b")
    id, rooms = await opened(desk), Rooms(slow=asyncio.Event())
    delivering = asyncio.create_task(courier.Courier(desk, [rooms]).deliver())
    while not (await desk.get(id)).fell_back:  # noqa: ASYNC110 (the bound is that of the whole test)
        await asyncio.sleep(0.002)
    assert rooms.slow is not None
    rooms.slow.set()
    await delivering
    await run(desk, rooms, 1)
    assert (await desk.get(id)).delayed == ()
    assert len(rooms.pinned) == 2


async def test_whoever_cannot_be_told_now_is_told_at_the_next_failure(caplog: pytest.LogCaptureFixture) -> None:
    class Busy(memory.MemoryStore):
        async def commit(self, *given: object, **more: object) -> None:
            raise errors.StoreUnavailable("the database is away")

    desk = desk_of()
    id, store = await opened(desk), desk.store
    desk.store = Busy()
    watch = outages.Outages(desk)
    await watch._tell(id, "chat:#ops")  # pyright: ignore[reportPrivateUsage]
    assert "nobody is told of a delay" in caplog.text
    desk.store = store


@pytest.mark.parametrize("first", ["undelivered", "decided"])
def test_what_is_lost_or_decided_is_not_delayed(first: str) -> None:
    terms = machine.Terms("bot", model.Policy(), ("chat:#a", "chat:#b"))
    ticket = machine.open_ticket(permission(), terms, id="r1", ref="A" * 22, at=NOW).ticket
    event: events.Event = events.Cancelled(at=NOW, by="bot")
    if first == "undelivered":
        event = events.Undelivered(at=NOW, place="chat:#a", reason="gone")
    ticket = machine.step(ticket, event).ticket
    late: Sequence[events.Event] = (
        events.Delayed(at=NOW, place="chat:#a", reason="503"),
        events.Delayed(at=NOW, place="chat:#z", reason="503"),
        events.Reached(at=NOW, place="chat:#a"),
        events.Lost(at=NOW, place="chat:#a"),
    )
    for one in late:
        assert machine.step(ticket, one) == machine.Step(ticket)


async def test_the_inbox_is_a_fallback_that_cannot_fail() -> None:
    desk = desk_of("web", "chat:#b")
    id, rooms = await opened(desk), Rooms(wrong={"chat:#ops": GONE, "chat:#b": GONE})
    await run(desk, rooms, 1)
    ticket = await desk.get(id)
    assert (ticket.decision, ticket.route) == (None, ("chat:#ops", "web"))


async def test_a_restart_in_an_outage_falls_back_once(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/sayso.db"
    rooms = Rooms(wrong={"chat:#ops": DOWN})
    first = desk_of("chat:#b")
    first.store = await stores.connect(url)
    id = await opened(first)
    await run(first, rooms, 3)
    await first.store.close()
    again = desk_of("chat:#b")
    again.store, again.clock = await stores.connect(url), first.clock
    await run(again, rooms, 20)
    assert rooms.tried.count("chat:#b") == 1
    assert len((await again.get(id)).fell_back) == 1
    await again.store.close()


async def turned(desk: Desk, seconds: float) -> None:
    """Let time pass in small steps, and everybody do what they do then."""
    assert isinstance(desk.clock, ManualClock)
    for _ in range(int(seconds * 4)):
        desk.clock.advance(0.25)
        for _ in range(20):
            await asyncio.sleep(0)


async def test_if_all_that_is_under_way_hangs_those_behind_it_are_told_of_as_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "AT_ONCE", 2)
    monkeypatch.setattr(lanes, "GATHERED", 3)
    desk = desk_of("web")
    rooms = Rooms(slow=asyncio.Event())
    # each in a place of its own, so that no card is for several
    ids = [(await desk.open(permission(id=f"r{n}", route=(f"chat:#{n}",)))).id for n in range(9)]
    running = asyncio.create_task(courier.Courier(desk, [rooms]).run())
    await turned(desk, 4.75)
    tickets = [await desk.get(id) for id in ids]
    assert len(rooms.tried) == 2
    stuck = [one for one in tickets if one.delayed and "has come back" in one.delayed[0].reason]
    assert len(stuck) == 7
    assert all((one.delayed[0].at - NOW).total_seconds() < 5 for one in stuck)
    assert all([done.places for done in one.fell_back] == [("web",)] for one in stuck)
    assert rooms.slow is not None
    rooms.slow.set()
    rooms.slow = None
    await turned(desk, 3)
    assert len(rooms.pinned) == 9, "each once"
    assert [(await desk.get(one.id)).delayed for one in stuck] == [()] * 7
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_whoever_waits_for_its_turn_at_a_platform_is_told_so_and_nothing_counts_as_failed() -> None:
    desk = desk_of("chat:#b")
    id = await opened(desk)
    rooms = Rooms(faults=[errors.NotYet("Slack's rate limit", 12), errors.NotYet("Slack's rate limit", 6)])
    await run(desk, rooms, 2)
    said = progress.said(await desk.get(id))
    assert "not its turn at chat:#ops yet: Slack's rate limit, next try at 12:00:12 UTC" in str(said)
    await run(desk, rooms, 12)
    ticket = await desk.get(id)
    assert "next try at 12:00:18 UTC" in str(progress.said(ticket))
    assert (ticket.fell_back, ticket.undelivered) == ((), ())
    await run(desk, rooms, 6)
    assert ((await desk.get(id)).delayed, [pinned.drawn.ticket_id for pinned in rooms.pinned.values()]) == ((), [id])
    entries = [row.entry for row in await desk.store.log(id)]
    assert [one.type for one in entries[1:]] == ["delayed", "delayed", "delivered", "reached"]


async def test_a_turn_that_comes_soon_is_told_to_nobody_and_a_failure_after_it_is() -> None:
    desk = desk_of("chat:#b")
    id, rooms = await opened(desk), Rooms(faults=[errors.NotYet("Slack's rate limit", 3)])
    await run(desk, rooms, 1)
    assert (await desk.get(id)).version == 1
    desk = desk_of("chat:#b")
    id, rooms = await opened(desk), Rooms(faults=[DOWN, DOWN, errors.NotYet("Slack's rate limit", 12)])
    await run(desk, rooms, 20)
    assert [done.places for done in (await desk.get(id)).fell_back] == [("chat:#b",)]


async def test_where_nobody_delivers_whoever_waits_is_told_and_it_is_shown_once_somebody_does() -> None:
    desk = desk_of("web")
    id = await opened(desk)
    waiting = asyncio.create_task(desk.wait(id))
    await turned(desk, 4.5)
    ticket = await desk.get(id)
    assert [one.places for one in ticket.fell_back] == [("web",)]
    assert "not shown at chat:#ops so far: no service delivers there so far" in str(progress.said(ticket))
    await turned(desk, 3)
    assert (await desk.get(id)).version == ticket.version
    rooms = Rooms()
    await courier.Courier(desk, [rooms]).deliver()
    assert ((await desk.get(id)).delayed, len(rooms.pinned)) == ((), 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_where_another_process_has_posted_it_nobody_is_told_of_anything() -> None:
    desk = desk_of("web")
    id = await opened(desk)
    await courier.Courier(desk, [Rooms()]).deliver()
    waiting = asyncio.create_task(desk.wait(id))
    await turned(desk, 6)
    assert (await desk.get(id)).version == 1
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
