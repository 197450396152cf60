"""Finds the places of routes in Discord: `discord`, `discord:910`, `discord:910/thread`, `discord:@ann`.

The rule: channels are known by ids, since any channel may have any name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sayso import errors
from sayso.chat import recent, roster
from sayso.machine import people
from sayso_discord.api import Api

_ID = re.compile(r"[0-9]{1,20}")
# Conversations and threads, of which each session may have one.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Spec:
    """A place as it was read."""

    channel: str = ""
    person: str = ""
    threads: bool = False


class Places:
    """Finds conversation ids, and remembers what was learnt about them."""

    def __init__(
        self, api: Api, directory: Callable[[], people.Directory], default: str | None, *, threads: bool
    ) -> None:
        self._api = api
        self._directory = directory
        self._default = default
        self._threads = threads
        self._direct = recent.Recent[str, str](_REMEMBERED)
        self._guilds = recent.Recent[str, str | None](_REMEMBERED)

    async def find(self, place: str) -> tuple[str, bool]:
        """The conversation of a place, and whether sessions have threads there. Raises `ChannelError`."""
        spec = self.read(place)
        if not spec.person:
            return spec.channel, spec.threads
        user = self._user_of(spec.person)
        if user not in self._direct:
            opened = await self._api.send("POST", "/users/@me/channels", {"recipient_id": user})
            self._direct[user] = str(opened["id"])
        return self._direct[user], False

    async def conversation(self, place: str) -> str:
        """The conversation of a place; its threads belong to it. Raises `ChannelError`."""
        return (await self.find(place))[0]

    @property
    def default(self) -> str | None:
        """The channel for requests without a place, if a channel is set."""
        return self._default if self._default and _ID.match(self._default) else None

    async def find_guild(self, channel: str) -> str | None:
        """The guild of a channel, if it has one. Raises `ChannelError`."""
        if channel not in self._guilds:
            found: dict[str, Any] = await self._api.get("/channels/{channel_id}", channel_id=channel)
            self._guilds[channel] = str(found["guild_id"]) if found.get("guild_id") else None
        return self._guilds[channel]

    def check(self, place: str) -> None:
        """Raise `InvalidRequest` if a place is malformed; Discord is not asked."""
        try:
            spec = self.read(place)
            if spec.person:
                self._user_of(spec.person)
        except errors.ChannelError as error:
            raise errors.InvalidRequest(error.message, field="route", hint=error.hint) from error

    def mentioned(self, names: Sequence[str]) -> people.Called:
        """The people and roles of Discord whom a card mentions."""
        return self._directory().called(names, "discord")

    def read(self, place: str) -> Spec:
        """Read a place. Raises `ChannelError`, final, if it is malformed."""
        spec = place.partition(":")[2] or self._default or ""
        if spec.startswith("@"):
            return Spec(person=spec[1:])
        channel, slash, threads = spec.partition("/")
        if _ID.fullmatch(channel) and (not slash or threads == "thread"):
            return Spec(channel=channel, threads=self._threads or bool(slash))
        hint = 'the id of a channel, as "discord:910", or of a person: "discord:@ann"'
        raise errors.ChannelError(f"{place!r} is not a place in Discord", final=True, hint=hint)

    def _user_of(self, name: str) -> str:
        """The account of a configured person, or an id; display names are not looked up: anybody can take them."""
        account = roster.account_of(self._directory(), "discord", name)
        if account is not None:
            return account
        if _ID.fullmatch(name):
            return name
        hint = f'[people.{name}] discord = "…", or the user id: discord:@940'
        raise errors.ChannelError(f"nobody called {name!r} is configured with a Discord account", final=True, hint=hint)
