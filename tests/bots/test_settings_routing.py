"""How urgent something is and whom it reaches, as sayso.toml says it; each wrong key has its name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sayso import errors, model
from sayso.desk import Caller, Desk
from sayso.desk.answering import overview
from sayso.machine import priorities, rounds
from sayso_bots.settings import reach, toml
from tests.bots.test_policy_page import CALENDARS, PEOPLE, asked, desk_of, parse
from tests.tables import each

PAGER = '[[rules]]\nid = "pager"\nmatch = { tool = "page" }\neffect = "ask"\npriority = "urgent"\n'


async def test_a_rule_says_how_urgent_something_is() -> None:
    desk = desk_of('[policies.default]\napprovers = ["ann"]\nnotify = []\n' + PAGER)
    urgent, other = await asked(desk, "page"), await asked(desk, "look")
    assert (priorities.ruled(urgent), priorities.ruled(other)) == ("urgent", None)
    assert (urgent.policy.notify, other.policy.notify) == (("approvers",), ())
    assert "slack:@ann" in urgent.route


async def test_a_policy_says_where_its_requests_are_asked_if_nothing_else_does() -> None:
    look = '[[rules]]\nid = "look"\nmatch = { tool = "look" }\neffect = "ask"\npolicy = "quick"\n'
    quick = '[policies.quick]\napprovers = ["ann"]\nroute = ["approvers", "discord:911"]\n'
    desk, ruled = desk_of(quick), desk_of(quick + look + 'route = ["web"]\n')

    def call(*route: str, policy: str | None = "quick") -> model.Request:
        return model.Request(kind="permission", tool="look", input={}, policy=policy, route=route)

    asked_at: list[tuple[Desk, model.Request, Caller, tuple[str, ...]]] = [
        (desk, call(), Caller("bot"), ("slack:@ann", "discord:911")),
        (desk, call(policy=None), Caller("bot", policy="quick"), ("slack:@ann", "discord:911")),
        (desk_of(quick + look), call(policy=None), Caller("bot"), ("slack:@ann", "discord:911")),
        (desk, call("slack:#mine"), Caller("bot"), ("slack:#mine",)),
        (desk, call(), Caller("bot", route=("slack:#key",)), ("slack:#key",)),
        (ruled, call(), Caller("bot", route=("slack:#key",)), ("web",)),
        (desk, call(policy=None), Caller("bot"), desk.setup.route),
    ]
    for row in each(asked_at):
        with row as (at, request, caller, route):
            assert (await at.open(request, caller)).route == route
    assert "Asked at: approvers, discord:911" in [
        f"{one.about}: {one.words}" for one in (await overview.of_policies(desk)).policies[1].says
    ]
    assert reach.rooms(desk.setup, ()) == {"discord:911": "policies.quick.route"}


async def test_a_policy_says_where_something_is_shown_if_its_places_do_not_work() -> None:
    desk = desk_of('[policies.default]\napprovers = ["ann"]\nfallback = ["discord:911", "approvers", "web"]\n')
    assert (await asked(desk, "look")).fallback == (("discord:911",), ("slack:@ann",), ("web",))


DIGEST = '[policies.default]\napprovers = ["group:release"]\ndigest = "30m"\n'
QUIET = '[policies.default]\napprovers = ["ann"]\nquiet = "freeze"\nexpires_in = "30d"\n'
TURNS = '[policies.default]\napprovers = ["group:release"]\nturns = "round_robin"\nclaim_in = "2m"\n'


async def test_a_policy_puts_its_requests_to_one_person_after_the_other() -> None:
    desk = desk_of(TURNS)
    first, second = await asked(desk, "look"), await asked(desk, "look")
    assert (rounds.current(first), rounds.current(second)) == (("ann",), ("bob",))
    assert [(one.does, (one.at - first.created_at).total_seconds()) for one in first.plan] == [("turn", 120.0)]


async def test_people_and_policies_have_quiet_hours_by_a_calendar() -> None:
    people = PEOPLE.replace("[people.ann]", '[people.ann]\nquiet = "!office"')
    setup = toml.setup(parse(people + CALENDARS + QUIET))
    (name, hours), policy = next(iter(setup.quiet.items())), setup.policies["default"]
    assert (name, hours.calendar.name, hours.inside, list(setup.quiet)) == ("ann", "office", False, ["ann"])
    assert policy.quiet is not None
    assert (policy.quiet.calendar.name, policy.quiet.inside) == ("freeze", True)
    desk = desk_of(CALENDARS + QUIET, datetime(2026, 12, 24, tzinfo=UTC))
    ticket = await asked(desk, "look")
    assert [(one.does, one.at.date().isoformat()) for one in ticket.plan] == [("open", "2027-01-04")]


async def test_a_policy_gathers_what_is_of_low_risk() -> None:
    ticket = await asked(desk_of(DIGEST, datetime(2026, 11, 27, 9, 12, tzinfo=UTC)), "look")
    assert ticket.reach is not None
    assert ticket.reach.shown_at == datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


REFUSED = [
    (CALENDARS + QUIET.replace("freeze", "lent"), "policies.default.quiet"),
    ('[people.eve]\nterminal = "eve"\nquiet = "lent"\n', "people.eve.quiet"),
    ("[calendars.all]\n" + QUIET.replace("freeze", "all"), "policies.default.quiet"),
    (DIGEST.replace("30m", "soon"), "policies.default.digest"),
    (DIGEST.replace("digest", 'turns = "round_robin"\ndigest'), "policies.default.turns"),
    (TURNS.replace("round_robin", "random"), "policies.default.turns"),
    (TURNS.replace("2m", "1h"), "policies.default.claim_in"),
    (TURNS.replace('turns = "round_robin"\n', ""), "policies.default.claim_in"),
    ('[policies.default]\napprovers = ["ann", "bob"]\nveto = 3\n', "policies.default.veto"),
    (TURNS.replace("group:release", "ann"), "policies.default.turns"),
    (TURNS.replace("group:release", "anyone"), "policies.default.turns"),
    (
        TURNS.replace("approvers", "needs").replace(
            '["group:release"]', '[{ who = ["group:release"] }, { who = ["anyone"] }]'
        ),
        "policies.default.turns",
    ),
    ('[policies.default]\napprovers = ["ann"]\nroute = ["irc:#ops"]', "policies.default.route"),
    ('[policies.default]\napprovers = ["anyone"]\nroute = "approvers"', "policies.default.route"),
    ('[policies.default]\napprovers = ["ann"]\nfallback = ["irc:#ops"]', "policies.default.fallback"),
    ('[policies.default]\napprovers = ["anyone"]\nfallback = "approvers"', "policies.default.fallback"),
    (PAGER.replace('"urgent"', '"now"'), "rules.pager.priority"),
    (PAGER.replace('effect = "ask"', 'effect = "deny"'), "rules.pager.priority"),
]


def test_what_cannot_be_meant_is_refused_with_its_key() -> None:
    for row in each(REFUSED):
        with row as (text, key):
            with pytest.raises(errors.InvalidSettings) as refused:
                toml.setup(parse(PEOPLE + text))
            assert refused.value.field == key
