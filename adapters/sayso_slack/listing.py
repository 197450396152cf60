"""Channels by name: one walk through the list of channels serves all who look for a name.

The rule: a walk that Slack interrupts continues from the same page, since thousands of channels are more pages than a
minute allows.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sayso import errors
from sayso.clock import Clock
from sayso_slack.api import Api, next_page

# Slack's most for one page of conversations.list is 1,000; it asks for fewer
_PAGE = 500


class Listing:
    """Finds the ids of channels by their names."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._met: dict[str, str] = {}
        self._asked: dict[str, int] = {}
        self._cursor = ""
        self._begun = self._ended = 0
        self._walking = asyncio.Lock()
        self._held = clock.now()

    async def find(self, name: str) -> str:
        """The id of a channel that is not archived. Raises `ChannelError`, `final` if the app sees no such channel."""
        # only a walk that began after the question can say that there is no such channel
        begun = self._asked.setdefault(name, self._begun)
        async with self._walking:
            while name not in self._met:
                if self._ended > begun:
                    self._asked.pop(name, None)
                    raise _unknown_channel(name)
                await self._walk_on()
        self._asked.pop(name, None)
        return self._met[name]

    def forget(self, name: str) -> None:
        """Forget the id of a name, which is not valid any more."""
        self._met.pop(name, None)

    def start_over(self) -> None:
        """Forget all names."""
        self._met.clear()
        self._cursor = ""

    async def _walk_on(self) -> None:
        left = (self._held - self._clock.now()).total_seconds()
        if left > 0:
            raise errors.NotYet("Slack asks to wait with the list of channels", left)
        if not self._cursor:
            self._begun += 1
        try:
            page = await self._api.get(
                "conversations.list",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=_PAGE,
                cursor=self._cursor,
            )
        except errors.NotYet as error:
            self._held = self._clock.now() + timedelta(seconds=error.wait)
            raise
        except errors.ChannelError as error:
            if error.final:
                self._cursor = ""  # the cursor itself may be what Slack does not take any more
            raise
        channels: list[dict[str, Any]] = page["channels"]
        for channel in channels:
            if not channel.get("is_archived"):
                self._met[str(channel["name"])] = str(channel["id"])
        self._cursor = next_page(page)
        if not self._cursor:
            self._ended = self._begun


def _unknown_channel(name: str) -> errors.ChannelError:
    hint = f"create #{name}, or invite the app if it is private: /invite @sayso; or write the id C… instead"
    return errors.ChannelError(f"Slack refused: channel_not_found #{name}", final=True, hint=hint)
