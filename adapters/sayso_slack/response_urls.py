"""The response_urls of presses, commands and shortcuts: what is said through them is outside the limits of other calls.

The rule: each use is counted here. A url is used as long and as often as Slack allows, and what failed is tried again
only within that. A card is edited with all uses but one of the newest press on it: that one stays for whoever pressed.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sayso import errors
from sayso.chat import background
from sayso.chat.received import Json
from sayso.chat.recent import Recent
from sayso.clock import Clock
from sayso_slack.api import Api

log = logging.getLogger(__name__)

# Slack allows five uses within thirty minutes.
_USES, _KEPT = 5, timedelta(minutes=29)
_MOST = 5_000
# Seconds between tries.
_PAUSES = (1.0, 5.0, 25.0, 60.0)


@dataclass(slots=True)
class _Left:
    """What may still be done with one url."""

    ends: datetime
    uses: int = _USES


class ResponseUrls:
    """Which there are, and what is left of each."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._left: Recent[str, _Left] = Recent(_MOST)
        self._pressed: Recent[str, str] = Recent(_MOST)

    def add(self, url: str, message: str = "") -> None:
        """Know a url that came just now, and on which message somebody pressed."""
        self._left.setdefault(url, _Left(self._clock.now() + _KEPT))
        if message:
            self._pressed[message] = url

    def forget(self, message: str) -> None:
        """Know that a message cannot be edited through a press any more."""
        self._pressed.pop(message, None)

    async def edit(self, message: str, body: Json) -> bool:
        """Edit a message through the newest press on it. Returns whether that was possible: it is tried once."""
        left = self._left.get(url := self._pressed.get(message, ""))
        if left is None or left.uses < 2:
            return False
        try:
            await self._use(url, body)
        except errors.ChannelError as error:
            log.info("card not edited through a press", extra={"error": error.message})
            self.forget(message)
            return False
        return True

    async def tell(self, url: str, body: Json) -> None:
        """Say something through a url, and try again while that may help. Raises `ChannelError`."""
        self.add(url)
        use = functools.partial(self._use, url, body)
        until = self._left[url].ends
        await background.persist(use, "response not taken yet", _PAUSES, self._clock, until=until)

    async def _use(self, url: str, body: Json) -> None:
        left = self._left.get(url)
        if left is None or left.uses < 1 or self._clock.now() >= left.ends:
            raise errors.ChannelError("Slack takes no more through this press", final=True)
        left.uses -= 1
        await self._api.respond(url, body)
