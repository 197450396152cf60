"""How many copies of the service there are: they share what a platform allows one bot.

The rule: a wrong number does no harm. Who is told to wait by a platform waits, and who died is counted for a while.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta

from sayso import errors
from sayso.cards import tokens
from sayso.desk import duties
from sayso.desk.shell import Shell
from sayso.stores import Record
from sayso.stores.record_kinds import COPY

EVERY = 30.0
"""Seconds between two looks."""
# So long one is counted after its last sign of life; clocks of two machines differ by less.
_COUNTED = timedelta(seconds=4 * EVERY)


async def watch(shell: Shell) -> None:
    """Say that this copy is there, and count all, for ever."""
    me, version = tokens.new_ref(), 0
    try:
        while True:
            now = shell.clock.now()
            await shell.store.put(Record(COPY, me, {}, now + _COUNTED, version))
            version += 1
            found = await shell.store.scan(COPY)
            shell.copies = sum(one.expires_at is not None and one.expires_at > now for one in found)
            await duties.rest(shell.clock, now + timedelta(seconds=EVERY))
    finally:
        with contextlib.suppress(errors.StoreUnavailable):
            await shell.store.remove(COPY, me)
