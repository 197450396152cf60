"""The people, groups, agents and policies of a run; and, in a few lines of its own, who may allow what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sayso import attention, calendars, model, rules
from sayso.desk.setup import Retention, Setup, Suggesting, Telling
from sayso.machine import people
from sayso.rules import rule
from tests.simulation.chats import Chat
from tests.simulation.world import START, World

ROOMS = ("a:#ops", "b:#ops", "b:#leads")
AGENTS = {"agent1": "ann", "agent2": None, "agent3": None}
"""The keys, and on whose behalf they ask."""

ACCOUNTS = {
    "ann": ("a:U1", "b:1"),
    "bob": ("a:U2",),
    "cid": ("a:U3", "b:3"),
    "dan": ("a:U4",),
    "eve": ("a:U5", "b:5"),
}
STRANGER, GUEST = "a:U9", "a:U8"
PRESSING = (*(account for mine in ACCOUNTS.values() for account in mine), STRANGER, GUEST)
LEADS = "a:S1"
"""A group of the platform; the others are in the settings."""
MEMBERS = {"ops": {"ann", "bob", "cid"}, "release": {"ann", "bob"}, "security": {"cid", "eve"}}
AWAY = people.Delegation("bob", frozenset({"dan"}), START + timedelta(seconds=120))

# Eve is left alone in the first two minutes of a run, which begins at nine.
QUIET = attention.Quiet(
    calendar=calendars.Calendar(name="hush", hours=(calendars.Hours(opens=9 * 60, closes=9 * 60 + 2),))
)
QUIET_FOR = 120.0
READS, PER = 2, 60.0
# Where it is told what rules only observed; figures are counted once a minute at most.
OBSERVED, TOLD_EVERY = ("a:#ops", "b:#ops"), 70.0
KEPT = 50.0
"""Seconds for which content is kept, where it is erased."""


def _rule(effect: rule.Effect, tool: str, **more: Any) -> rules.Rule:
    return rules.Rule(id=f"{effect}-{tool}", match=rule.read_match(tool, {"tool": tool}), effect=effect, **more)


RULES = rules.Book(
    (
        _rule("allow", "read", limit=rules.Limit(count=READS, per=PER, by="agent")),
        _rule("deny", "drop"),
        _rule("ask", "ship", policy="staged"),
        _rule("allow", "peek", observed=True),
    )
)

DIRECTORY = people.Directory(
    people={name: people.Profile(frozenset(mine)) for name, mine in ACCOUNTS.items()},
    groups={
        **{name: people.Group(frozenset(members)) for name, members in MEMBERS.items()},
        "leads": people.Group(platform_groups=frozenset({LEADS})),
    },
    delegations=(AWAY,),
)

_OPS, _LEADS = ("group:ops",), ("group:leads",)
POLICIES = {
    "default": model.Policy(expires_in=70.0, notify=()),
    "ops": model.Policy(approvers=_OPS, quorum=2, expires_in=120.0, remind=(20.0, 60.0)),
    "mixed": model.Policy(
        needs=(model.Need(who=("group:release",)), model.Need(who=("group:security",))),
        expires_in=150.0,
        remind=(30.0,),
        escalate=(
            model.Escalation(after=40.0, add=_LEADS, route=("b:#leads",)),
            model.Escalation(after=80.0, replace=("dan",)),
        ),
    ),
    "staged": model.Policy(
        stages=(
            model.Stage(approvers=("group:release",), remind=(15.0,)),
            model.Stage(approvers=_LEADS, expires_in=60.0, remind=(10.0,)),
        ),
        expires_in=140.0,
    ),
    "loose": model.Policy(approvers=_OPS, quorum=2, veto=2, expires_in=100.0, valid_for=20.0),
    "lasting": model.Policy(approvers=_OPS, grants=50.0, expires_in=80.0, valid_for=30.0),
    "glass": model.Policy(
        approvers=_LEADS,
        expires_in=90.0,
        break_glass=model.BreakGlass(who=_OPS, review=_LEADS, review_in=80.0),
        reason="deny",
    ),
    "plain": model.Policy(approvers=_OPS, expires_in=90.0),
    "rounds": model.Policy(approvers=_OPS, turns="round_robin", claim_in=15.0, expires_in=110.0),
    "gathered": model.Policy(approvers=_OPS, digest=30.0, expires_in=120.0),
    "hushed": model.Policy(approvers=("eve", "cid"), remind=(30.0, 60.0), expires_in=150.0),
    "turns": model.Policy(
        approvers=_OPS, turns="round_robin", claim_in=20.0, remind=(30.0,), expires_in=110.0, fallback=("b:#ops",)
    ),
    "falls": model.Policy(approvers=_OPS, quorum=2, fallback=("b:#ops", "a:#ops"), expires_in=100.0, remind=(25.0,)),
    "careful": model.Policy(approvers=("group:ops", "requester"), self_approval=True, confirm=3.0, expires_in=90.0),
}

SETUP = Setup(
    policies=POLICIES,
    directory=DIRECTORY,
    route=("a:#ops",),
    channels=("a", "b", "web"),
    callbacks=True,
    stoppers=("group:ops",),
    tell_requester=True,
    digest="1",
    audience="tools",
    quiet={"eve": QUIET},
    rules=RULES,
    observed=Telling(OBSERVED, timedelta(seconds=TOLD_EVERY)),
    suggesting=Suggesting(ask=_LEADS, least=3, route=("web",), every=timedelta(seconds=20)),
)
_CHANGED = {
    **POLICIES,
    "default": model.Policy(approvers=_OPS, expires_in=50.0),
    "ops": model.Policy(approvers=("group:security",), quorum=2, expires_in=60.0, remind=(10.0,)),
}


def setup_of(*, push: bool, erase: bool) -> Setup:
    """The settings of a run."""
    return replace(SETUP, push=push, retention=Retention(content=KEPT if erase else None))


def changed(setup: Setup) -> Setup:
    """What a change of the settings brings, other people and other times; and what the next one brings."""
    first = setup.digest == SETUP.digest
    return replace(setup, policies=_CHANGED if first else POLICIES, digest="2" if first else SETUP.digest)


def chats(world: World) -> dict[str, Chat]:
    """Both platforms, with everybody who has an account there."""
    made = {name: Chat(world, name, [one for one in PRESSING if one.startswith(name)]) for name in ("a", "b")}
    for account in ("a:U4", "a:U5"):
        made["a"].accounts[account].groups.add(LEADS)
    return made


def person_of(account: str) -> str:
    """Whose account it is."""
    return next((name for name, mine in ACCOUNTS.items() if account in mine), account)


def actor_of(account: str) -> people.Actor:
    """What a door knows of whoever presses from there."""
    return people.Actor(account, person_of(account), member=account != GUEST)


def may_have_counted(ticket: model.Ticket, by: model.By, chat: Chat, now: float) -> bool:
    """Whether somebody was one of those who may fill a place of this request, now or a minute ago."""
    policy = ticket.policy
    if ticket.requester in (by.person, by.delegate) and ticket.requester and not policy.self_approval:
        return False
    if by.delegate and (by.delegate not in AWAY.to or by.person != AWAY.of):
        return False
    broke = ticket.decision is not None and ticket.decision.break_glass
    names = set(policy.concerned if broke else policy.everybody)
    return bool(names & _names_of(ticket, by.person, chat, now))


def quiet_until(place: model.Place) -> float:
    """Until when nobody is written to there, in seconds of a run."""
    return QUIET_FOR if place.endswith(":@eve") else 0.0


def is_meant(ticket: model.Ticket, account: str, chat: Chat) -> bool:
    """Whether it is for whoever presses from there, at a first look."""
    person = person_of(account)
    return person != ticket.requester and bool(set(ticket.policy.everybody) & _names_of(ticket, person, chat, 0.0))


def is_told(ticket: model.Ticket, account: str, chat: Chat) -> bool:
    """Whether whoever has this account may be told of it at all."""
    person = person_of(account)
    # a question of their own they may answer
    judged = ticket.request.kind == "permission" and not ticket.policy.self_approval
    own = judged and person == ticket.requester
    names = _names_of(ticket, person, chat, 0.0)
    if person in AWAY.to:
        names |= _names_of(ticket, AWAY.of, chat, 0.0)
    return not own and bool(set(ticket.policy.everybody) & names)


def _names_of(ticket: model.Ticket, person: str, chat: Chat, now: float) -> set[str]:
    found = {person, *(f"group:{name}" for name, members in MEMBERS.items() if person in members)}
    if person == ticket.requester:
        found.add("requester")
    for account in ACCOUNTS.get(person, (person,)):
        known = chat.accounts.get(account)
        if known is not None and (LEADS in known.groups or now - known.left.get(LEADS, -999.0) < 75.0):
            found.add("group:leads")
    if person != GUEST:
        found.add("anyone")
    return found
