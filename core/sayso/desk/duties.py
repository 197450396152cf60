"""What only one of several processes does at a time, such as a connection that a platform gives once.

The rule: no two clocks are compared. Whoever has a duty writes its record anew, and who waits for it sees by a clock of
its own that the record stays as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sayso import clock as clocks
from sayso import errors
from sayso.cards import tokens
from sayso.stores import Record, Store, record_kinds

log = logging.getLogger(__name__)

# Seconds between two signs of life; and without one for so long, somebody else takes over, within thirty in all.
BEAT, SILENCE = 5.0, 20.0

# Those of this process: a number of a process says nothing of two in one.
_here: set[str] = set()


class Duty:
    """One duty, as one process sees it."""

    def __init__(self, store: Store, clock: clocks.Clock, name: str) -> None:
        self._store = store
        self._clock = clock
        self._name = name
        self._process = tokens.new_ref()
        self._me = {"process": self._process, "machine": _machine(), "pid": os.getpid()}
        _here.add(self._process)

    async def take(self) -> bool:
        """Take it if nobody has it, or if a process of this machine had it that has ended; whether it is ours."""
        found = await self._find()
        if found is not None and not _has_ended(found.value):
            return found.value == self._me
        return await self._write(found)

    async def wait(self) -> None:
        """Return once it is ours. A store that is away is waited for."""
        seen, since = None, self._clock.now()
        while True:
            try:
                if await self.take():
                    return
                found = await self._find()
                if found is None or found.version != seen:
                    seen, since = found and found.version, self._clock.now()
                elif _is_over(since, self._clock.now()) and await self._write(found):
                    return
            except errors.StoreUnavailable as error:
                # nobody can have shown a sign of life meanwhile
                since = self._clock.now()
                log.warning("duty not looked at", extra={"duty": self._name, "error": error.message})
            await self._pause()

    async def keep(self) -> None:
        """Show signs of life, until somebody else has it."""
        while True:
            await self._pause()
            try:
                # what was stored without an answer is ours all the same
                found = await self._find()
                if found is None or found.value != self._me or not await self._write(found):
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
        await self._clock.within(self._clock.now() + timedelta(seconds=BEAT), asyncio.Event().wait())


def _is_over(since: datetime, now: datetime) -> bool:
    return now - since >= timedelta(seconds=SILENCE)


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
