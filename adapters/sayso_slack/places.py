"""Where a place of a route is in Slack: `slack`, `slack:#ops`, `slack:C1`, `slack:@ann`, `slack:U1` become ids.

The rule: a name is looked up once; from then on only its id counts, whatever the channel is called later.
"""

from __future__ import annotations

import re
from typing import Any

from sayso import errors, people
from sayso_slack import web

_CHANNEL = re.compile(r"^[CGD][A-Z0-9]+$")
_USER = re.compile(r"^[UW][A-Z0-9]+$")
# Slack's most for one page of conversations.list is 1,000; it asks for fewer
_PAGE = 500


class Places:
    """Finds conversation ids, and remembers them."""

    def __init__(self, api: web.Web, directory: people.Directory, default: str | None) -> None:
        self._api = api
        self._directory = directory
        self._default = default
        self._known: dict[str, str] = {}

    async def find(self, place: str) -> str:
        """The conversation id of a place. Raises `ChannelError`, `final` where there is no such place."""
        spec = place.partition(":")[2] or self._default or ""
        if not spec:
            hint = '[slack] channel = "#approvals"'
            raise errors.ChannelError("no channel is set for requests without a route", final=True, hint=hint)
        if spec not in self._known:
            self._known[spec] = await self._look_up(spec)
        return self._known[spec]

    async def _look_up(self, spec: str) -> str:
        if _CHANNEL.match(spec):
            return spec
        if _USER.match(spec) or spec.startswith("@"):
            opened = await self._api.post("conversations.open", users=self._user(spec.removeprefix("@")))
            return str(opened["channel"]["id"])
        return await self._by_name(spec.removeprefix("#"))

    def _user(self, name: str) -> str:
        """A configured person's account here; display names can be taken by anybody, so they are not looked up."""
        profile = self._directory.people.get(name)
        accounts = sorted(a for a in (profile.accounts if profile else ()) if a.startswith("slack:"))
        if accounts:
            return accounts[0].rpartition("/")[2]
        if _USER.match(name):
            return name
        hint = f'[people.{name}] slack = "T…/U…", or the member id: slack:@U…'
        raise errors.ChannelError(f"nobody called {name!r} is configured with a Slack account", final=True, hint=hint)

    async def _by_name(self, name: str) -> str:
        cursor = ""
        while True:
            page = await self._api.get(
                "conversations.list",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=_PAGE,
                cursor=cursor,
            )
            channels: list[dict[str, Any]] = page["channels"]
            for channel in channels:
                if channel["name"] == name:
                    return str(channel["id"])
            cursor = web.next_page(page)
            if not cursor:
                hint = f"create #{name}, or invite the app if it is private: /invite @sayso"
                raise errors.ChannelError(f"Slack refused: channel_not_found #{name}", final=True, hint=hint)
