"""Keeps calls as far apart as Slack wants them; a call that Slack told to wait waits, and others go on.

The rule: nobody waits here for long, because other deliveries stand behind; the courier is told when to come again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sayso import clock, errors

# Seconds; well below the courier's lease of 60, of which the call itself needs some.
LONGEST_WAIT = 10.0
_MOST_KEYS = 1_000


class Pace:
    """One call each *interval* seconds and key, *burst* calls at once after a rest."""

    def __init__(self, now: clock.Clock, interval: float, burst: int) -> None:
        self._clock = now
        self._interval = timedelta(seconds=interval)
        self._ahead = self._interval * (burst - 1)
        self._next: dict[str, datetime] = {}
        self._held: dict[str, datetime] = {}

    async def turn(self, key: str) -> None:
        """Return when it is this call's turn. Raises `ChannelError` with `retry_after` where that is not soon."""
        now = self._clock.now()
        self._refuse_if_held(key, now)
        slot = max(self._next.get(key, now), now)
        wait = (slot - self._ahead - now).total_seconds()
        if wait > LONGEST_WAIT:
            raise errors.ChannelError("too many calls at once", retry_after=wait)
        self._next[key] = slot + self._interval
        self._forget(now)
        if wait > 0:
            await self._clock.within(slot - self._ahead, asyncio.Event().wait())
            self._refuse_if_held(key, self._clock.now())

    def hold(self, key: str, seconds: float) -> None:
        """Slack told this key to wait."""
        self._held[key] = self._clock.now() + timedelta(seconds=seconds)

    def _refuse_if_held(self, key: str, now: datetime) -> None:
        left = (self._held.get(key, now) - now).total_seconds()
        if left > 0:
            raise errors.ChannelError("Slack asks to wait", retry_after=left)

    def _forget(self, now: datetime) -> None:
        if len(self._next) > _MOST_KEYS:
            self._next = {key: at for key, at in self._next.items() if at > now}
            self._held = {key: at for key, at in self._held.items() if at > now}
