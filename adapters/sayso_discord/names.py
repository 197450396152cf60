"""What channels and roles are called: Discord is asked when somebody writes one, so that agents read names.

The rule: a name is for reading only. A name that cannot be found is called unknown, and does not delay an answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sayso import errors
from sayso.chat import recent, talk
from sayso_discord import parse, spoken
from sayso_discord.api import Api
from sayso_discord.places import Places

# Of channels and of servers; what was learnt the longest ago is asked again.
_REMEMBERED, _GUILDS = 5_000, 100


class KnownNames:
    """The names that were found. Ids stay; a name that was changed since is an old name."""

    def __init__(self, api: Api, places: Places) -> None:
        self._api = api
        self._places = places
        self._channels = recent.Recent[str, str](_REMEMBERED)
        self._roles = recent.Recent[str, dict[str, str]](_GUILDS)
        self._own = recent.Recent[str, frozenset[str]](_GUILDS)

    async def find_first(self, reply: parse.Reply) -> talk.Named:
        """Whom somebody mentioned first. Anybody may write this, so Discord is asked only once for each server."""
        guild = await self._find_guild(reply) if spoken.begins_with_role(reply.text) else None
        if guild is not None and guild not in self._roles:
            await self._learn_roles(guild)
        return spoken.find_first_named(reply.text, self._api.bot_user, self._own.get(guild or "", frozenset()))

    async def words(self, reply: parse.Reply) -> str:
        """What somebody wrote, in words."""
        channels, roles = spoken.find_unnamed(reply.text)
        guild = await self._find_guild(reply) if roles else None
        if guild is not None and not roles <= self._roles.get(guild, {}).keys():
            await self._learn_roles(guild)
        for channel in channels - self._channels.keys():
            with contextlib.suppress(errors.ChannelError):
                found: Any = await self._api.get("/channels/{channel_id}", channel_id=channel)
                self._channels[channel] = str(found.get("name") or "unknown-channel")
        own = self._own.get(guild or "", frozenset())
        names = spoken.Names(reply.people, self._channels, self._roles.get(guild or "", {}))
        return spoken.plain(reply.text, self._api.bot_user, names, own)

    async def _find_guild(self, reply: parse.Reply) -> str | None:
        if reply.guild is not None:
            return reply.guild
        with contextlib.suppress(errors.ChannelError):
            return await self._places.find_guild(reply.channel)
        return None

    async def _learn_roles(self, guild: str) -> None:
        with contextlib.suppress(errors.ChannelError):
            about: Any = await self._api.get("/guilds/{guild_id}", guild_id=guild)
            self._roles[guild] = {str(role["id"]): str(role["name"]) for role in about["roles"]}
            self._own[guild] = frozenset(str(role["id"]) for role in about["roles"] if self._is_own(role))

    def _is_own(self, role: Mapping[str, Any]) -> bool:
        tags: Mapping[str, Any] = role.get("tags") or {}
        return tags.get("bot_id") == self._api.bot_user
