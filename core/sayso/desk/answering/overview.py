"""People, groups, policies and rules as documents: the same over HTTP and at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sayso import errors, model
from sayso.cards import agreement
from sayso.desk.answering import acquaintance, identity
from sayso.machine import people
from sayso.rules.rule import Effect

if TYPE_CHECKING:
    from sayso.desk.shell import Shell

DAYS = 30
"""Of what is counted."""
_MOST_PAGES = 10_000


class People(model.Frozen):
    """A page of people, and all groups."""

    people: tuple[acquaintance.Person, ...]
    groups: tuple[acquaintance.Group, ...]
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
    # these wait longer for a rota, and what it says is known then for each person
    groups = await acquaintance.of_groups(shell)
    found = await acquaintance.of_people(shell, first)
    more = len(shell.setup.directory.people) > first + acquaintance.PAGE
    return People(people=tuple(found), groups=tuple(groups), next=page + 1 if more else None)


async def check_look(shell: Shell, actor: people.Actor) -> None:
    """Raises `NotAllowed` where the settings neither name whoever this is nor let them answer, stop or read numbers."""
    setup = shell.setup
    if setup.directory.identify(actor).id in setup.directory.people:
        return
    answering = (name for policy in setup.policies.values() for name in policy.concerned)
    names = {*answering, *setup.stoppers, *setup.readers}
    person = await identity.of(shell, actor, names)
    if not identity.is_among(names, person):
        said = "this is for people whom the settings know, and for whoever may answer"
        raise errors.NotAllowed(f"{said}{_unsure(person)}")


async def may_count(shell: Shell, actor: people.Actor) -> bool:
    """Whether the numbers are for whoever this is."""
    try:
        await check_counts(shell, actor)
    except errors.NotAllowed:
        return False
    return True


async def check_counts(shell: Shell, actor: people.Actor) -> None:
    """Raises `NotAllowed` to whom the numbers are not shown."""
    readers = shell.setup.readers
    person = await identity.of(shell, actor, readers)
    if not identity.is_among(readers, person):
        said = f"the numbers are for: {', '.join(readers) or 'nobody'}{_unsure(person)}"
        raise errors.NotAllowed(said, hint="for whom is set by stats.readers in sayso.toml")


def _unsure(person: model.Person) -> str:
    return f"; could not find out who is in {', '.join(person.unknown)}" if person.unknown else ""


def _asked_at(route: tuple[model.Place, ...]) -> Iterator[Says]:
    if route:
        yield Says(about="Asked at", words=", ".join(route))


def _says(policy: model.Policy, directory: people.Directory) -> Iterator[Says]:
    return (Says(about=one.about, words=one.words) for one in agreement.lines(policy, directory))


async def of_policies(shell: Shell, actor: people.Actor | None = None, within: float | None = None) -> Policies:
    """All policies and rules; with an *actor* numbers are told only if they may see them.

    With *within* they are left out as well if they are not counted in so many seconds.
    """
    setup, found = shell.setup, None
    if actor is None or await may_count(shell, actor):
        found = await (shell.numbers.of_last(DAYS) if within is None else shell.numbers.soon(DAYS, within))
    by_policy = {one.name: one.requests for one in found.policies} if found else {}
    by_rule = {one.name: one.requests for one in found.rules} | dict(found.would_have) if found else {}
    return Policies(
        default=setup.policy,
        policies=tuple(
            Policy(
                name=name,
                says=(*_asked_at(setup.routes.get(name, ())), *_says(policy, setup.directory)),
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
