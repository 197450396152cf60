"""An alarm that is set for every part of a request, and hardly ever rings: one timer stands for many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once, unless it is set anew or stopped before. To be made while the event loop runs."""

    __slots__ = ("_at", "_loop", "_then", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._at = 0.0
        self._then: Callable[[], object] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float, then: Callable[[], object]) -> None:
        """Call *then* after so many seconds, in place of what was to be called."""
        self._at, self._then = self._loop.time() + seconds, then
        # one that rings too early sets itself anew, which is cheaper than to do so each time
        if self._timer is None or self._timer.when() > self._at:
            self._start()

    def stop(self) -> None:
        """Call nothing."""
        self._then = None

    def end(self) -> None:
        """Call nothing any more."""
        self._then = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._then is None:
            return
        if self._loop.time() < self._at:
            self._start()
            return
        then, self._then = self._then, None
        then()
