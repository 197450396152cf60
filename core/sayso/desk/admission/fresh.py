"""What somebody outside said a moment ago: asked once by many, kept for a minute, and never longer.

The rule: only an answer is kept. A question that failed is asked again by the next who needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sayso.clock import Clock

T = TypeVar("T")

FOR = timedelta(seconds=60)
"""Long enough for a burst of presses, short enough for somebody who has just lost their place."""
_MOST_KEPT = 10_000


class Fresh(Generic[T]):
    """Answers by the key of their question."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, T]] = {}
        self._asking: dict[str, asyncio.Task[T]] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer. Whoever stops waiting leaves the question to those who come after. Raises as *ask*."""
        now = self._clock.now()
        at, kept = self._kept.get(key, (None, None))
        if at is not None and now - FOR < at <= now:
            return kept  # type: ignore[return-value]  # a time comes with its answer
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(key, ask, now))
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._settle(key, done))
        return await asyncio.shield(asking)

    async def close(self) -> None:
        """End the questions that nobody answered."""
        asking = list(self._asking.values())
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, key: str, ask: Callable[[], Awaitable[T]], at: datetime) -> T:
        found = await ask()
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        # as old as its question: what changed while it was answered is not in it for sure
        self._kept[key] = (at, found)
        return found

    def _settle(self, key: str, done: asyncio.Task[T]) -> None:
        self._asking.pop(key, None)
        # whoever still waits hears of it; without this asyncio would warn where nobody does
        if not done.cancelled():
            done.exception()
