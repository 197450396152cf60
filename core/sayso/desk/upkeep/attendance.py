"""Who waits, on record: when a process dies with those who waited in it, what they asked is withdrawn by another one.

For pauses that end with their caller. The rule: a caller that is still there has six seconds to say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from sayso import errors
from sayso.cards import tokens
from sayso.desk import setup as setups
from sayso.desk.shell import Shell
from sayso.stores import Record, Store, record_kinds
from sayso.stores.occupied import Occupied

log = logging.getLogger(__name__)

GRACE = 6.0
"""Seconds in which a cut caller may come back, and in which a process shows that it lives."""
LOOK = 0.5
"""Seconds between two looks at a connection: a web server tells a handler nothing when its client goes away."""
# Seconds between two signs of life, and only while somebody waits.
_BEAT = 2.0
_PROCESS = "process"
_REASON = "the agent no longer waits: it ended, or its connection did"


class Connected(Protocol):
    """A call that somebody waits for an answer to, of whatever web server."""

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """Its connection, if there still is one."""
        ...


def is_gone(call: Connected) -> bool:
    """Tell whether nobody would read an answer any more."""
    return call.transport is None or call.transport.is_closing()


async def hung_up(call: Connected) -> None:
    """Return once the caller has gone."""
    while not is_gone(call):  # noqa: ASYNC110 (web servers have no event for it)
        await asyncio.sleep(LOOK)


class Attendance:
    """The waits in one process."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.process = tokens.new_ref()
        """What the store knows this process by."""
        self._here: set[str] = set()
        self._beating: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def attending(self, id: str, owner: str | None = None) -> AsyncGenerator[None]:
        """Put on record that somebody waits for a request, until the block or this process ends."""
        waiter = await self.enter(id, owner)
        try:
            yield
        finally:
            await asyncio.shield(self.leave(waiter))

    async def enter(self, id: str, owner: str | None = None) -> str:
        """Begin to wait for a request; the name of this wait. With *owner* only a request of theirs ends with it.

        A caller that is about to ask names an id that may turn out to be somebody else's.
        """
        waiter = f"{id}/{tokens.new_ref()}"
        self._here.add(waiter)
        value = {"ticket": id, "process": self.process, "owner": owner}
        try:
            if self._beating is None or self._beating.done():
                # before the first sign of life: of two who enter at once only one begins
                self._beating = asyncio.create_task(self._beat_on())
                await self._beat()
            await self.shell.store.put(Record(record_kinds.WAITER, waiter, value))
        except BaseException:
            # nobody waits; if it is on record all the same, the watch finds that it is not here
            self._forget(waiter)
            raise
        return waiter

    async def release(self, id: str) -> None:
        """End all waits for a request as they should end: it stays open without them."""
        for record in await self.shell.store.scan(record_kinds.WAITER, f"{id}/"):
            await self.leave(record.name)

    async def leave(self, waiter: str) -> Record | None:
        """End a wait for which nobody comes back; its record, if it was on record until now."""
        self._forget(waiter)
        # if this fails, the watch finds that it is not here any more
        with contextlib.suppress(errors.StoreUnavailable):
            return await self.shell.store.remove(record_kinds.WAITER, waiter)
        return None

    def _forget(self, waiter: str) -> None:
        self._here.discard(waiter)
        if not self._here and self._beating:
            self._beating.cancel()
            self._beating = None

    async def farewell(self, waiter: str, id: str) -> None:
        """End a wait whose caller has gone: unless somebody waits for the request soon, it is withdrawn."""
        await _pause(self.shell, GRACE)
        # should the rest fail, the watch finds on record that somebody waits who is not here
        self._forget(waiter)
        with contextlib.suppress(errors.StoreUnavailable):
            left = await self.shell.store.get(record_kinds.WAITER, waiter)
            if left and not await self._others(id, waiter):
                # before the record goes: an answer that is lost leaves it to the watch
                await _withdraw(self.shell, _waiter(left.value))
            await self.shell.store.remove(record_kinds.WAITER, waiter)
            # of two that hang up at once the later one finds nobody
            if left and not await self.others(id):
                await _withdraw(self.shell, _waiter(left.value))

    async def others(self, id: str) -> bool:
        """Tell whether somebody waits for a request, in any process."""
        return await self._others(id)

    async def _others(self, id: str, but: str = "") -> bool:
        return any(one.name != but for one in await self.shell.store.scan(record_kinds.WAITER, f"{id}/"))

    def left(self, seen: _Seen) -> frozenset[str]:
        """Name the waits on record here that have ended: their record could not be removed, or will be in a moment."""
        mine = {name for name, waiter in seen.waiters.items() if waiter.process == self.process}
        return frozenset(mine - self._here)

    async def _beat(self) -> None:
        record = await self.shell.store.get(_PROCESS, self.process)
        with contextlib.suppress(errors.Conflict):
            await self.shell.store.put(Record(_PROCESS, self.process, version=record.version if record else 0))

    async def _beat_on(self) -> None:
        while True:
            await _pause(self.shell, _BEAT)
            with contextlib.suppress(errors.StoreUnavailable):
                await self._beat()


