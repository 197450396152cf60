"""Feeds `Ticked` to tickets that are due, so that time acts on them. One that cannot be stepped stops no other."""

from __future__ import annotations

import logging
from datetime import timedelta

from sayso import clock as clocks
from sayso import errors
from sayso.desk.desk import Desk
from sayso.stores import Store
from sayso.stores.occupied import Occupied
from sayso.stores.protocol import TIME

# Rows that are looked at together.
_AT_ONCE = 100
# Seconds until a row that cannot be stepped is tried again, and one that somebody else holds.
_PUT_OFF = 60.0
_SOON = 1.0

log = logging.getLogger(__name__)


async def expire_due(desk: Desk, store: Store, clock: clocks.Clock) -> None:
    """Expire what is due, for ever. Several processes may watch: the store lets one of them win."""
    changes = store.work(TIME)
    held = frozenset[str]()
    while True:
        wake = await store.next_due()
        if wake is not None and wake <= clock.now():
            before, held = held, await act(desk, store, clock)
            for ticket_id in held - before:
                log.warning("somebody else holds a request that is due", extra={"ticket": ticket_id})
            wake = clock.now() + timedelta(seconds=_SOON) if held else await store.next_due()
        await clock.within(wake, anext(changes))


async def act(desk: Desk, store: Store, clock: clocks.Clock) -> frozenset[str]:
    """Let time act on what is due, and on what is due after that; which of it somebody else holds."""
    held = set[str]()
    before = dict[str, int]()
    # what is held stands in front of the rest for as long as it is held
    while due := [one for one in await store.due(clock.now(), _AT_ONCE + len(held)) if one not in held]:
        after = dict[str, int]()
        for ticket_id in due:
            try:
                after[ticket_id] = await _act_on(desk, store, clock, ticket_id, before.get(ticket_id))
            except Occupied:
                held.add(ticket_id)
        before = after
    return frozenset(held)


async def _act_on(desk: Desk, store: Store, clock: clocks.Clock, id: str, before: int | None) -> int:
    """The version of a ticket after this; *before* if it was due a moment ago, too."""
    try:
        version = (await desk.let_time_act(id)).version
        if version != before:
            return version
        why = "it is due by its row, and not by its document"
    except Exception as error:
        if isinstance(error, errors.StoreUnavailable) and not isinstance(error, errors.Unreadable):
            raise
        version, why = 0, str(error)
    # it is tried again, and whoever waits for it ticks it, too
    log.error("a request cannot be expired now", extra={"ticket": id, "error": why})
    await store.postpone(id, clock.now() + timedelta(seconds=_PUT_OFF))
    return version
