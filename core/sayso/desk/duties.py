"""What only one of several processes does at a time: a connection that a platform gives once, or work now and then.

The rule: no two clocks are compared. Whoever has a duty writes its record anew, and who waits for it sees by a clock of
its own that the record stays as it is. Whoever was frozen may take it for its own a moment longer: what it writes then
must be refused where it is written, by a version or a number.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sayso import clock as clocks
from sayso import errors
from sayso.cards import tokens
from sayso.stores import Record, Store, record_kinds

log = logging.getLogger(__name__)

# Seconds between two signs of life; and without one for so many beats somebody else takes over, within thirty seconds.
BEAT, SILENCE = 5.0, 20.0
_BEATS = SILENCE / BEAT

# Those of this process: a number of a process says nothing of two in one.
_here: set[str] = set()


class Duty:
    """One duty, as one process sees it."""

    def __init__(self, store: Store, clock: clocks.Clock, name: str, beat: float = BEAT) -> None:
        self._store = store
        self._clock = clock
        self._name = name
        self._beat = timedelta(seconds=beat)
        self._process = tokens.new_ref()
        self._me = {"process": self._process, "machine": _machine(), "pid": os.getpid()}
        self._seen: int | None = None
        self._since = clock.now()
        _here.add(self._process)

    async def take(self) -> bool:
        """Show a sign of life if it is ours, or take it; whether it is ours now.

        It is taken if nobody has it, if a process of this machine had it that has ended, or if whoever has it showed no
        sign of life between this look and those before.
        """
        found = await self._find()
        if found is None or found.value == self._me or _has_ended(found.value) or self._is_silent(found):
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
        _here.discard(self._process)
        with contextlib.suppress(errors.StoreUnavailable):
            found = await self._find()
            if found is not None and found.value == self._me:
                await self._store.remove(record_kinds.DUTY, self._name)

    def _is_silent(self, found: Record) -> bool:
        now = self._clock.now()
        if found.version != self._seen:
            self._seen, self._since = found.version, now
        return now - self._since >= _BEATS * self._beat

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
    """Have some work done every so many seconds wherever the duty is ours, for ever; so often *duty* must beat, too."""
    try:
        while True:
            until = clock.now() + timedelta(seconds=seconds)
            if await duty.take():
                await work()
            await rest(clock, until)
    finally:
        await duty.leave()


async def rest(clock: clocks.Clock, until: datetime) -> None:
    """Do nothing until then."""
    await clock.within(until, asyncio.Event().wait())


def _has_ended(holder: Mapping[str, Any]) -> bool:
    """Whether a process of this machine is gone: nobody waits for one that was killed a moment ago."""
    if holder.get("machine") != _machine() or holder["process"] in _here:
        return False
    if holder["pid"] == os.getpid():
        return True  # one that was here before this one
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> str:
    """Where a number of a process means the same one: in containers each has processes of its own."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {sys.platform}"
