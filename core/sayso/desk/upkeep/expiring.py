"""Lets go of records that are over: drafts, sessions, what is remembered. No content is erased by it."""

from __future__ import annotations

import logging
from datetime import timedelta

from sayso import clock as clocks
from sayso import errors
from sayso.desk.upkeep import duties
from sayso.stores import Store

log = logging.getLogger(__name__)

# Records are kept a while beyond their end, for clocks that differ.
_GRACE = timedelta(days=1)
_EVERY = timedelta(hours=1)


async def expire(store: Store, clock: clocks.Clock) -> int:
    """Remove what is over by now, in small steps; how many there were."""
    over = 0
    while removed := await store.expire(clock.now() - _GRACE):
        over += removed
    return over


async def expire_on(store: Store, clock: clocks.Clock) -> None:
    """Remove what is over now and then, for ever: for a program that asks over a database, where no service runs.

    Several may do so at once, and beside a service, whose settings alone say what is erased.
    """
    while True:
        until = clock.now() + _EVERY
        try:
            await expire(store, clock)
        except errors.StoreUnavailable as error:
            log.warning("records that are over stay for now", extra={"error": error.message})
        await duties.rest(clock, until)