async def watch(attendance: Attendance) -> None:
    """Withdraw what only processes waited for that are gone, for ever."""
    while True:
        try:
            before = await _seen(attendance.shell.store)
            left = attendance.left(before)
            if await _written_meanwhile(attendance.shell, before):
                await _reap(attendance, before, left)
        except errors.StoreUnavailable as error:
            log.warning("who waits cannot be looked at now", extra={"error": error.message, "hint": error.hint})
            await _pause(attendance.shell, _BEAT)


@dataclass(frozen=True, slots=True)
class _Waiter:
    ticket: str
    process: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class _Seen:
    waiters: Mapping[str, _Waiter]
    beats: Mapping[str, int]


async def _seen(store: Store) -> _Seen:
    waiters = {record.name: _waiter(record.value) for record in await store.scan(record_kinds.WAITER)}
    return _Seen(waiters, {record.name: record.version for record in await store.scan(_PROCESS)})


def _waiter(value: Mapping[str, Any]) -> _Waiter:
    return _Waiter(value["ticket"], value["process"], value.get("owner"))


async def _written_meanwhile(shell: Shell, before: _Seen) -> bool:
    """Let the six seconds pass; whether a sign of life would have been written in them."""
    if not before.waiters:
        await _pause(shell, GRACE)
        return True
    trying = asyncio.create_task(_write_on(shell))
    try:
        await _pause(shell, GRACE)
        # a database that takes long, or is away, keeps those who live from saying so
        return not trying.done()
    finally:
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)


async def _write_on(shell: Shell) -> None:
    """Write now and then, until that takes as long as a sign of life may."""
    with contextlib.suppress(errors.StoreUnavailable, TimeoutError):
        while True:
            async with asyncio.timeout(_BEAT):
                await shell.store.check()
            await _pause(shell, _BEAT)


async def _reap(attendance: Attendance, before: _Seen, left: frozenset[str]) -> None:
    shell = attendance.shell
    now = await _seen(shell.store)
    # no clock of another machine is asked: a process lives that was seen to do something in the meantime
    silent = {name for name, beat in now.beats.items() if before.beats.get(name) == beat}
    silent |= {waiter.process for waiter in now.waiters.values()} - now.beats.keys()
    silent -= {attendance.process}
    dead = {name for name, waiter in now.waiters.items() if name in before.waiters and waiter.process in silent}
    dead |= left & now.waiters.keys()
    attended = {waiter.ticket for name, waiter in now.waiters.items() if name not in dead}
    for name in sorted(dead):
        # one that somebody else holds is withdrawn by a later look
        with contextlib.suppress(Occupied):
            if now.waiters[name].ticket not in attended:
                await _withdraw(shell, now.waiters[name])
            await shell.store.remove(record_kinds.WAITER, name)
    for process in silent & now.beats.keys():
        await shell.store.remove(_PROCESS, process)


async def _withdraw(shell: Shell, waiter: _Waiter) -> None:
    # it may never have been asked, or its id belongs to a request of somebody else
    with contextlib.suppress(errors.NotFound, errors.Unreadable):
        if waiter.owner is not None:
            await shell.get(waiter.ticket, setups.Caller(owner=waiter.owner))
        await shell.cancel(waiter.ticket, reason=_REASON)


async def _pause(shell: Shell, seconds: float) -> None:
    await shell.clock.within(shell.clock.now() + timedelta(seconds=seconds), asyncio.Event().wait())
