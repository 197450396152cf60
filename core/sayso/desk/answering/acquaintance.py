"""Who is who: the people of the settings over all platforms, and in which groups they are at this moment.

The rule: it is looked up as at a press, with the same three answers; what nobody could find out is said to be so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sayso import errors, model
from sayso.desk.answering import identity
from sayso.machine import people

if TYPE_CHECKING:
    from sayso.desk.shell import Shell

PAGE = 25
"""People that are looked up at once."""
# Seconds for all of them: somebody waits for the page.
_WITHIN = 3.0


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
    """Whether an account is theirs by an address that the platform verified."""
    groups: tuple[str, ...]
    """Groups and rotas in which they are now."""
    unknown: tuple[str, ...]
    """Those of which nobody could find out whether they are in them."""
    acts_for: tuple[ActsFor, ...] = ()


class Group(model.Frozen):
    """One of the settings."""

    name: str
    members: tuple[str, ...]
    """Whom the settings name."""
    elsewhere: tuple[str, ...]
    """Groups of platforms whose members are in it as well."""
    on_call: tuple[str, ...] | None = None
    """Who is on call now; null if it has no rota."""
    strangers: int = 0
    """How many are on call whom the settings do not know."""
    unsure: str = ""
    """Why nobody could find out who is on call."""


async def of_people(shell: Shell, first: int = 0, most: int = PAGE, within: float | None = None) -> Sequence[Person]:
    """A page of the people of the settings, from number *first* on."""
    names = [*shell.setup.directory.people][first : first + most]
    asking = {name: asyncio.ensure_future(identity.complete(shell, _alone(name))) for name in names}
    if asking:
        _, late = await asyncio.wait(asking.values(), timeout=_WITHIN if within is None else within)
        for one in late:
            one.cancel()
    return [_person(shell, name, asking[name]) for name in names]


async def of_groups(
    shell: Shell, first: int = 0, most: int | None = None, within: float | None = None
) -> Sequence[Group]:
    """The groups of the settings from number *first* on, with who is on call; without *most* all of them."""
    groups = [*shell.setup.directory.groups.items()][first : None if most is None else first + most]
    return list(await asyncio.gather(*(_circle(shell, name, one, within) for name, one in groups)))


def _alone(name: str) -> people.Actor:
    """A person of the settings who did not press: nobody tells their groups but the platforms."""
    return people.Actor(account=f"key:{name}", name=name, member=True, person=name)


def _person(shell: Shell, name: str, asked: asyncio.Future[people.Actor]) -> Person:
    directory, now = shell.setup.directory, shell.clock.now()
    profile = directory.people[name]
    told = asked.done() and not asked.cancelled() and asked.exception() is None
    person = directory.identify(asked.result() if told else _alone(name))
    unsure = person.unknown if told else tuple(one for one in directory.groups if one not in person.groups)
    return Person(
        name=name,
        accounts=tuple(sorted(profile.accounts)),
        by_email=bool(profile.email),
        groups=person.groups,
        unknown=unsure,
        acts_for=tuple(_acts_for(one) for one in directory.delegations if name in one.to and now < one.until),
    )


def _acts_for(one: people.Delegation) -> ActsFor:
    return ActsFor(name=one.of, until=one.until, policies=tuple(sorted(one.policies)))


async def _circle(shell: Shell, name: str, group: people.Group, within: float | None) -> Group:
    directory, rota = shell.setup.directory, shell.setup.rotas.get(name)
    told = Group(name=name, members=tuple(sorted(group.members)), elsewhere=tuple(sorted(group.platform_groups)))
    if not group.on_call or rota is None:
        return told
    try:
        async with asyncio.timeout(_WITHIN if within is None else within):
            shift = await rota.on_call()
    except (errors.ChannelError, TimeoutError) as error:
        why = error.message if isinstance(error, errors.ChannelError) else "no answer in time"
        return told.model_copy(update={"on_call": (), "unsure": why})
    return told.model_copy(update={"on_call": shift.of(directory), "strangers": shift.strangers(directory)})
