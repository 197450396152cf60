"""A clock that moves only when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta


class ManualClock:
    """Stands still at *start* until `advance`; every bounded wait whose deadline is reached ends at once."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """The present moment of this clock."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._now += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = asyncio.Event()

    async def within(self, deadline: datetime | None, waiting: Awaitable[object]) -> bool:
        """Wait for *waiting*, but not beyond *deadline* on this clock."""
        task = asyncio.ensure_future(waiting)
        try:
            while deadline is None or self._now < deadline:
                moved = asyncio.ensure_future(self._moved.wait())
                try:
                    await asyncio.wait({task, moved}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    moved.cancel()
                if task.done():
                    task.result()
                    return True
            return False
        finally:
            task.cancel()
