"""Puts on record that a use of an allow, or of its receipt, was refused: whoever looks later sees that somebody tried.

The rule: it changes nothing of the request, and an agent that tries for ever does not fill the log.
"""

from __future__ import annotations

import logging

from sayso import errors
from sayso.clock import Clock
from sayso.machine import events
from sayso.stores import Store

log = logging.getLogger(__name__)

Refusal = errors.AlreadyUsed | errors.NotUsable | errors.Altered
REFUSALS = (errors.AlreadyUsed, errors.NotUsable, errors.Altered)

MOST = 20
"""Rows of one request; what comes after them is refused as well."""


async def record(store: Store, clock: Clock, id: str, by: str, refused: Refusal, *, receipt: bool = False) -> None:
    """Write it down. What is not decided yet was only asked after too early, and leaves no row."""
    try:
        if (await store.load(id)).decision is None:
            return
        rows = await store.log(id)
        if sum(isinstance(row.entry, events.UseRefused) for row in rows) >= MOST:
            return
        entry = events.UseRefused(at=clock.now(), by=by, code=refused.code, message=refused.message, receipt=receipt)
        await store.append(id, 0, entry)
    except errors.SaysoError as error:
        # it stays refused, and whoever tried is told that and nothing else
        log.warning("refused use not recorded", extra={"request": id, "error": error.message})
