"""Who acted: what Discord's own payload says of a person at this moment, as far as it matters for deciding.

The rule: in doubt somebody is a stranger. What a press brings along is taken; only what it does not say is asked for,
and kept for a minute at most. No name is believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sayso import errors
from sayso.chat.received import Json
from sayso.clock import Clock
from sayso.desk.admission import fresh
from sayso.machine import people
from sayso_discord import parse, refusals
from sayso_discord.api import Api
from sayso_discord.places import Places
from sayso_discord.settings import NAME

# People who are looked up for one role: Discord allows about fifty calls a second.
_MOST_ASKED = 50


class Members:
    """Turns people who acted into actors; only for a message that is read later Discord must be asked."""

    def __init__(self, api: Api, places: Places, clock: Clock) -> None:
        self._api = api
        self._found: fresh.Fresh[Json | None] = fresh.Fresh(clock)
        self.places = places

    async def actor(self, who: parse.Who, channel: str | None = None) -> people.Actor:
        """The person who acted; *channel* is where they wrote, for a message without its member.

        Raises:
            NotAllowed: a bot.
            UnknownPerson: Discord did not say who this is.
        """
        if who.bot:
            raise errors.NotAllowed("bots cannot decide anything")
        if who.member is None and channel is not None:
            try:
                who = await self._look_up(who, channel)
            except errors.ChannelError as error:
                raise errors.UnknownPerson(f"Discord did not say who this is: {error.message}") from error
        roles = frozenset(f"{NAME}:{role}" for role in who.roles) if who.member else frozenset[str]()
        # a direct message says nothing of roles, nor of a membership
        told = frozenset({NAME}) if who.member else frozenset[str]()
        account = f"{NAME}:{who.user}"
        return people.Actor(account, who.name, member=bool(who.member), groups=roles, complete=told)

    async def is_in(self, group: str, account: str) -> bool:
        """Whether an account has a role of the server in which requests are shown. Raises `ChannelError`."""
        member = await self._load(account.removeprefix(f"{NAME}:"))
        return (
            bool(member) and parse.is_full_member(member) and group.removeprefix(f"{NAME}:") in parse.roles_of(member)
        )

    async def account_of(self, email: str) -> str | None:
        """Nobody: Discord tells bots no address."""
        return None

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        """The *known* accounts with a role: Discord lists others only to bots with an intent. Raises `ChannelError`."""
        inside = await asyncio.gather(*(self.is_in(group, account) for account in known[:_MOST_ASKED]))
        return [account for account, is_in in zip(known, inside, strict=False) if is_in]

    async def is_open(self, account: str) -> bool:
        """Whether an account is still in the server. Raises `ChannelError`."""
        return await self._load(account.removeprefix(f"{NAME}:")) is not None

    async def close(self) -> None:
        """Ask nothing more."""
        await self._found.close()

    async def _load(self, user: str) -> Json | None:
        """What the server knows of somebody; None if they are not in it."""
        guild = await self.places.find_guild(self.places.default) if self.places.default else None
        if guild is None:
            raise errors.ChannelError("no server of Discord is set: the channel of the settings names it")

        async def ask() -> Json | None:
            try:
                found: Json = await self._api.get("/guilds/{guild_id}/members/{user}", guild_id=guild, user=user)
            except refusals.DiscordRefused as error:
                if error.number not in refusals.NO_MEMBER:
                    raise
                return None
            return found

        return await self._found.get(user, ask)

    async def _look_up(self, who: parse.Who, channel: str) -> parse.Who:
        guild = await self.places.find_guild(channel)
        if guild is None:
            return who
        try:
            member: Any = await self._api.get("/guilds/{guild_id}/members/{user}", guild_id=guild, user=who.user)
        except refusals.DiscordRefused:
            return who  # no member any more
        return parse.Who(who.user, who.name, who.bot, parse.is_full_member(member), parse.roles_of(member))
