"""Puts on record that a use of an allow, or of its receipt, was refused: whoever looks later sees that somebody tried.

The rule: it changes nothing of the request, and an agent that tries for ever does not fill the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from datetime import timedelta

from sayso import errors
from sayso.clock import Clock
from sayso.machine import events
from sayso.stores import Record, Store

log = logging.getLogger(__name__)

Refusal = errors.AlreadyUsed | errors.NotUsable | errors.Altered
REFUSALS = (errors.AlreadyUsed, errors.NotUsable, errors.Altered)

_KIND = "userefused"
_COUNTED_FOR = timedelta(days=1)
MOST = 20
"""Rows of one request; what comes after them is refused as well."""


class Ledger:
    """Writes them down, one at a time of each request: of many at the same moment none finds that there is room."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def record(self, id: str, by: str, refused: Refusal, *, receipt: bool = False) -> None:
        """Write one down. What is not decided yet was only asked after too early, and leaves no row."""
        try:
            async with self._turns.setdefault(id, asyncio.Lock()):
                await self._append(id, by, refused, receipt)
        except errors.SaysoError as error:
            # it stays refused, and whoever tried is told that and nothing else
            log.warning("refused use not recorded", extra={"request": id, "error": error.message})

    async def _append(self, id: str, by: str, refused: Refusal, receipt: bool) -> None:
        if (await self._store.load(id)).decision is None or not await self._count(id):
            return
        at = self._clock.now()
        entry = events.UseRefused(at=at, by=by, code=refused.code, message=refused.message, receipt=receipt)
        await self._store.append(id, 0, entry)

    async def _count(self, id: str) -> bool:
        """Count one more, whichever copy of the service writes it down; false if there are enough."""
        while True:
            found = await self._store.get(_KIND, id)
            # the log knows how many there were, once the count is over
            before = found.value["count"] if found else await self._written(id)
            if before >= MOST:
                return False
            ends, version = self._clock.now() + _COUNTED_FOR, found.version if found else 0
            with contextlib.suppress(errors.Conflict):
                await self._store.put(Record(_KIND, id, {"count": before + 1}, ends, version))
                return True

    async def _written(self, id: str) -> int:
        return sum(isinstance(row.entry, events.UseRefused) for row in await self._store.log(id))
