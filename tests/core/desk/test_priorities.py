"""How urgent something is: a rule decides, and what an agent says of itself lets nothing through."""

from __future__ import annotations

from typing import Any

import pytest

import sayso
from sayso import errors, model, rules
from sayso.cards import draw, sections
from sayso.chat import listing
from sayso.content import binding
from sayso.desk import Caller, Desk, Setup
from sayso.machine import people, priorities
from sayso.rules import rule as words
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock

DIRECTORY = people.Directory({name: people.Profile(frozenset({f"slack:T1/{name}"})) for name in ("ann", "bob")})
ANN = people.Actor("slack:T1/ann", "Ann", member=True)
POLICY = model.Policy(approvers=("ann", "bob"), notify=(), remind=(600.0,), expires_in=3600.0)


def rule(tool: str, says: str | None, **match: Any) -> rules.Rule:
    found = words.read_match("x", {"tool": tool, **match})
    return rules.Rule.model_validate({"id": f"{tool}-rule", "match": found, "effect": "ask", "priority": says})


def desk_of(*given: rules.Rule, policy: model.Policy = POLICY, channels: tuple[str, ...] = ("slack",)) -> Desk:
    setup = Setup({"default": policy}, DIRECTORY, ("slack:#ops",), channels, rules=rules.Book(given))
    return Desk(memory.MemoryStore(), samples.MINT, setup, ManualClock(samples.NOW))


async def ask(desk: Desk, tool: str = "deploy", **given: Any) -> model.Ticket:
    return await desk.open(sayso.Permission(tool=tool, **given), Caller("bot"))


def seen(ticket: model.Ticket) -> str:
    return sections.text_of(draw.draw_card(ticket, samples.MINT, DIRECTORY)).replace("\n", "")


async def test_a_rule_makes_it_urgent_so_that_everybody_is_written_to_mentioned_and_reminded_in_half_the_time() -> None:
    ticket = await ask(desk_of(rule("deploy", "urgent")))
    assert ticket.route == ("slack:#ops", "slack:@ann", "slack:@bob")
    assert ticket.policy.notify == ("approvers",)
    assert [(one.at - samples.NOW).total_seconds() for one in ticket.plan] == [300.0]
    assert "Urgent, as the rule deploy-rule says" in seen(ticket)
    assert "· urgent" in draw.draw_card(ticket, samples.MINT, DIRECTORY).summary
    binding.check(ticket)


async def test_reminders_of_stages_come_sooner_too_and_their_people_are_written_to_in_their_turn() -> None:
    stages = (model.Stage(approvers=("ann",), remind=(600.0,)), model.Stage(approvers=("bob",), remind=(60.0,)))
    ticket = await ask(desk_of(rule("deploy", "urgent"), policy=model.Policy(stages=stages)))
    assert [stage.remind for stage in ticket.policy.stages] == [(300.0,), (30.0,)]
    assert (ticket.route, ticket.stage_routes) == (("slack:#ops", "slack:@ann"), ((), ("slack:@bob",)))


async def test_something_urgent_is_asked_also_where_nobody_can_be_written_to() -> None:
    ticket = await ask(desk_of(rule("deploy", "urgent"), policy=model.Policy()))
    assert ticket.route == ("slack:#ops",)


async def test_what_an_agent_says_stands_on_the_card_as_its_words_and_changes_nothing_else() -> None:
    plain, claimed = await ask(desk_of()), await ask(desk_of(), priority="urgent")
    assert (claimed.route, claimed.policy, claimed.plan) == (plain.route, plain.policy, plain.plan)
    assert "The agent says that it is urgent" in seen(claimed)
    assert "urgent" not in draw.draw_card(claimed, samples.MINT, DIRECTORY).summary
    assert plain.digest != claimed.digest


async def test_a_rule_may_take_it_up_lower_it_or_leave_it() -> None:
    taken = await ask(desk_of(rule("deploy", "urgent", priority="urgent")), priority="urgent")
    assert (priorities.of(taken), priorities.ruled(taken)) == ("urgent", "urgent")
    lowered = await ask(desk_of(rule("deploy", "normal")), priority="urgent")
    assert priorities.of(lowered) == "normal"
    assert "urgent" not in seen(lowered)
    left = await ask(desk_of(rule("deploy", None)), priority="low")
    assert (priorities.of(left), priorities.ruled(left)) == ("low", None)
    assert "The agent says that it can wait" in seen(left)


async def test_what_can_wait_mentions_nobody_and_is_reminded_of_as_ever() -> None:
    policy = POLICY.model_copy(update={"notify": ("approvers",)})
    ticket = await ask(desk_of(rule("deploy", "low"), policy=policy))
    assert ticket.policy.notify == ()
    assert [(one.at - samples.NOW).total_seconds() for one in ticket.plan] == [600.0]
    assert "Can wait, as the rule deploy-rule says" in seen(ticket)


async def test_what_is_urgent_stands_on_top_of_a_list_although_it_expires_last() -> None:
    desk = desk_of(rule("deploy", "urgent"), rule("wipe", "low"))
    for number in range(25):
        await ask(desk, "read", id=f"r{number}", expires_in=100.0 + number)
    await ask(desk, "wipe", id="low", expires_in=50)
    await ask(desk, "deploy", id="urgent", expires_in=3000)
    await ask(desk, "read", id="claim", priority="urgent", expires_in=2000)
    first = await listing.list_for(desk, ANN)
    about = [row.about for row in first.rows]
    assert about[0].startswith("urgent, the agent says · expires")
    assert about[1].startswith("urgent · expires")
    last = await listing.list_for(desk, ANN, page=2)
    assert last.rows[-1].about.startswith("can wait · expires")


async def test_a_priority_of_another_word_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        await ask(desk_of(), priority="now")
    assert refused.value.field == "priority"


async def test_a_rule_matches_where_the_agent_works() -> None:
    desk = desk_of(rule("deploy", "urgent", project="shop*"))
    assert priorities.ruled(await ask(desk, source=model.Source(project="shop-eu"))) == "urgent"
    assert priorities.ruled(await ask(desk, source=model.Source(project="blog"))) is None
