"""The page that fixes the words of policies: its eight examples are read as they stand, and decide as it says."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sayso import errors, model
from sayso.desk import Caller, Desk
from sayso.desk.admission import rotas
from sayso.machine import people
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_bots.settings import schema, toml
from tests.tables import each

PEOPLE = """
[people.ann]
slack = "T1/U1"
[people.bob]
slack = "T1/U2"
[people.cleo]
slack = "T1/U3"
[people.dan]
slack = "T1/U4"
[groups.release]
members = ["ann", "bob", "cleo"]
[groups.security]
members = ["dan", "bob"]
[groups.leads]
members = ["ann", "dan"]
[groups.sre]
members = ["cleo"]
[slack]
channel = "#ops"
[discord]
channel = "910"
"""
"""Whom the examples name; the page leaves them out."""

ON_CALL = """
[groups.payments]
on_call = { ical = "https://calendar.example.com/payments.ics" }       # written "oncall:payments"
"""

CALENDARS = """
[calendars.office]
zone = "Europe/Berlin"
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "09:00-18:00"
holidays = "DE-BE"
[calendars.freeze]
zone = "Europe/Berlin"
dates = [{ from = 2026-12-18, to = 2027-01-04 }]
"""

READS = """
# 1. reads run unasked, secrets never
[[rules]]
id = "no-secrets"
match = { tool = ["Bash", "Read"], "input.command" = "*.env*" }
effect = "deny"
reason = "Secrets are not read by agents. Ask a person for the value you need."
[[rules]]
id = "reads"
match = { tool = ["Read", "Grep", "Glob"] }
effect = "allow"
"""

PRODUCTION = """
# 2. role mix: two of release and one of security, in any order; an allow that is not used within 10 minutes is void
[policies.production]
needs = [{ who = ["group:release"], count = 2 }, { who = ["group:security"] }]
reason = "allow"
expires_in = "4h"
valid_for = "10m"
"""
TERRAFORM = """
[[rules]]
id = "terraform"
match = { tool = "Bash", program = "terraform" }
effect = "ask"
policy = "production"
route = ["slack:#prod", "discord:910"]
"""

PAYOUT = """
# 3. one stage after another, first whoever is on call
[policies.payout]
stages = [
  { approvers = ["oncall:payments"], expires_in = "1h", remind = ["15m"] },
  { approvers = ["group:leads"], expires_in = "8h", remind = ["1h", "4h"] },
]
"""
BIG_PAYOUT = """
[[rules]]
id = "big-payout"
match = { tool = "payout" }
when = 'double(input.amount) >= 5000.0'
effect = "ask"
policy = "payout"
"""

REFUNDS = """
# 4. an allowance: small refunds run, five an hour for each agent, then people decide; it ends by itself
[[rules]]
id = "small-refunds"
match = { tool = "refund" }
when = 'double(input.amount) > 0.0 && double(input.amount) <= 50.0'
effect = "allow"
limit = { count = 5, per = "1h", by = "agent" }
until = 2027-03-31
"""

CHANGE = """
# 5. working time: asked on Friday 16:30 -> remind 17:00, Monday 09:30, escalate Monday 10:30, deny Monday 15:30
[policies.change]
approvers = ["group:release"]
clock = "office"
expires_in = "8h"
remind = ["30m", "2h"]
escalate = [{ after = "3h", add = ["group:leads"], route = ["slack:#leads"] }]
"""

FREEZE = """
# 6. freeze and office hours
[policies.freeze]
approvers = ["group:leads"]
expires_in = "12h"
[[rules]]
id = "frozen"
match = { tool = ["deploy", "migrate"] }
during = "freeze"
effect = "ask"
policy = "freeze"
[[rules]]
id = "deploy-at-night"
match = { tool = "deploy" }
during = "!office"
effect = "deny"
reason = "No deploys outside office hours. Try again on a working day after 9."
"""

INCIDENT = """
# 7. break glass: at once, seen by all, reviewed afterwards
[policies.incident]
approvers = ["group:security"]
quorum = 2
expires_in = "30m"
break_glass = { who = ["group:sre"], tell = ["slack:#security"], review = ["group:security"], review_in = "1d" }
"""

AWAY = """
# 8. away, and a rule that is only watched for now
[[delegations]]
of = "ann"
to = ["bob"]
until = 2026-12-24
policies = ["change"]
"""
WATCHED = """
[[rules]]
id = "npm"
match = { tool = "Bash", program = "npm" }
effect = "ask"
policy = "change"
mode = "observe"
"""

_FIRST = (ON_CALL, CALENDARS, READS, PRODUCTION, TERRAFORM, PAYOUT, BIG_PAYOUT, REFUNDS)
PAGE = "".join((*_FIRST, CHANGE, FREEZE, INCIDENT, AWAY, WATCHED))
"""The examples, whole."""
RULES = "".join((CALENDARS, READS, TERRAFORM, BIG_PAYOUT, REFUNDS, FREEZE, WATCHED))
POLICIES = "".join(f'[policies.{name}]\napprovers = ["group:leads"]\n' for name in ("production", "payout", "change"))

WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=UTC)


def parse(text: str) -> schema.Settings:
    return toml.parse(tomllib.loads(text))


def desk_of(text: str, at: datetime = WEDNESDAY) -> Desk:
    setup = toml.setup(parse(PEOPLE + text), ["web", "slack", "discord"])
    return Desk(memory.MemoryStore(), samples.MINT, setup, ManualClock(at))


async def asked(desk: Desk, tool: str, agent: str = "bot", **input: Any) -> model.Ticket:
    return await desk.open(model.Request(kind="permission", tool=tool, input=input), Caller(agent))


def test_the_examples_of_the_page_are_here_word_for_word() -> None:
    # the page itself is not in the repository: this is how much of it there is
    assert len(re.findall(r"^# \d\. ", PAGE, re.MULTILINE)) == 8
    assert len(re.findall(r"^\[\[rules\]\]", PAGE, re.MULTILINE)) == 8


def test_the_eight_examples_are_read_as_they_stand() -> None:
    toml.setup(parse(PEOPLE + PAGE))


class _Rota:
    """Whoever is written there is on call; nobody finds it while it is lost."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)
        self.lost = False

    async def on_call(self) -> rotas.Shift:
        if self.lost:
            raise errors.ChannelError("the paper is lost")
        return rotas.Shift(self.names)


