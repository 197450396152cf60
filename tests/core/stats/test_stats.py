"""The numbers of a period: what they count, what bounds them, and that they are counted once a minute at most."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import Literal

import pytest

import sayso
from sayso import asking, calendars, errors, machine, model, parts, stats
from sayso.machine import events
from sayso.stats import period, tally
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW, actor, after, opened, permission, said
from tests.tables import each

OFFICE = calendars.Calendar(name="office", hours=(calendars.Hours(opens=9 * 60, closes=10 * 60),))


def counted(*tickets: model.Ticket) -> stats.Figures:
    made = tally.Tally()
    made.add_all(tickets)
    return made.figures(NOW - timedelta(days=1), NOW, whole=True)


def decided(verdict: str = "allow", *, by: str = "ann", seconds: float = 5.0, tool: str = "Bash") -> model.Ticket:
    ticket = opened(asking.Permission(tool=tool, input={"n": 1}))
    return after(ticket, said(by, after=seconds, verdict=verdict))


def test_half_and_the_twentieth_from_the_top() -> None:
    assert tally.spread([]) == stats.Spread()
    assert tally.spread([4.0]) == stats.Spread(count=1, p50=4.0, p95=4.0)
    assert tally.spread([float(n) for n in range(101)]) == stats.Spread(count=101, p50=50.0, p95=95.0)


def test_what_people_decided_and_how_long_they_took_by_tool_agent_and_place() -> None:
    figures = counted(decided(seconds=10), decided("deny", seconds=30), decided(tool="Edit", seconds=50))
    assert figures.outcomes == {"allowed": 2, "denied": 1}
    assert (figures.to_decision.p50, figures.to_answer.p50) == (30.0, 30.0)
    bash, edit = figures.tools
    assert (bash.name, bash.requests, bash.outcomes, bash.to_decision.p50) == (
        "Bash",
        2,
        {"allowed": 1, "denied": 1},
        20,
    )
    assert (edit.name, edit.outcomes) == ("Edit", {"allowed": 1})
    assert [(one.name, one.requests) for one in figures.agents] == [("agent", 3)]
    assert [one.name for one in figures.places] == list(opened().route)
    assert sum(map(sum, figures.hours)) == 3
    assert figures.hours[NOW.weekday()][NOW.hour] == 3


def test_what_nobody_answered_is_counted_and_says_nothing_about_people() -> None:
    ticket = opened()
    expired = machine.step(ticket, events.Ticked(at=ticket.expires_at)).ticket
    figures = counted(ticket, expired)
    assert (figures.requests, figures.outcomes) == (1, {"expired": 1})
    assert (figures.to_decision.count, figures.reviewers, figures.prompts_per_day) == (0, (), 0.0)


def test_a_secret_in_the_name_of_a_tool_is_in_no_figure() -> None:
    secret = "ghp_" + "a1B2" * 9
    ticket = after(opened(permission(tool=secret)), said(verdict="allow"))
    assert secret not in repr(counted(ticket))


def test_allows_by_habit_are_seen() -> None:
    run = [decided(seconds=1.9), decided(seconds=60), decided("deny", seconds=90), decided(seconds=100)]
    ann, bob = counted(*run, decided(by="bob", seconds=2.0)).reviewers
    assert (ann.person, ann.answers, ann.allowed, ann.quick, ann.longest_run, ann.per_day) == ("ann", 4, 3, 1, 2, 4.0)
    assert (bob.person, bob.quick) == ("bob", 0)


def test_a_policy_with_a_clock_is_counted_in_open_time_too() -> None:
    start = datetime.combine(NOW.date(), time(9, 50), UTC)
    terms = machine.Terms(owner="agent", policy=model.Policy(clock=OFFICE, expires_in=9_000), route=("web",))
    ticket = machine.open_ticket(permission(), terms, id="r1", ref="A" * 22, at=start).ticket
    late = said(verdict="allow").model_copy(update={"at": start + timedelta(days=1)})
    figures = counted(after(ticket, late))
    assert figures.to_decision.p50 == 86_400
    assert figures.to_decision_open.p50 == 3_600


def ruled(effect: Literal["allow", "deny", "ask"], ticket: model.Ticket, *watched: str) -> model.Ticket:
    return ticket.model_copy(
        update={"ruled": parts.Ruled(rule="r", effect=effect, watched=watched), "policy_name": "production"}
    )


def test_what_rules_decided_alone_and_what_they_would_have() -> None:
    alone, asked = ruled("deny", decided("deny"), "npm"), ruled("ask", decided(), "npm", "terraform")
    figures = counted(alone, asked, decided())
    assert figures.by_nobody == 1
    assert [(one.name, one.outcomes) for one in figures.rules] == [("r", {"denied": 1, "allowed": 1})]
    assert {one.name: one.requests for one in figures.policies} == {"production": 2, "(unknown)": 1}
    assert figures.would_have == {"npm": 2, "terraform": 1}
    assert {one.requests for one in figures.places} == {2}, "nobody was asked anywhere about what a rule decided"


def test_names_that_agents_make_up_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "_MOST_NAMES", 100)
    figures = counted(*(decided(tool=f"t{number}") for number in range(150)))
    assert (figures.tools[0].name, figures.tools[0].requests) == (tally.OTHERS, 50)
    assert len(figures.tools) == 25
    crowd = counted(*(decided(by=f"p{number}") for number in range(110)))
    assert (crowd.reviewers[0].person, crowd.reviewers[0].answers) == (tally.OTHERS, 10)


def test_a_duration_is_told_by_its_largest_unit() -> None:
    for row in each(
        [(None, "-"), (0.25, "0.2 s"), (59.6, "60 s"), (119, "119 s"), (120, "2 m"), (7_200, "2 h"), (200_000, "2 d")]
    ):
        with row as (seconds, words):
            assert stats.told(seconds) == words


@pytest.fixture
async def desk() -> AsyncIterator[sayso.Desk]:
    clock = ManualClock()
    made = sayso.Desk(memory.MemoryStore(), MINT, clock=clock)
    for day in range(3):
        await made.open(permission(id=f"r{day}"))
        clock.advance(20)
        await made.answer(f"r{day}", model.Answer(verdict="allow"), actor())
        clock.advance(86_400)
    yield made
    await made.store.close()


async def test_only_requests_of_the_period_are_read(desk: sayso.Desk) -> None:
    numbers = stats.Numbers(desk.store, desk.clock)
    assert [(await numbers.of_last(days)).requests for days in (0.5, 1.5, 2.5, 30)] == [0, 1, 2, 3]


async def test_of_a_longer_period_the_newest_are_counted_and_it_says_so(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(period, "MOST_READ", 2)
    monkeypatch.setattr(period, "_PAGE", 1)
    figures = await stats.read(desk.store, NOW - timedelta(days=30), desk.clock.now())
    assert (figures.requests, figures.whole) == (2, False)


async def test_many_readers_count_once_a_minute(desk: sayso.Desk) -> None:
    numbers = stats.Numbers(desk.store, desk.clock)
    first = await numbers.of_last(30)
    await desk.open(permission(id="late"))
    await desk.answer("late", model.Answer(verdict="deny"), actor())
    assert await numbers.of_last(30) is first
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(61)
    assert (await numbers.of_last(30)).requests == 4
    for days in range(1, 9):
        await numbers.of_last(days)
    assert len(numbers._counted) == 4


@pytest.mark.parametrize("days", [0, -1, 367, float("nan"), float("inf")])
async def test_a_period_that_is_none_is_refused(desk: sayso.Desk, days: float) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await stats.Numbers(desk.store, desk.clock).of_last(days)
    assert refused.value.field == "days"


def test_first_seen_is_when_somebody_had_it_open_or_answered_without_that() -> None:
    opened_first = decided(seconds=60).model_copy(update={"viewed_at": NOW + timedelta(seconds=20)})
    assert counted(opened_first, decided(seconds=40)).to_view == tally.spread([20.0, 40.0])
    assert counted(opened()).to_view == stats.Spread()
