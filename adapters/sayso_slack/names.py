"""What people, channels and user groups are called: Slack is asked when somebody writes one, so that agents read names.

The rule: a name is for reading only. A name that cannot be found is called unknown, and does not delay an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

from sayso import errors
from sayso.chat import talk
from sayso.clock import Clock
from sayso_slack import members, parse, spoken
from sayso_slack.api import Api

# Seconds. An event must be answered within three.
_WITHIN = 1.0
_MOST = 10_000
_ASKED_AGAIN = timedelta(minutes=5)


class KnownNames:
    """The names that were found. Ids stay; a name that was changed since is an old name."""

    def __init__(self, api: Api, people: members.Members, clock: Clock, app: spoken.App) -> None:
        self._api = api
        self._members = people
        self._clock = clock
        self._app = app
        self._channels: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._listed = clock.now() - _ASKED_AGAIN

    def names_app(self, reply: parse.Reply) -> bool:
        """Whether this was said to the app."""
        return spoken.find_first_named(reply.written, self._app) == "app"

    async def words(self, reply: parse.Reply) -> tuple[str, talk.Named]:
        """What somebody wrote, in words, and whom they mentioned first."""
        wanted = spoken.find_unnamed(reply.written)
        people = dict.fromkeys(wanted.people, "unknown-person")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WITHIN):
                await asyncio.gather(
                    self._learn(wanted.people - {self._app.user}, self._learn_person, people),
                    self._learn(wanted.channels - self._channels.keys(), self._learn_channel, self._channels),
                    self._learn_groups(wanted.groups),
                )
        names = spoken.Names(
            people,
            {**dict.fromkeys(wanted.channels, "unknown-channel"), **self._channels},
            {**dict.fromkeys(wanted.groups, "unknown-group"), **self._groups},
            dict(reply.emoji),
        )
        return spoken.plain(reply.written, names, self._app), spoken.find_first_named(reply.written, self._app)

    async def _learn(self, ids: Iterable[str], ask: Callable[[str], Awaitable[str]], into: dict[str, str]) -> None:
        if len(into) > _MOST:
            into.clear()
        for some_id in ids:
            with contextlib.suppress(errors.SaysoError):
                into[some_id] = await ask(some_id)

    async def _learn_person(self, some_id: str) -> str:
        return await self._members.find_name(some_id)

    async def _learn_channel(self, some_id: str) -> str:
        found: Any = await self._api.get("conversations.info", channel=some_id)
        return str(found["channel"]["name"])

    async def _learn_groups(self, wanted: frozenset[str]) -> None:
        if wanted <= self._groups.keys() or self._clock.now() - self._listed < _ASKED_AGAIN:
            return
        with contextlib.suppress(errors.ChannelError):
            found: Any = await self._api.get("usergroups.list")
            self._listed = self._clock.now()
            self._groups = {str(one["id"]): str(one["handle"]) for one in found["usergroups"]}
