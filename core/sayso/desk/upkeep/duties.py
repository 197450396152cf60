"""What only one of several processes does at a time: a connection that a platform gives once, or work now and then.

The rule: no two clocks are compared. Whoever has a duty writes its record anew, and who waits for it sees by a clock of
its own that the record stays as it is. Whoever was frozen may take it for its own a moment longer: what it writes then
must be refused where it is written, by a version or a number.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sayso import clock as clocks
from sayso import errors
from sayso.desk.posting import leases
from sayso.desk.upkeep import processes
from sayso.stores import Record, Store, record_kinds

log = logging.getLogger(__name__)

# Seconds between two signs of life; and without one for so many beats somebody else takes over, within thirty seconds.
BEAT, SILENCE = 5.0, 20.0
_BEATS = SILENCE / BEAT


class Duty:
    """One duty, as one process sees it."""

    def __init__(self, store: Store, clock: clocks.Clock, name: str, beat: float = BEAT) -> None:
        self._store = store
        self._clock = clock
        self._name = name
        self._beat = timedelta(seconds=beat)
        self._me = processes.introduce()
        self._seen: int | None = None
        self._since = clock.now()
        self.lasts = _BEATS * self._beat
        """For how long nobody else takes it from whoever has just taken it."""

    async def take(self) -> bool:
        """Show a sign of life if it is ours, or take it; whether it is ours now.

        It is taken if nobody has it, if a process of this machine had it that has ended, or if whoever has it showed no
        sign of life between this look and those before.
        """
        found = await self._find()
        if found is None or found.value == self._me or processes.has_ended(found.value) or self._is_silent(found):
            return await self._write(found)
        return False

    async def wait(self) -> None:
        """Return once it is ours. A store that is away is waited for."""
        while True:
            try:
                if await self.take():
                    return
            except errors.StoreUnavailable as error:
                # nobody can have shown a sign of life meanwhile
                self._since = self._clock.now()
                log.warning("duty not looked at", extra={"duty": self._name, "error": error.message})
            await self._pause()

    async def keep(self) -> None:
        """Show signs of life, until somebody else has it."""
        while True:
            await self._pause()
            try:
                # what was stored without an answer is ours all the same
                if not await self.take():
                    log.warning("somebody else has this duty now", extra={"duty": self._name})
                    return
            except errors.StoreUnavailable as error:
                log.warning("no sign of life written", extra={"duty": self._name, "error": error.message})

    async def leave(self) -> None:
        """Give it back, so that nobody has to wait."""
        processes.leave(self._me)
        with contextlib.suppress(errors.StoreUnavailable):
            found = await self._find()
            if found is not None and found.value == self._me:
                await self._store.remove(record_kinds.DUTY, self._name)

    def _is_silent(self, found: Record) -> bool:
        now = self._clock.now()
        if found.version != self._seen:
            self._seen, self._since = found.version, now
        return now - self._since >= self.lasts

    async def _find(self) -> Record | None:
        return await self._store.get(record_kinds.DUTY, self._name)

    async def _write(self, found: Record | None) -> bool:
        try:
            await self._store.put(
                Record(record_kinds.DUTY, self._name, self._me, version=found.version if found else 0)
            )
        except errors.Conflict:
            return False
        return True

    async def _pause(self) -> None:
        await rest(self._clock, self._clock.now() + self._beat)


async def repeat(duty: Duty, clock: clocks.Clock, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Have some work done every so many seconds wherever the duty is ours, for ever; so often *duty* must beat, too.

    It sends nothing once somebody else may have the duty.
    """
    try:
        while True:
            began = clock.now()
            if await duty.take():
                await _work_until(work, clock, began + leases.TO_SEND * duty.lasts)
            await rest(clock, began + timedelta(seconds=seconds))
    finally:
        await duty.leave()


async def _work_until(work: Callable[[], Awaitable[object]], clock: clocks.Clock, ends: datetime) -> None:
    try:
        with leases.under(clock, lambda: ends):
            await work()
    except leases.LeaseOver as error:
        log.warning("somebody else may have this duty by now", extra={"error": error.message})


async def rest(clock: clocks.Clock, until: datetime) -> None:
    """Do nothing until then."""
    await clock.within(until, asyncio.Event().wait())
