"""Finds out who is behind the groups and rotas of a policy when something is asked, for direct messages to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sayso import errors, model
from sayso.content import wording
from sayso.desk.admission import direct
from sayso.desk.shell import Shell
from sayso.machine import people, silence

log = logging.getLogger(__name__)

# Seconds for all of them: an agent waits for the answer.
_WITHIN = 4.0


_NOBODY = direct.Present()


async def find(shell: Shell, names: Iterable[str]) -> direct.Present:
    """Who is behind these names now, beside those whom the settings say; and behind whoever acts for one of them."""
    directory = shell.setup.directory
    named, at = list(dict.fromkeys(names)), shell.clock.now() if directory.delegations else None
    if not named and at is None:
        return _NOBODY
    ends = asyncio.get_running_loop().time() + _WITHIN
    found, lost = await _look(shell, named, ends)
    on_call = {name: one.people for name, one in found.items() if name.startswith(people.ON_CALL)}
    if at is not None:
        away = {*named, *directory.members(named), *(one for some in on_call.values() for one in some)}
        acting = {name for one in directory.delegations if one.of in away and at < one.until for name in one.to}
        more, late = await _look(shell, sorted(acting.difference(named)), ends)
        found, lost = found | more, lost | late
    return direct.Present({name: one.places for name, one in found.items()}, on_call, lost, at)


@dataclass(frozen=True, slots=True)
class _Found:
    places: Sequence[model.Place]
    people: Sequence[str] = ()


async def _look(shell: Shell, names: Iterable[str], ends: float) -> tuple[dict[str, _Found], frozenset[str]]:
    """Who is behind those of these names that must be looked up, and of which nobody could find that out in time."""
    wanted = [name for name in names if _needs_looking(shell.setup.directory, name)]
    if not wanted:
        return {}, frozenset()
    asking = {asyncio.ensure_future(_found(shell, name)): name for name in wanted}
    done, late = await asyncio.wait(asking, timeout=max(0.0, ends - asyncio.get_running_loop().time()))
    for one in late:
        one.cancel()
    failed = [one for one in asking if one in late or one.exception() is not None]
    for one in failed:
        why = "no answer in time" if one in late else str(one.exception())
        log.warning("could not find out who is meant", extra={"name_in_policy": asking[one], "error": why})
    found = {asking[one]: one.result() for one in done if one.exception() is None}
    return found, frozenset(asking[one] for one in failed)


async def in_person(shell: Shell, ticket: model.Ticket, names: Sequence[str]) -> tuple[str, ...]:
    """These names, with whoever is on call now in place of a rota; nobody, if nobody can tell.

    Of those on call nobody is among them who is left alone for now, and whoever acts for them is. A group of a platform
    of which somebody is left alone is called by its other members.
    """
    found, directory, now = list[str](), shell.setup.directory, shell.clock.now()
    alone = silence.silent(ticket, now)
    for name in names:
        on_call = name.startswith(people.ON_CALL)
        if not on_call and not (alone and _is_elsewhere(directory, name)):
            found.append(name)
            continue
        try:
            async with asyncio.timeout(_WITHIN):
                meant = await (_on_call(shell, name) if on_call else _others(shell, name, alone))
            found += (silence.mentioned(ticket, directory, tuple(meant), now) or ()) if on_call else meant
        except (errors.ChannelError, TimeoutError) as error:
            # a card that waits for its mention would be worse than one without it
            log.warning("not mentioned by name", extra={"name_in_policy": name, "error": wording.of_error(error)})
            found += [] if on_call else [name]
    return tuple(dict.fromkeys([*found, *await _by_address(shell, found)]))


async def _by_address(shell: Shell, names: Sequence[str]) -> Sequence[str]:
    """The accounts of those among these whom the settings know by an address alone."""
    directory, found = shell.setup.directory, list[str]()
    for person in directory.members(names):
        profile = directory.people.get(person, people.Profile())
        if profile.accounts or not profile.email:
            continue
        try:
            async with asyncio.timeout(_WITHIN):
                found += [account] if (account := await _account_of(shell, profile.email)) else []
        except (errors.ChannelError, TimeoutError) as error:
            log.warning("not found by an address", extra={"person": person, "error": wording.of_error(error)})
    return found


async def _account_of(shell: Shell, email: str) -> str | None:
    """The account with this address on the first chat that knows it. Raises `ChannelError`."""
    for name in shell.setup.chats:
        known = shell.platforms.get(name)
        if known and known.membership and (account := await known.membership.account_of(email)):
            return account
    return None


async def _others(shell: Shell, name: str, alone: Collection[str]) -> Sequence[str]:
    """The members of a group but for these; the group itself, if none of these is in it."""
    everybody = [*shell.setup.directory.members([name]), *await _enrolled(shell, name)]
    return [name] if {*alone}.isdisjoint(everybody) else [one for one in everybody if one not in alone]


async def _on_call(shell: Shell, name: str) -> Sequence[str]:
    rota = shell.setup.rotas.get(name.removeprefix(people.ON_CALL))
    return (await rota.on_call()).of(shell.setup.directory) if rota else ()


def _is_elsewhere(directory: people.Directory, name: str) -> bool:
    """Whether a rota or a chat says who is meant."""
    group = directory.groups.get(name.removeprefix("group:"), people.Group())
    return name.startswith(people.ON_CALL) or (name.startswith("group:") and bool(group.platform_groups))


def _needs_looking(directory: people.Directory, name: str) -> bool:
    if _is_elsewhere(directory, name):
        return True
    return any(directory.people.get(one, people.Profile()).email for one in directory.members([name]))


async def _found(shell: Shell, name: str) -> _Found:
    directory, channels = shell.setup.directory, shell.setup.chats
    if name.startswith(people.ON_CALL):
        shift = await _on_call(shell, name)
        return _Found([place for person in shift for place in await _places_of(shell, person)], shift)
    found = [place for person in directory.members([name]) for place in await _places_of(shell, person)]
    for person in await _enrolled(shell, name):
        known = person in directory.people
        found += direct.of_person(directory, channels, person) if known else [place_of(person)]
    return _Found(found)


def place_of(account: str) -> model.Place:
    """The direct message of an account that the settings do not know."""
    return f"{model.channel_of(account)}:@{people.id_of(account)}"


async def each(shell: Shell, names: Sequence[str]) -> dict[str, Sequence[model.Place]]:
    """The people behind these names now, with their direct messages: by their names, or by accounts nobody named.

    Of a rota or group of which nobody can tell who is in it nobody is among them.
    """
    known, found = shell.setup.directory.people, list[str]()
    try:
        async with asyncio.timeout(_WITHIN):
            for name in dict.fromkeys(names):
                found += [one for one in shell.setup.directory.members([name]) if one in known]
                found += await (_on_call if name.startswith(people.ON_CALL) else _enrolled)(shell, name)
            return {one: await _places_of(shell, one) if one in known else [place_of(one)] for one in found}
    except (errors.ChannelError, TimeoutError) as error:
        # it is put to whoever is known by then: that changes who is asked first, and not who may answer
        log.warning(
            "could not find out whose turn it is",
            extra={"names": sorted(names), "error": wording.of_error(error)},
        )
        return {one: direct.of_person(shell.setup.directory, shell.setup.chats, one) for one in found if one in known}


async def quiet_members(shell: Shell, policy: model.Policy) -> Sequence[str]:
    """Whoever has quiet hours and is meant by a rota or a group of a platform."""
    directory, quiet = shell.setup.directory, shell.setup.quiet
    groups = (name for name in policy.everybody if name.startswith((people.ON_CALL, "group:")))
    wanted = [name for name in groups if quiet and _is_elsewhere(directory, name)]
    return [one for one in (await each(shell, wanted) if wanted else ()) if one in quiet]


async def _enrolled(shell: Shell, name: str) -> Sequence[str]:
    """Who is in the platform groups of a group: by their names in the settings, or by their accounts."""
    directory, found = shell.setup.directory, list[str]()
    group = directory.groups.get(name.removeprefix("group:")) if name.startswith("group:") else None
    for one in sorted(group.platform_groups) if group else ():
        accounts = await _members(shell, model.channel_of(one), one)
        found += [_owner(directory, account) or account for account in accounts]
    return found


async def _places_of(shell: Shell, person: str) -> Sequence[model.Place]:
    """The direct messages of a person; by their address, if no account of theirs is named."""
    directory = shell.setup.directory
    if found := direct.of_person(directory, shell.setup.chats, person):
        return found
    email = directory.people[person].email
    account = await _account_of(shell, email) if email else None
    return [place_of(account)] if account else ()


async def _members(shell: Shell, platform: str, group: str) -> Sequence[str]:
    known = shell.platforms.get(platform)
    if known is None or known.membership is None:
        hint = f"connect {platform}, or name people in place of its groups"
        raise errors.ChannelError(f"{platform} is not connected here", hint=hint)
    named = {account for one in shell.setup.directory.people.values() for account in one.accounts}
    return await known.membership.members(group, sorted(one for one in named if one.startswith(f"{platform}:")))


def _owner(directory: people.Directory, account: str) -> str | None:
    """Whose account it is. A message goes to a person once, whatever organisation their account is told to be of."""
    platform, some_id = model.channel_of(account), people.id_of(account)
    return directory.owner(account) or next(
        (
            name
            for name, one in directory.people.items()
            if any(model.channel_of(known) == platform and people.id_of(known) == some_id for known in one.accounts)
        ),
        None,
    )
