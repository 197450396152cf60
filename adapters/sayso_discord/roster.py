"""Looks up the people and roles that sayso.toml names: nobody can ask somebody whom the server does not know.

The rule: only what Discord said is a fault of the settings; what it did not say is reported as not found out.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from sayso import errors
from sayso.chat import roster
from sayso.chat.finding import Finding
from sayso.chat.received import Json
from sayso.machine import people
from sayso_discord import parse, refusals
from sayso_discord.api import Api

Found = dict[str, frozenset[str]]
"""The roles of the people who were found."""

_UNKNOWN = refusals.NO_MEMBER


async def look(api: Api, guild: str | None, directory: people.Directory) -> AsyncIterator[Finding]:
    """What there is to say about everybody and every role that is named; *guild* is the server of the channel."""
    named = list(roster.accounts(directory, "discord"))
    roles = list(roster.groups(directory, "discord", "discord_role"))
    if guild is None:
        if named or roles:
            yield Finding("people", True, "not looked up: [discord] channel names no server that can be seen")
        return
    found: Found = {}

    async def fault_of(one: roster.Named) -> Finding | None:
        return await _fault_of(api, guild, one, found)

    async for finding in roster.look_up(named, fault_of, "Discord", "the server"):
        yield finding
    if roles:
        async for finding in _groups(api, guild, roles, found):
            yield finding


async def _fault_of(api: Api, guild: str, named: roster.Named, found: Found) -> Finding | None:
    """What is wrong with an account. Raises `ChannelError` if Discord does not say."""
    key, user = named
    try:
        member: Json = await api.get("/guilds/{guild_id}/members/{user}", guild_id=guild, user=user)
    except refusals.DiscordRefused as error:
        if error.number not in _UNKNOWN:
            raise
        hint = "user settings > Advanced > Developer Mode, then right-click the person > Copy User ID"
        return Finding(key, False, f"{user} is not in the server", hint)
    about: Json = member.get("user") or {}
    if about.get("bot"):
        return Finding(key, False, f"{user} is a bot, and bots cannot decide", "name a person")
    found[user] = parse.roles_of(member)
    return None


async def _groups(api: Api, guild: str, named: Sequence[roster.Named], found: Found) -> AsyncIterator[Finding]:
    try:
        about: Json = await api.get("/guilds/{guild_id}", guild_id=guild)
    except errors.ChannelError as error:
        for key, role in named:
            yield Finding(
                key, False, f"could not find out whether the server has {role}: {error.message}", roster.LATER
            )
        return
    counts: Mapping[str, int] | None = None
    # a role is known or not without them; only a quorum cannot be counted
    with contextlib.suppress(errors.ChannelError):
        counts = await api.get("/guilds/{guild_id}/roles/member-counts", guild_id=guild)
    known = {str(role["id"]): str(role.get("name")) for role in about["roles"]}
    for key, role in named:
        yield _group(guild, key, role, known, counts, found)


def _group(
    guild: str, key: str, role: str, known: Mapping[str, str], counts: Mapping[str, int] | None, found: Found
) -> Finding:
    if role not in known:
        hint = "server settings > Roles > right-click the role > Copy Role ID, with Developer Mode on"
        return Finding(key, False, f"the server has no role {role}", hint)
    if role == guild:
        return Finding(key, False, f"{role} is @everyone, which nobody is given", 'approvers = ["anyone"]')
    if counts is None:
        return Finding(key, True, f"{role} is @{known[role]}; Discord does not say how many have it")
    count = int(counts.get(role, 0))
    accounts = frozenset(f"discord:{user}" for user, roles in found.items() if role in roles)
    enrolled = {f"discord:{role}": people.Enrolled(accounts, max(0, count - len(accounts)))}
    return Finding(key, True, f"{role} is @{known[role]}, members: {count}", enrolled=enrolled)
