"""Finds the places of routes in Slack: `slack`, `slack:#ops`, `slack:C1`, `slack:@ann`, `slack:U1` become ids.

The rule: a name is looked up once. From then on only its id counts, until Slack says that the id is not valid any more.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from sayso import errors
from sayso.chat import recent, roster
from sayso.clock import Clock, SystemClock
from sayso.machine import people
from sayso_slack.api import Api
from sayso_slack.listing import Listing

log = logging.getLogger(__name__)

_CHANNEL = re.compile(r"[CGD][A-Z0-9]+")
_USER = re.compile(r"[UW][A-Z0-9]+")
# Slack's rule for names, less strict: letters of any script, digits and three signs
_NAME = re.compile(r"#?[\w.-]{1,80}")
_REMEMBERED = 10_000


class Places:
    """Finds conversation ids, and remembers them."""

    def __init__(
        self, api: Api, directory: Callable[[], people.Directory], default: str | None, clock: Clock | None = None
    ) -> None:
        self._api = api
        self._listing = Listing(api, clock or SystemClock())
        self._directory = directory
        self._default = default
        self._known = recent.Recent[str, str](_REMEMBERED)

    async def find(self, place: str) -> str:
        """The conversation id of a place. Raises `ChannelError`, `final` if there is no such place."""
        spec = self._spec(place)
        if not spec:
            hint = '[slack] channel = "C0123"'
            raise errors.ChannelError("no channel is set for requests without a route", final=True, hint=hint)
        key = self._key(spec)
        if key not in self._known:
            self._known[key] = await self._look_up(key)
        return self._known[key]

    def check(self, place: str) -> None:
        """Raise `InvalidRequest` if a place is malformed; Slack is not asked."""
        spec = self._spec(place)
        if spec and not spec.startswith("@") and not _NAME.fullmatch(spec):
            hint = 'the id of a channel, as "slack:C0123", its name, as "slack:#ops", or a person: "slack:@ann"'
            raise errors.InvalidRequest(f"{place!r} is not a valid place in Slack", field="route", hint=hint)

    def forget(self, place: str) -> None:
        """Forget the id of a place, which is not valid any more: its name is looked up again."""
        spec = self._key(self._spec(place))
        self._known.pop(spec, None)
        self._listing.forget(spec.removeprefix("#"))

    def forget_all(self) -> None:
        """Forget all ids, since a name may mean another channel now."""
        self._known.clear()
        self._listing.start_over()

    def _spec(self, place: str) -> str:
        return place.partition(":")[2] or self._default or ""

    def _key(self, spec: str) -> str:
        """What is looked up: whose account a person's name means may change with the settings."""
        return self._user_of(spec[1:]) if spec.startswith("@") else spec

    async def _look_up(self, spec: str) -> str:
        if _CHANNEL.fullmatch(spec):
            return spec
        if _USER.fullmatch(spec):
            opened = await self._api.post("conversations.open", users=spec)
            return str(opened["channel"]["id"])
        found = await self._listing.find(spec.removeprefix("#"))
        # a name can move to another channel, and with many channels it takes minutes to look one up
        log.info("channel found by its name", extra={"channel": spec, "hint": f"write the id {found} instead"})
        return found

    def _user_of(self, name: str) -> str:
        """The account of a configured person; display names are not looked up, since anybody can take any of them."""
        account = roster.account_of(self._directory(), "slack", name)
        if account is not None:
            return account.rpartition("/")[2]
        if _USER.fullmatch(name):
            return name
        hint = f'[people.{name}] slack = "T…/U…", or the member id: slack:@U…'
        raise errors.ChannelError(f"nobody called {name!r} is configured with a Slack account", final=True, hint=hint)
