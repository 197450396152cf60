"""Work that one process at a time does: whoever holds its lease. A process that died holds it for its time at most."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sayso import clock as clocks
from sayso import errors
from sayso.stores import Record, Store

KIND = "lease"


async def take(store: Store, work: str, holder: str, at: datetime, seconds: float) -> bool:
    """Take or keep the lease of some work from *at* on for so many seconds; whether *holder* has it now."""
    found = await store.get(KIND, work)
    free = found is None or found.expires_at is None or found.expires_at <= at
    if found is not None and not free and found.value.get("holder") != holder:
        return False
    ends, version = at + timedelta(seconds=seconds), found.version if found else 0
    try:
        await store.put(Record(KIND, work, {"holder": holder}, ends, version))
    except errors.Conflict:
        return False
    return True


async def rest(clock: clocks.Clock, until: datetime) -> None:
    """Do nothing until then."""
    await clock.within(until, asyncio.Event().wait())
