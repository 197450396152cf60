"""Feeds `Ticked` to tickets that are due, so that time acts on them."""

from __future__ import annotations

import logging
from datetime import timedelta

from sayso import clock as clocks
from sayso import errors
from sayso.desk.desk import Desk
from sayso.stores import Store
from sayso.stores.protocol import TIME

# Seconds until a row that cannot be stepped is tried again.
_PUT_OFF = 60.0

log = logging.getLogger(__name__)


async def expire_due(desk: Desk, store: Store, clock: clocks.Clock) -> None:
    """Expire what is due, for ever. Several processes may watch: the store lets one of them win."""
    changes = store.work(TIME)
    while True:
        wake = await store.next_due()
        is_due = wake is not None and wake <= clock.now()
        for ticket_id in await store.due(clock.now()) if is_due else ():
            try:
                await desk.let_time_act(ticket_id)
            except Exception as error:
                if isinstance(error, errors.StoreUnavailable) and not isinstance(error, errors.Unreadable):
                    raise
                # one bad row must not stop the others; it is tried again, and whoever waits for it ticks it, too
                log.error("a request cannot be expired now", extra={"ticket": ticket_id, "error": str(error)})
                await store.postpone(ticket_id, clock.now() + timedelta(seconds=_PUT_OFF))
        wake = await store.next_due() if is_due else wake
        await clock.within(wake, anext(changes))
