"""People, groups, policies and rules as documents: the same over HTTP and at a terminal."""

from __future__ import annotations

from datetime import datetime

from sayso import errors, model
from sayso.cards import agreement
from sayso.desk.answering import acquaintance, identity
from sayso.desk.shell import Shell
from sayso.machine import people
from sayso.rules.rule import Effect

DAYS = 30
"""Of what is counted."""
_MOST_PAGES = 10_000


class ActsFor(model.Frozen):
    """For whom somebody acts, and until when."""

    name: str
    until: datetime
    policies: tuple[str, ...] = ()
    """Under which; all if none is named."""


class Person(model.Frozen):
    """One of the settings."""

    name: str
    accounts: tuple[str, ...]
    by_email: bool
    groups: tuple[str, ...]
    """Groups and rotas in which they are now."""
    unknown: tuple[str, ...]
    """Those of which nobody could find out whether they are in them."""
    acts_for: tuple[ActsFor, ...] = ()


class Group(model.Frozen):
    """One of the settings."""

    name: str
    members: tuple[str, ...]
    elsewhere: tuple[str, ...]
    """Groups of platforms whose members are in it as well."""
    on_call: tuple[str, ...] | None = None
    """Who is on call now; null if it has no rota."""
    strangers: int = 0
    """How many are on call whom the settings do not know."""
    unsure: str = ""
    """Why nobody could find out who is on call."""


class People(model.Frozen):
    """A page of people, and all groups."""

    people: tuple[Person, ...]
    groups: tuple[Group, ...]
    next: int | None = None
    """The next page, if there is one."""


class Says(model.Frozen):
    """One thing that a policy says."""

    about: str
    words: str


class Policy(model.Frozen):
    """What a policy says, and how much it decided in the last 30 days."""

    name: str
    says: tuple[Says, ...]
    decided: int | None = None
    """Null for whoever may not see numbers."""


class Rule(model.Frozen):
    """A rule, and how much it decided."""

    id: str
    effect: Effect
    policy: str | None = None
    reason: str | None = None
    observed: bool = False
    """Whether it decides nothing; then *decided* is what it would have."""
    decided: int | None = None


class Policies(model.Frozen):
    """All policies and rules, in the order of the settings."""

    default: str
    """The policy of requests that name none."""
    policies: tuple[Policy, ...]
    rules: tuple[Rule, ...]


async def of_people(shell: Shell, page: int = 0) -> People:
    """A page of people, and all groups. Raises `NotFound` for a page that cannot be."""
    if not 0 <= page < _MOST_PAGES:
        raise errors.NotFound("there is no such page", field="page")
    first = page * acquaintance.PAGE
    found = [_person(one) for one in await acquaintance.of_people(shell, first)]
    circles = await acquaintance.of_groups(shell)
    groups = tuple(
        Group(
            name=one.name,
            members=one.members,
            elsewhere=one.elsewhere,
            on_call=one.on_call,
            strangers=one.strangers,
            unsure=one.unsure,
        )
        for one in circles
    )
    more = len(shell.setup.directory.people) > first + acquaintance.PAGE
    return People(people=tuple(found), groups=groups, next=page + 1 if more else None)


def _person(one: acquaintance.Acquainted) -> Person:
    return Person(
        name=one.name,
        accounts=one.accounts,
        by_email=one.by_email,
        groups=one.groups,
        unknown=one.unknown,
        acts_for=tuple(_acts_for(each) for each in one.acts_for),
    )


def _acts_for(one: people.Delegation) -> ActsFor:
    return ActsFor(name=one.of, until=one.until, policies=tuple(sorted(one.policies)))


async def of_policies(shell: Shell, actor: people.Actor | None = None) -> Policies:
    """All policies and rules; with an *actor* numbers are told only if they may see them."""
    setup = shell.setup
    may = actor is None or identity.is_among(setup.readers, await identity.of(shell, actor, setup.readers))
    found = await shell.numbers.of_last(DAYS) if may else None
    by_policy = {one.name: one.requests for one in found.policies} if found else {}
    by_rule = {one.name: one.requests for one in found.rules} | dict(found.would_have) if found else {}
    return Policies(
        default=setup.policy,
        policies=tuple(
            Policy(
                name=name,
                says=tuple(Says(about=one.about, words=one.words) for one in agreement.lines(policy, setup.directory)),
                decided=by_policy.get(name, 0) if found else None,
            )
            for name, policy in setup.policies.items()
        ),
        rules=tuple(
            Rule(
                id=one.id,
                effect=one.effect,
                policy=one.policy,
                reason=one.reason,
                observed=one.observed,
                decided=by_rule.get(one.id, 0) if found else None,
            )
            for one in setup.rules.rules
        ),
    )
