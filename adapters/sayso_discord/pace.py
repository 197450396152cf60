"""Keeps to Discord's limits, and never waits longer than they demand.

The rule: no call waits here for long, because other deliveries wait behind it; the courier is told when to come again.
The library has an option for that, but with it every call of a long window is refused, whatever is left in the window.
Without it the library holds the response of the last call of a window back until the window ends.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import discord
from discord import http

# Seconds for one call, and for all calls of one effect. The courier renews its lease meanwhile.
CALL_WITHIN = 10.0
EFFECT_WITHIN = 25.0
# A limit that lasts longer than this is for the courier to wait for.
LONGEST_WAIT = 3.0
# If Discord names no time. The library forgets its own if a call is given up during a limit for the whole bot.
UNKNOWN_WAIT = 30.0
_OVER_AFTER = 1.0
_SOON = 1.0


class Limit(http.Ratelimit):
    """One bucket of the library's."""

    __slots__ = ("_ending",)

    def __init__(self) -> None:
        super().__init__(None)
        self._ending: asyncio.Task[None] | None = None

    async def acquire(self) -> None:
        """Wait for a turn. Raises `RateLimited` if that would take long."""
        if self.is_expired():
            self.reset()  # type: ignore[no-untyped-call]
        left = self.expires - asyncio.get_running_loop().time() if self.expires is not None else 0.0
        if self.remaining <= 0 and left > 0:
            # this many windows pass before it is the call's turn
            ahead = sum(not turn.done() for turn in self._pending_requests)
            wait = left * (1 + ahead // max(1, self.limit))
            if wait > LONGEST_WAIT or ahead >= self.limit:
                raise discord.RateLimited(wait)
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await super().acquire()
        except TimeoutError:
            # others came first when the window began anew: nothing was sent
            raise discord.RateLimited(_SOON) from None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a response that has come is handed over at once; the rest of the window passes beside it
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        await super().__aexit__(BaseException, BaseException(), None)  # type: ignore[arg-type]


def keep(client: discord.Client) -> None:
    """Make a client keep its limits this way."""
    library = client.http
    buckets = library._buckets  # pyright: ignore[reportPrivateUsage]

    def limit(key: str) -> http.Ratelimit:
        if key not in buckets:
            library._try_clear_expired_ratelimits()  # pyright: ignore[reportPrivateUsage]
        return buckets.setdefault(key, Limit())

    library.get_ratelimit = limit  # type: ignore[method-assign]


def let_go(client: discord.Client) -> None:
    """Tidy up after a call was given up: only the call itself would end the library's limit for the whole bot."""
    # it is not there before a login
    over: Any = getattr(client.http, "_global_over", None)
    if isinstance(over, asyncio.Event) and not over.is_set():
        asyncio.get_running_loop().call_later(_OVER_AFTER, over.set)
