"""How much one caller may ask: so many requests that wait at the same time, and so many new ones a minute.

People read what is asked; an agent that asks without end would bury what others ask. Asking again under the same id, to
find an answer, is never counted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from sayso import errors
from sayso.content import wording

# Callers whose pace is remembered; beyond that whoever asked the longest ago begins anew.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may ask; None is without a limit."""

    pending: int | None = None
    """Requests of one key that wait for a decision."""
    per_minute: int | None = None
    """New requests of one key in a minute; after a pause so many may come at once."""


@dataclass(slots=True)
class _Left:
    turns: float
    at: datetime


class Pace:
    """Counts the new requests of each caller, in this process."""

    def __init__(self) -> None:
        self._left: dict[str, _Left] = {}

    def take(self, owner: str, per_minute: int, at: datetime) -> None:
        """Count one. Raises `TooMany`; `retry_after` is when the next one may come."""
        before = self._left.pop(owner, None) or _Left(per_minute, at)
        turns = min(per_minute, before.turns + (at - before.at).total_seconds() * per_minute / 60)
        self._left[owner] = _Left(turns if turns < 1 else turns - 1, at)
        if len(self._left) > _REMEMBERED:
            del self._left[next(iter(self._left))]
        if turns < 1:
            raise errors.TooMany(
                f"this key has asked {wording.counted(per_minute, 'time')} within a minute",
                hint="ask less often; the operator can allow more: [service] asks_per_minute",
                retry_after=(1 - turns) * 60 / per_minute,
            )


@dataclass(slots=True)
class _Asking:
    callers: int = 0
    begun: int = 0
    ended: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Room:
    """Room for the requests of each caller, also for many that one asks at the same moment, in this process."""

    def __init__(self) -> None:
        self._asking: dict[str, _Asking] = {}

    @contextlib.asynccontextmanager
    async def one(self, owner: str, most: int, stored: Callable[[], Awaitable[int]]) -> AsyncGenerator[None]:
        """Store one more inside, where fewer than *most* wait; *stored* counts them. Raises `TooMany`."""
        here = self._asking.setdefault(owner, _Asking())
        here.callers += 1
        try:
            await _find_room(here, most, stored)
            here.begun += 1
            try:
                yield
            finally:
                here.ended += 1
                here.changed.set()
                here.changed = asyncio.Event()
        finally:
            here.callers -= 1
            if not here.callers:
                del self._asking[owner]


async def _find_room(here: _Asking, most: int, stored: Callable[[], Awaitable[int]]) -> None:
    while True:
        ended = here.ended
        waiting = await stored()
        check_pending(waiting, most)
        # those under way are perhaps stored already, and then counted twice
        if waiting + here.begun - ended < most:
            return
        if here.begun > here.ended:
            await here.changed.wait()


def check_pending(waiting: int, most: int) -> None:
    """Refuse one more where *waiting* already wait. Raises `TooMany`."""
    if waiting >= most:
        raise errors.TooMany(
            f"{wording.counted(waiting, 'request of this key waits', 'requests of this key wait')} for an answer",
            hint="wait for some or cancel them; the operator can allow more: [service] pending_per_key",
        )
