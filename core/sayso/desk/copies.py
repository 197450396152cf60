"""How many copies of the service there are: they share what a platform allows one bot.

The rule: a wrong number does no harm. Who is told to wait by a platform waits, and who died is counted for a while.
"""

from __future__ import annotations

import contextlib
import os
import socket
from datetime import datetime, timedelta

from sayso import errors
from sayso.cards import tokens
from sayso.desk import duties, processes
from sayso.desk.shell import Shell
from sayso.stores import Record
from sayso.stores.record_kinds import COPY

EVERY = 30.0
"""Seconds between two looks."""
# So long one is counted after its last sign of life; clocks of two machines differ by less.
_COUNTED = timedelta(seconds=4 * EVERY)


async def watch(shell: Shell) -> None:
    """Say that this copy is there, and count all, for ever."""
    me = processes.introduce()
    # a container that starts anew is the same copy
    name = tokens.id_from("copy", socket.gethostname(), str(os.getpid()))
    try:
        while True:
            now = shell.clock.now()
            before = await shell.store.get(COPY, name)
            with contextlib.suppress(errors.Conflict):
                await shell.store.put(Record(COPY, name, me, now + _COUNTED, before.version if before else 0))
            shell.copies = max(1, sum(_lives(one, now) for one in await shell.store.scan(COPY)))
            await duties.rest(shell.clock, now + timedelta(seconds=EVERY))
    finally:
        processes.leave(me)
        with contextlib.suppress(errors.StoreUnavailable):
            await shell.store.remove(COPY, name)


def _lives(one: Record, now: datetime) -> bool:
    return one.expires_at is not None and one.expires_at > now and not processes.has_ended(one.value)
