"""Who is who: the people of the settings over all platforms, and in which groups they are at this moment.

The rule: it is looked up as at a press, with the same three answers; what nobody could find out is said to be so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sayso import errors
from sayso.desk.answering import identity
from sayso.desk.shell import Shell
from sayso.machine import people

PAGE = 25
"""People that are looked up at once."""
# Seconds for all of them: somebody waits for the page.
_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Acquainted:
    """One person."""

    name: str
    accounts: tuple[str, ...]
    by_email: bool
    """Whether an account is theirs by an address that the platform verified."""
    groups: tuple[str, ...] = ()
    """The groups and rotas in which they are now."""
    unknown: tuple[str, ...] = ()
    """Those of which nobody could find out whether they are in them."""
    acts_for: tuple[people.Delegation, ...] = ()


@dataclass(frozen=True, slots=True)
class Circle:
    """One group."""

    name: str
    members: tuple[str, ...]
    """Whom the settings name."""
    elsewhere: tuple[str, ...]
    """Whoever is in these groups of platforms is in it as well."""
    on_call: tuple[str, ...] | None = None
    """Who is on call now; None if it has no rota."""
    strangers: int = 0
    """How many are on call whom the settings do not know."""
    unsure: str = ""
    """Why nobody could find out who is on call."""


async def of_people(shell: Shell, first: int = 0) -> Sequence[Acquainted]:
    """A page of the people of the settings, from number *first* on."""
    names = [*shell.setup.directory.people][first : first + PAGE]
    asking = {name: asyncio.ensure_future(identity.complete(shell, _alone(name))) for name in names}
    if asking:
        _, late = await asyncio.wait(asking.values(), timeout=_WITHIN)
        for one in late:
            one.cancel()
    return [_person(shell, name, asking[name]) for name in names]


async def of_groups(shell: Shell) -> Sequence[Circle]:
    """The groups of the settings, with who is on call."""
    directory = shell.setup.directory
    return list(await asyncio.gather(*(_circle(shell, name, one) for name, one in directory.groups.items())))


def _alone(name: str) -> people.Actor:
    """A person of the settings who did not press: nobody tells their groups but the platforms."""
    return people.Actor(account=f"key:{name}", name=name, member=True, person=name)


def _person(shell: Shell, name: str, asked: asyncio.Future[people.Actor]) -> Acquainted:
    directory, now = shell.setup.directory, shell.clock.now()
    profile = directory.people[name]
    told = asked.done() and not asked.cancelled() and asked.exception() is None
    person = directory.identify(asked.result() if told else _alone(name))
    unsure = person.unknown if told else tuple(one for one in directory.groups if one not in person.groups)
    acts_for = tuple(one for one in directory.delegations if name in one.to and now < one.until)
    return Acquainted(name, tuple(sorted(profile.accounts)), bool(profile.email), person.groups, unsure, acts_for)


async def _circle(shell: Shell, name: str, group: people.Group) -> Circle:
    members, elsewhere = tuple(sorted(group.members)), tuple(sorted(group.platform_groups))
    rota = shell.setup.rotas.get(name)
    if not group.on_call or rota is None:
        return Circle(name, members, elsewhere)
    try:
        async with asyncio.timeout(_WITHIN):
            shift = await rota.on_call()
    except (errors.ChannelError, TimeoutError) as error:
        why = error.message if isinstance(error, errors.ChannelError) else "no answer in time"
        return Circle(name, members, elsewhere, (), unsure=why)
    directory = shell.setup.directory
    return Circle(name, members, elsewhere, shift.of(directory), shift.strangers(directory))