def _by(name: str) -> people.Actor:
    return people.Actor(f"web:{name}", name, member=True, person=name)


async def test_a_big_payout_is_for_whoever_is_on_call_and_after_them_for_the_leads() -> None:
    desk, rota = desk_of(ON_CALL + PAYOUT + BIG_PAYOUT), _Rota("bob")
    desk.setup = dataclasses.replace(desk.setup, rotas={"payments": rota})
    ticket = await asked(desk, "payout", amount=9000)
    lead = next(iter(desk.setup.directory.groups["leads"].members - {"bob"}))
    with pytest.raises(errors.NotAllowed, match="it is not your turn"):
        await desk.answer(ticket.id, model.Answer(verdict="allow"), _by(lead))
    rota.lost = True
    with pytest.raises(errors.MembershipUnknown, match="could not find out who is on call for payments"):
        await desk.answer(ticket.id, model.Answer(verdict="allow"), _by("bob"))
    rota.lost = False
    first = await desk.answer(ticket.id, model.Answer(verdict="allow"), _by("bob"))
    assert (first.stage, first.decision) == (1, None)
    rota.names = frozenset()
    last = await desk.answer(ticket.id, model.Answer(verdict="allow"), _by(lead))
    assert last.decision is not None
    assert [one.person for one in last.decision.by] == ["bob", lead]


