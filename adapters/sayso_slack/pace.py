"""Keeps calls as far apart as Slack wants them; a call that Slack told to wait waits, and others go on.

The rule: a wait that would outlast the courier's lease is not begun, the courier is told when to come again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sayso import clock, errors

# Well below the courier's lease of 60 seconds, of which the call itself needs some.
LONGEST_WAIT = 30.0
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
        """Return when it is this call's turn. Raises `ChannelError` with `retry_after` where that is far away."""
        now = self._clock.now()
        slot = max(self._next.get(key, now), now)
        self._refuse_if_far(max(slot - self._ahead, self._held.get(key, now)), now)
        self._next[key] = slot + self._interval
        self._forget(now)
        await self._until(slot - self._ahead)
        while (free := self._held.get(key, now)) > (here := self._clock.now()):
            self._refuse_if_far(free, here)
            await self._until(free)

    def hold(self, key: str, seconds: float) -> None:
        """Slack told this key to wait."""
        self._held[key] = self._clock.now() + timedelta(seconds=seconds)

    async def _until(self, at: datetime) -> None:
        if at > self._clock.now():
            await self._clock.within(at, asyncio.Event().wait())

    def _refuse_if_far(self, at: datetime, now: datetime) -> None:
        wait = (at - now).total_seconds()
        if wait > LONGEST_WAIT:
            raise errors.ChannelError("Slack asks to wait", retry_after=wait)

    def _forget(self, now: datetime) -> None:
        if len(self._next) > _MOST_KEYS:
            self._next = {key: at for key, at in self._next.items() if at > now}
            self._held = {key: at for key, at in self._held.items() if at > now}
