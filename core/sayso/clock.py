"""Time is injected: a clock says what time it is, and bounds waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

# Seconds. A platform says the time in whole seconds, and its answer takes a moment.
_MOST_OFF = timedelta(seconds=30)
SET_IT = "set this machine's clock: signatures are good for five minutes, and time runs out by this clock"


class Clock(Protocol):
    """What the desk and the courier know of time. `sayso.testing.clock.ManualClock` is the other one."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        ...

    async def within(self, deadline: datetime | None, waiting: Awaitable[object]) -> bool:
        """Wait for *waiting*, but not beyond *deadline*; whether it came in time. None waits for ever."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return datetime.now(UTC)

    async def within(self, deadline: datetime | None, waiting: Awaitable[object]) -> bool:
        """Wait for *waiting*, but not beyond *deadline*; whether it came in time."""
        delay = None if deadline is None else max(0.0, (deadline - self.now()).total_seconds())
        try:
            async with asyncio.timeout(delay):
                await waiting
        except TimeoutError:
            return False
        return True


def off(said: str | None, here: datetime) -> str | None:
    """How far the clock here is from one that *said* when it is, as an HTTP date, in words; None if it is near."""
    try:
        there = parsedate_to_datetime(said or "")
        ahead = here - there
    except (TypeError, ValueError):
        # nothing was said, or nothing that tells a time
        return None
    if abs(ahead) <= _MOST_OFF:
        return None
    seconds = round(abs(ahead).total_seconds())
    return f"this machine's clock is {seconds} seconds {'ahead of' if ahead > timedelta(0) else 'behind'}"