DECIDED: list[tuple[str, dict[str, Any], str | None, str | None, str | None]] = [
    ("Read", {"file_path": "a.py"}, "allowed", "reads", None),
    ("Bash", {"command": "cat .env"}, "denied", "no-secrets", None),
    ("Bash", {"command": "cat .e''nv"}, "denied", "no-secrets", None),
    ("Bash", {"command": "cd infra && terraform apply"}, None, "terraform", "production"),
    ("payout", {"amount": 9000}, None, "big-payout", "payout"),
    ("payout", {}, None, "big-payout", "payout"),
    ("payout", {"amount": "lots"}, None, "big-payout", "payout"),
    ("payout", {"amount": 20}, None, None, "default"),
    ("refund", {"amount": 20}, "allowed", "small-refunds", None),
    ("refund", {"amount": -20}, None, None, "default"),
    ("refund", {}, None, None, "default"),
    ("refund", {"amount": "twenty"}, None, None, "default"),
    ("Bash", {"command": "npm install"}, None, None, "default"),
    ("deploy", {}, None, None, "default"),
    ("wipe", {}, None, None, "default"),
]


async def test_the_rules_decide_as_the_page_says() -> None:
    for row in each(DECIDED):
        with row as (tool, input, outcome, rule, policy):
            desk = desk_of(POLICIES + RULES)
            ticket = await asked(desk, tool, **input)
            assert ticket.ruled is not None
            assert (ticket.decision and ticket.decision.outcome, ticket.ruled.rule) == (outcome, rule)
            if policy:
                assert ticket.policy == desk.setup.policies[policy]


async def test_a_denial_by_a_rule_says_why_and_an_ask_goes_where_the_rule_says() -> None:
    desk = desk_of(POLICIES + RULES)
    denied = (await asked(desk, "Bash", command="cat .env")).decision
    assert denied is not None
    assert denied.rule == "no-secrets"
    assert "by the rule 'no-secrets'" in denied.model_text
    assert "Ask a person for the value you need." in denied.model_text
    assert (await asked(desk, "Bash", command="terraform plan")).route == ("slack:#prod", "discord:910")


async def test_the_sixth_refund_in_an_hour_is_asked_about_and_each_agent_has_its_own() -> None:
    desk = desk_of(POLICIES + RULES)
    clock = desk.clock
    assert isinstance(clock, ManualClock)
    six = [await asked(desk, "refund", amount=20, order=number) for number in range(6)]
    assert [ticket.state for ticket in six] == ["decided"] * 5 + ["pending"]
    assert six[5].policy == desk.setup.policies["default"]
    assert (await asked(desk, "refund", agent="other", amount=20)).state == "decided"
    clock.advance(3600)
    assert (await asked(desk, "refund", amount=20)).state == "decided"


@pytest.mark.parametrize(
    ("at", "outcome", "rule"),
    [
        (datetime(2026, 11, 27, 21, tzinfo=UTC), "denied", "deploy-at-night"),
        (datetime(2026, 12, 21, 10, tzinfo=UTC), None, "frozen"),
        (datetime(2026, 12, 21, 22, tzinfo=UTC), "denied", "deploy-at-night"),
        (datetime(2026, 11, 27, 16, tzinfo=UTC), None, None),
    ],
)
async def test_deploys_at_night_are_denied_and_in_the_freeze_the_leads_are_asked(
    at: datetime, outcome: str | None, rule: str | None
) -> None:
    desk = desk_of(POLICIES + RULES, at)
    ticket = await asked(desk, "deploy")
    assert (ticket.decision and ticket.decision.outcome, ticket.ruled and ticket.ruled.rule) == (outcome, rule)
    if rule == "frozen":
        assert ticket.policy == desk.setup.policies["freeze"]


async def test_the_allowance_ends_by_itself() -> None:
    last = datetime(2027, 3, 31, 23, 59, tzinfo=UTC)
    assert (await asked(desk_of(POLICIES + RULES, last), "refund", amount=1)).state == "decided"
    assert (await asked(desk_of(POLICIES + RULES, last + timedelta(minutes=1)), "refund", amount=1)).state == "pending"


