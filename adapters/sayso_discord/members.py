"""Who acted: what Discord's own payload says of a person at this moment, as far as it matters for deciding.

The rule: in doubt somebody is a stranger. No cache is used, and no name is believed.
"""

from __future__ import annotations

from typing import Any

from sayso import errors
from sayso.machine import people
from sayso_discord import parse, refusals
from sayso_discord.api import Api
from sayso_discord.places import Places


class Members:
    """Turns people who acted into actors; only for a message that is read later Discord must be asked."""

    def __init__(self, api: Api, places: Places) -> None:
        self._api = api
        self.places = places

    async def actor(self, who: parse.Who, channel: str | None = None) -> people.Actor:
        """The person who acted; *channel* is where they wrote, for a message without its member.

        Raises:
            NotAllowed: a bot.
            ChannelError: Discord did not say who this is.
        """
        if who.bot:
            raise errors.NotAllowed("bots cannot decide anything")
        if who.member is None and channel is not None:
            who = await self._look_up(who, channel)
        roles = frozenset(f"discord:{role}" for role in who.roles) if who.member else frozenset[str]()
        return people.Actor(f"discord:{who.user}", who.name, member=bool(who.member), groups=roles)

    async def _look_up(self, who: parse.Who, channel: str) -> parse.Who:
        guild = await self.places.find_guild(channel)
        if guild is None:
            return who
        try:
            member: Any = await self._api.get("/guilds/{guild_id}/members/{user}", guild_id=guild, user=who.user)
        except refusals.DiscordRefused:
            return who  # no member any more
        return parse.Who(who.user, who.name, who.bot, parse.is_full_member(member), parse.roles_of(member))
