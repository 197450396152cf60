"""Quiet hours: the card is posted, nobody is written to or mentioned, and they hear of it once the hours are over."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from sayso import attention, calendars, errors, model
from sayso.cards import draw, sections
from sayso.desk.admission import rotas
from sayso.desk.answering import attending, passing_on
from sayso.machine import people, progress, rounds
from sayso.rules import Book, Rule
from sayso.rules import rule as words
from sayso.testing import oracle
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW
from tests.core.desk.test_turns import DIRECTORY, Chat, Copies, actor
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

# It is noon: lunch is until one, tea from two to three.
LUNCH = attention.Quiet(
    calendar=calendars.Calendar(
        name="lunch",
        hours=(calendars.Hours(opens=11 * 60, closes=13 * 60), calendars.Hours(opens=14 * 60, closes=15 * 60)),
    )
)
AWAY = LUNCH.model_copy(update={"inside": False})
POLICY = model.Policy(approvers=("group:release",), expires_in=6 * 3600.0, remind=(1800.0, 7500.0))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> str:
    return f"sqlite:///{tmp_path}/sayso.db" if request.param == "sqlite" else pg_tables


@pytest.fixture
async def copies(url: str) -> AsyncIterator[Copies]:
    made = Copies(url, Chat(clock=ManualClock(NOW)), POLICY)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def one() -> AsyncIterator[Copies]:
    made = Copies("memory://", Chat(clock=ManualClock(NOW)), POLICY)
    await made.start()
    yield made
    await made.stop()


def hush(where: Copies, policy: model.Policy = POLICY, **quiet: attention.Quiet) -> None:
    where.policy = policy
    for desk in where.desks:
        desk.setup = dataclasses.replace(desk.setup, policies={"default": policy}, quiet=quiet)


def test_quiet_hours_hold_inside_or_outside_of_a_calendar_and_end() -> None:
    assert LUNCH.holds(NOW)
    assert LUNCH.ends(NOW) == NOW + timedelta(hours=1)
    assert not AWAY.holds(NOW)
    assert AWAY.ends(NOW + timedelta(hours=3, minutes=1)) == NOW + timedelta(hours=23)
    always = attention.Quiet(calendar=calendars.Calendar(name="always"))
    assert always.ends(NOW) is None


async def test_whoever_has_quiet_hours_is_left_out_and_hears_of_it_at_their_end(copies: Copies) -> None:
    hush(copies, ann=LUNCH)
    ticket = await copies.ask()
    assert ticket.expires_at == NOW + timedelta(hours=6)
    drawn = sections.text_of(draw.draw_card(ticket, MINT, DIRECTORY)).replace("\n", "")
    assert "Quiet hours of ann until 2026-01-01 13:00 UTC" in drawn
    await copies.to(40)
    await copies.restart()
    hush(copies, ann=LUNCH)
    await copies.to(185)
    assert copies.chat.said == [
        ("12:00", "chat:#ops", "bob,carl"),
        ("12:30", "chat:#ops", "bob,carl"),
        ("13:00", "chat:#ops", "ann"),
        # in the second quiet hour
        ("14:05", "chat:#ops", "bob,carl"),
        ("15:00", "chat:#ops", "ann"),
    ]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_direct_messages_wait_for_the_end_and_a_card_that_only_sleepers_would_get_is_posted(
    copies: Copies,
) -> None:
    hush(copies, POLICY.model_copy(update={"remind": ()}), ann=LUNCH, bob=LUNCH, carl=LUNCH)
    ticket = await copies.ask(route=("approvers",))
    assert ticket.route == ("chat:#ops",)
    await copies.to(61)
    assert sorted(copies.chat.said) == [
        ("12:00", "chat:#ops", ""),
        ("13:00", "chat:@ann", "group:release"),
        ("13:00", "chat:@bob", "group:release"),
        ("13:00", "chat:@carl", "group:release"),
    ]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_an_answer_before_the_end_wakes_nobody(one: Copies) -> None:
    hush(one, ann=LUNCH)
    await one.ask(route=("approvers", "chat:#ops"))
    await one.to(10)
    await one.desk.answer("r1", model.Answer(verdict="allow"), actor("bob"))
    await one.to(120)
    assert {minute for minute, _, _ in one.chat.said} == {"12:00"}


async def test_the_quiet_hours_of_a_policy_hold_for_everybody_and_move_reminders_to_their_end(one: Copies) -> None:
    hush(one, POLICY.model_copy(update={"quiet": LUNCH}))
    ticket = await one.ask(route=("approvers", "chat:#ops"))
    assert ticket.route == ("chat:#ops",)
    assert "quiet hours, so that everybody hears of it at 2026-01-01 13:00 UTC" in str(progress.said(ticket))
    await one.to(190)
    assert sorted(one.chat.said) == [
        ("12:00", "chat:#ops", ""),
        ("13:00", "chat:#ops", "ann,bob,carl"),
        ("13:00", "chat:@ann", "group:release"),
        ("13:00", "chat:@bob", "group:release"),
        ("13:00", "chat:@carl", "group:release"),
        ("15:00", "chat:#ops", "ann,bob,carl"),
        ("15:00", "chat:@ann", "ann"),
        ("15:00", "chat:@bob", "bob"),
        ("15:00", "chat:@carl", "carl"),
    ]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(one.desk.store)) == []


async def test_an_escalation_in_quiet_hours_happens_and_is_heard_of_at_their_end(one: Copies) -> None:
    late = model.Escalation(after=600.0, add=("dora",))
    hush(one, model.Policy(approvers=("ann",), expires_in=7200.0, escalate=(late,)), dora=LUNCH, ann=AWAY)
    await one.ask()
    await one.to(61)
    assert one.chat.said == [
        ("12:00", "chat:#ops", "ann"),
        ("12:10", "chat:#ops", "ann"),
        ("13:00", "chat:#ops", "dora"),
    ]


@pytest.mark.parametrize("steps", ["escalated", "turned"])
async def test_a_direct_message_that_waits_for_the_end_of_quiet_hours_has_no_reminder_below_it(
    one: Copies, steps: str
) -> None:
    late = model.Escalation(after=600.0, add=("dora",), route=("approvers",))
    stages = (model.Stage(approvers=("ann",)), model.Stage(approvers=("dora",)))
    second = model.Policy(stages=stages, expires_in=7200.0, quiet=LUNCH)
    first = model.Policy(approvers=("ann",), expires_in=7200.0, escalate=(late,), quiet=LUNCH)
    hush(one, first if steps == "escalated" else second)
    await one.ask(route=("approvers", "chat:#ops"))
    await one.to(15)
    if steps == "turned":
        await one.desk.answer("r1", model.Answer(verdict="allow"), actor("ann"))
    await one.to(59)
    assert [said for said in one.chat.said if said[2]] == []
    await one.to(70)
    assert [said for said in one.chat.said if said[1] == "chat:@dora"] == [("13:00", "chat:@dora", "dora")]
    assert ("13:00", "chat:#ops", "dora" if steps == "turned" else "ann,dora") in one.chat.said


async def test_what_a_rule_says_is_urgent_knows_no_quiet_hours_and_a_claim_of_the_agent_does(one: Copies) -> None:
    urgent = Rule(id="u", match=words.read_match("u", {"tool": "Bash"}), effect="ask", priority="urgent")
    hush(one, POLICY.model_copy(update={"quiet": LUNCH}), ann=LUNCH)
    one.desk.setup = dataclasses.replace(one.desk.setup, rules=Book((urgent,)))
    ticket = await one.ask()
    assert (ticket.policy.quiet, ticket.reach) == (None, None)
    assert "chat:@ann" in ticket.route
    one.desk.setup = dataclasses.replace(one.desk.setup, rules=Book())
    claimed = await one.ask("r2", priority="urgent")
    assert claimed.policy.quiet == LUNCH


async def test_of_turns_those_in_quiet_hours_come_last_and_are_passed_over(one: Copies) -> None:
    hush(one, POLICY.model_copy(update={"turns": "round_robin", "remind": ()}), ann=LUNCH)
    ticket = await one.ask(route=("approvers",))
    assert rounds.current(ticket) == ("bob",)
    await one.to(61)
    assert sorted(one.chat.said) == [
        ("12:00", "chat:@bob", "bob"),
        ("12:05", "chat:@carl", "carl"),
        ("12:10", "chat:@bob", "bob"),
        ("12:10", "chat:@carl", "carl"),
        ("13:00", "chat:@ann", "group:release"),
    ]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(one.desk.store)) == []


async def test_turns_of_a_policy_in_its_quiet_hours_begin_at_their_end(one: Copies) -> None:
    hush(one, POLICY.model_copy(update={"turns": "round_robin", "remind": (), "quiet": LUNCH}))
    await one.ask()
    await one.to(66)
    assert one.chat.said == [
        ("12:00", "chat:#ops", ""),
        ("13:00", "chat:#ops", "ann"),
        ("13:05", "chat:#ops", "bob"),
    ]


async def test_quiet_hours_that_never_end_keep_nobody_from_answering(one: Copies) -> None:
    always = attention.Quiet(calendar=calendars.Calendar(name="always"))
    hush(one, POLICY.model_copy(update={"quiet": always, "turns": "round_robin"}))
    await one.ask()
    await one.to(200)
    assert one.chat.said == [("12:00", "chat:#ops", "")]
    taken = await attending.claim(one.desk, "r1", actor("ann"))
    assert rounds.current(taken) == ("ann",)


async def test_whose_turn_it_is_in_quiet_hours_hears_of_it_at_their_end(one: Copies) -> None:
    stages = (model.Stage(approvers=("bob",)), model.Stage(approvers=("ann",)), model.Stage(approvers=("carl",)))
    hush(one, model.Policy(stages=stages, expires_in=20_000.0), ann=LUNCH)
    await one.ask(route=("approvers",))
    await one.to(5)
    await one.desk.answer("r1", model.Answer(verdict="allow"), actor("bob"))
    await one.to(61)
    assert one.chat.said == [("12:00", "chat:@bob", "bob"), ("13:00", "chat:@ann", "ann")]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(one.desk.store)) == []


async def test_in_a_room_they_are_mentioned_then_and_not_before(one: Copies) -> None:
    stages = (model.Stage(approvers=("bob",)), model.Stage(approvers=("ann",)))
    hush(one, model.Policy(stages=stages, expires_in=20_000.0), ann=LUNCH)
    await one.ask()
    await one.to(5)
    await one.desk.answer("r1", model.Answer(verdict="allow"), actor("bob"))
    await one.to(61)
    assert one.chat.said == [("12:00", "chat:#ops", "bob"), ("13:00", "chat:#ops", "ann")]


async def test_several_whose_quiet_hours_end_at_the_same_moment_are_each_mentioned(one: Copies) -> None:
    hush(one, POLICY, ann=LUNCH, bob=LUNCH)
    await one.ask()
    await one.to(61)
    assert sorted(one.chat.said[2:]) == [("13:00", "chat:#ops", "ann"), ("13:00", "chat:#ops", "bob")]


async def test_whoever_is_asked_by_somebody_else_hears_of_it_at_the_end_of_their_quiet_hours(one: Copies) -> None:
    hush(one, POLICY.model_copy(update={"remind": (), "notify": ()}), ann=LUNCH)
    await one.ask()
    await one.work()
    await passing_on.pass_on(one.desk, "r1", "ann", actor("bob"))
    await passing_on.pass_on(one.desk, "r1", "carl", actor("bob"))
    await one.to(61)
    assert one.chat.said == [
        ("12:00", "chat:#ops", ""),
        ("12:00", "chat:#ops", "carl"),
        ("13:00", "chat:#ops", "ann"),
    ]


class Rota:
    """Ann and bob are on call, if anybody can tell."""

    lost = False

    async def on_call(self) -> rotas.Shift:
        if self.lost:
            raise errors.ChannelError("the paper is lost")
        return rotas.Shift(frozenset({"ann", "bob"}))


async def test_whoever_is_on_call_and_has_quiet_hours_hears_of_it_at_their_end(one: Copies) -> None:
    policy = POLICY.model_copy(update={"approvers": ("oncall:payments",)})
    hush(one, policy, ann=LUNCH)
    rota = Rota()
    groups = {**DIRECTORY.groups, "payments": people.Group(on_call=True)}
    for desk in one.desks:
        directory = dataclasses.replace(desk.setup.directory, groups=groups)
        desk.setup = dataclasses.replace(desk.setup, directory=directory, rotas={"payments": rota})
    ticket = await one.ask()
    assert [quiet.person for quiet in ticket.reach.quiet] == ["ann"] if ticket.reach else False
    await one.to(75)
    assert one.chat.said == [
        ("12:00", "chat:#ops", "bob"),
        ("12:30", "chat:#ops", "bob"),
        ("13:00", "chat:#ops", "ann"),
    ]
    # where nobody can tell it is asked all the same
    rota.lost = True
    later = await one.ask("r2")
    assert later.reach is None or later.reach.quiet == ()