async def test_a_watched_rule_decides_nothing_and_is_on_record() -> None:
    desk = desk_of(POLICIES + RULES)
    ticket = await asked(desk, "Bash", command="npm install")
    assert ticket.ruled == model.Ruled(watched=("npm",))
    (row,) = await desk.store.log(ticket.id)
    assert row.entry.model_dump()["ruled"]["watched"] == ("npm",)
    assert str(row.entry.model_dump()["settings"]).startswith("sha256:")


async def test_a_rule_comes_before_the_key_and_the_key_before_the_request() -> None:
    desk = desk_of(POLICIES + RULES)
    bound = Caller("bot", policy="change", route=("slack:#mine",))
    ruled = await desk.open(model.Request(kind="permission", tool="payout", input={}), bound)
    assert (ruled.policy, ruled.route) == (desk.setup.policies["payout"], ("slack:#mine",))
    wanted = model.Request(kind="permission", tool="payout", input={}, policy="payout")
    with pytest.raises(errors.InvalidRequest) as caught:
        await desk.open(wanted, bound)
    assert caught.value.field == "policy"


async def test_working_time_goes_as_the_page_says() -> None:
    desk = desk_of(CALENDARS + CHANGE, at=datetime(2026, 11, 27, 15, 30, tzinfo=UTC))
    request = model.Request(kind="permission", tool="change", policy="change")
    ticket = await desk.open(request, Caller("bot"))
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    assert [(one.does, f"{one.at.astimezone(berlin):%a %H:%M}") for one in ticket.plan] == [
        ("remind", "Fri 17:00"),
        ("remind", "Mon 09:30"),
        ("escalate", "Mon 10:30"),
    ]
    assert f"{ticket.expires_at.astimezone(berlin):%a %H:%M}" == "Mon 15:30"
    dan = people.Actor("slack:T1/U4", "Dan", member=True)
    with pytest.raises(errors.NotAllowed):
        await desk.answer(ticket.id, model.Answer(verdict="allow"), dan)
    assert isinstance(desk.clock, ManualClock)
    desk.clock.advance(timedelta(days=2, hours=18).total_seconds())
    assert (await desk.let_time_act(ticket.id)).route == ("slack:#ops", "discord:910", "slack:#leads")
    assert (await desk.answer(ticket.id, model.Answer(verdict="allow"), dan)).decision is not None


ALLOW = '[[rules]]\nid = "x"\neffect = "allow"\n'
ASK = '[[rules]]\nid = "x"\neffect = "ask"\n'


