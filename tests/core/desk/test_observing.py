"""What rules that only observe would have decided, told once a week: over restarts, and by one of two copies."""

from dataclasses import replace
from datetime import timedelta

import pytest

import sayso
from sayso import errors, model, rules
from sayso.cards import card, tokens
from sayso.desk import channel
from sayso.desk.setup import Telling
from sayso.desk.upkeep import observing
from sayso.machine import people
from sayso.rules import rule
from sayso.stores import memory
from sayso.testing.clock import ManualClock

WEEK = timedelta(days=7).total_seconds()
ANN = people.Actor("web:ann", "Ann", member=True)


class Room:
    """A chat that takes notes."""

    name = "room"

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.away = False
        self.failing: dict[str, errors.ChannelError] = {}

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        raise NotImplementedError

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        raise NotImplementedError

    async def note(self, place: str, session: card.Session, said: card.Says | card.Line) -> None:
        if self.away:
            raise errors.ChannelError("away")
        if place in self.failing:
            raise self.failing[place]
        assert isinstance(said, card.Line)
        self.told.append((place, "".join(card.words_of(part) for part in said.inlines())))


def watched(name: str, tool: str) -> rules.Rule:
    match = rule.read_match(name, {"tool": tool, "any_input": True})
    return rules.Rule(id=name, match=match, effect="allow", observed=True)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def desk_of(store: memory.MemoryStore, clock: ManualClock, room: Room, *named: rules.Rule) -> sayso.Desk:
    setup = sayso.Setup(rules=rules.Book(named), observed=Telling(("room:ops",)))
    made = sayso.Desk(store, tokens.TokenMaker(b"x" * 32), setup, clock)
    made.platforms["room"] = channel.Platform(channel=room, teller=room)
    return made


async def test_it_is_told_once_a_week_with_what_people_decided_on_the_same(room: Room, clock: ManualClock) -> None:
    store = memory.MemoryStore()
    desk = desk_of(store, clock, room, watched("npm", "npm"), watched("never", "nothing"))
    # the first week begins now
    assert not await observing.tell_if_due(desk)
    verdicts: tuple[model.Verdict, ...] = ("allow", "allow", "deny")
    for verdict in verdicts:
        ticket = await desk.open(sayso.Permission(tool="npm"))
        await desk.answer(ticket.id, sayso.Answer(verdict=verdict), ANN)
    clock.advance(WEEK - 1)
    assert not await observing.tell_if_due(desk)
    clock.advance(1)
    # a second copy, or the next process after a restart, tells it no second time
    again = desk_of(store, clock, room, watched("npm", "npm"))
    assert [await observing.tell_if_due(one) for one in (desk, again)] == [True, False]
    ((place, said),) = room.told
    assert place == "room:ops"
    told = "npm would have allowed 3 requests; in fact 2 allowed, 1 denied; never matched nothing that was decided"
    assert told in said
    clock.advance(WEEK - 60)
    await again.answer((await again.open(sayso.Permission(tool="npm"))).id, sayso.Answer(verdict="deny"), ANN)
    clock.advance(60)
    assert await observing.tell_if_due(again)
    assert "npm would have allowed 1 request; in fact 1 denied" in room.told[1][1]


async def test_nothing_is_told_where_no_rule_only_observes_or_no_place_is_named(room: Room, clock: ManualClock) -> None:
    store = memory.MemoryStore()
    plain = desk_of(store, clock, room)
    nowhere = desk_of(store, clock, room, watched("npm", "npm"))
    nowhere.setup = replace(nowhere.setup, observed=Telling())
    for _ in range(2):
        assert [await observing.tell_if_due(one) for one in (plain, nowhere)] == [False, False]
        clock.advance(WEEK)
    assert await store.get("observed", "told") is None


async def test_a_chat_that_is_away_is_told_later(
    room: Room, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_of(memory.MemoryStore(), clock, room, watched("npm", "npm"))
    await observing.tell_if_due(desk)
    clock.advance(WEEK)
    room.away = True
    assert not await observing.tell_if_due(desk)
    assert "not told what rules would have done" in caplog.text
    desk.platforms.clear()
    assert not await observing.tell_if_due(desk)
    desk.platforms["room"] = channel.Platform(channel=room, teller=room)
    room.away = False
    assert await observing.tell_if_due(desk)


async def test_a_place_that_fails_is_told_again_alone_and_one_that_is_closed_is_passed_over(
    room: Room, clock: ManualClock
) -> None:
    desk = desk_of(memory.MemoryStore(), clock, room, watched("npm", "npm"))
    desk.setup = replace(desk.setup, observed=Telling(("room:ops", "room:away", "room:closed")))
    await observing.tell_if_due(desk)
    room.failing = {"room:away": errors.ChannelError("away"), "room:closed": errors.ChannelError("gone", final=True)}
    clock.advance(WEEK)
    for _ in range(3):
        await observing.tell_if_due(desk)
        clock.advance(3600)
    assert [place for place, _ in room.told] == ["room:ops"]
    room.failing.clear()
    assert [await observing.tell_if_due(desk) for _ in range(2)] == [True, False]
    assert [place for place, _ in room.told] == ["room:ops", "room:away"]
    # a week after the first one heard it
    clock.advance(WEEK - 3 * 3600)
    assert await observing.tell_if_due(desk)
    assert [place for place, _ in room.told[2:]] == ["room:ops", "room:away", "room:closed"]


async def test_a_long_list_of_rules_is_cut_and_says_so(clock: ManualClock) -> None:
    found = await sayso.Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), clock=clock).numbers.of_last(7)
    said = observing.describe(found, [watched(f"r{number}", "npm") for number in range(25)])
    told = "".join(card.words_of(part) for part in said.inlines())
    assert "r19" in told
    assert "r20" not in told
    assert "and 5 more" in told