REFUSED = [
    (ALLOW, "rules.x.match"),
    (ALLOW + 'match = {}', "rules.x.match"),
    ('[[rules]]\nid = "x"\neffect = "maybe"', "rules.x.effect"),
    (ASK + 'mach = { tool = "a" }', "rules.x.mach"),
    (ASK + 'match = { tol = "a" }', "rules.x.match.tol"),
    (ASK + 'match = { tool = [] }', "rules.x.match.tool"),
    (ASK + 'match = { tool = 1 }', "rules.x.match.tool"),
    (ASK + 'match = { "input.a" = [[1]] }', "rules.x.match.input.a"),
    (ASK + 'match = { program = "g*" }', "rules.x.match.program"),
    (ASK + 'match = { args = ["a"] }', "rules.x.match.args"),
    (ASK + 'match = { tool = "a", any_input = true }', "rules.x.match.any_input"),
    (ASK + 'match = { tool = "a", any_input = 1 }', "rules.x.match.any_input"),
    (ASK + 'policy = "nobody"', "rules.x.policy"),
    ('[[rules]]\nid = "x"\neffect = "deny"\npolicy = "default"', "rules.x.policy"),
    ('[[rules]]\nid = "x"\neffect = "deny"\nroute = ["web"]', "rules.x.route"),
    (ASK + 'during = "office"', "rules.x.during"),
    (ASK + 'when = "inptu.a == 1"', "rules.x.when"),
    (ASK + 'when = "1 + 1"', "rules.x.when"),
    (ASK + 'when = "!"', "rules.x.when"),
    (ASK + 'limit = { count = 1, per = "1h" }', "rules.x.limit"),
    ('[[rules]]\nid = "x"\neffect = "deny"\nuntil = 2027-01-01', "rules.x.until"),
    (ASK + 'mode = "off"', "rules.x.mode"),
    (ASK + 'after = { match = {}, within = "1h" }', "rules.x.after.match"),
    (ASK + 'after = { match = { tol = "a" }, within = "1h" }', "rules.x.after.match.tol"),
    (ASK + 'after = { match = { tool = "a" }, within = "soon" }', "rules.x.after.within"),
    (ALLOW + 'match = { tool = "a" }\nafter = { match = { tool = "b" }, within = "1h" }',
     "rules.x.after"),
    (ALLOW + 'match = { tool = "a" }\nlimit = { count = 0, per = "1h" }',
     "rules.x.limit.count"),
    (ALLOW + 'match = { tool = "a" }\nlimit = { count = 1, per = "1h", bye = "agent" }',
     "rules.x.limit.bye"),
    (ALLOW + 'match = { tool = "Bash" }', "rules.x.match"),
    (ALLOW + 'match = { tool = "Bash", "input.command" = "git *" }', "rules.x.match"),
    (ALLOW + 'match = { tool = "mcp__*" }', "rules.x.match.tool"),
    (ALLOW + 'match = { agent = "bot" }', "rules.x.match.tool"),
    (ALLOW + 'match = { tool = "a", "input.*" = "b" }', "rules.x.match.input.*"),
    (ALLOW + 'match = { tool = "Bash", program = "ls" }', "rules.x.match.args"),
    (ALLOW + 'match = { tool = "Bash", program = "ls", args = [], any_args = true }',
     "rules.x.match.any_args"),
    (ALLOW + 'match = { tool = "Bash", program = "sh", args = ["x.sh"] }',
     "rules.x.match.program"),
    (ALLOW + 'match = { tool = "Bash", program = "git", any_args = true }',
     "rules.x.match.any_args"),
    (ALLOW + 'match = { tool = "Bash", program = "git", args = ["**"] }', "rules.x.match.args"),
    (ALLOW + 'match = { tool = "Bash", program = "curl", any_args = true }', "rules.x.match.any_args"),
    (ALLOW + 'match = { tool = "Bash", program = "make", args = ["*"] }',
     "rules.x.match.args"),
    (ASK + ASK, "rules.x.id"),
    ('[[rules]]\nid = "a"\neffect = "ask"\nmatch = { tool = "R" }\n'
     + ALLOW + 'match = { tool = "R" }', "rules.x.match"),
    (ALLOW + 'match = { tool = "R" }\n[[rules]]\nid = "a"\neffect = "deny"', "rules.x.match"),
    ('[[rules]]\neffect = "ask"', "rules.0.id"),
    ('[policies.p]\napprovers = ["group:nobody"]', "policies.p.approvers"),
    ('[policies.p]\napprovers = ["ann"]\non_timeout = "allow"', "policies.p.on_timeout"),
    ('[policies.p]\napprover = ["ann"]', "policies.p.approver"),
    ('[policies.p]\napprovers = ["ann"]\nexpires_in = "soon"', "policies.p.expires_in"),
    ('[policies.p]\napprovers = ["ann"]\nexpires_in = "3h"\nescalate = [{ after = "3h", add = ["bob"] }]',
     "policies.p.escalate.0.after"),
]  # fmt: skip


def test_what_cannot_be_meant_is_refused_with_its_key() -> None:
    for row in each(REFUSED):
        with row as (text, key):
            with pytest.raises(errors.InvalidSettings) as caught:
                toml.setup(parse(PEOPLE + text))
            assert caught.value.field == key
            assert key in caught.value.message
