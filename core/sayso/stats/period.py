"""Reads the decided requests of a period, page by page, so that neither memory nor anybody else waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from sayso import aside, errors
from sayso.clock import Clock
from sayso.stats.figures import Figures
from sayso.stats.tally import Tally
from sayso.stores import Query, Store

MOST_READ = 100_000
"""Requests in one reading; of a longer period the newest are counted, and the figures say so."""
MOST_DAYS = 366
"""In one period."""
_PAGE = 200
_KEPT = timedelta(minutes=1)
_MOST_KEPT = 4
# Bytes of stored requests in the memory at once.
_PAGE_BYTES = 8 * 1024 * 1024


async def read(store: Store, since: datetime, until: datetime) -> Figures:
    """The figures of the requests that were made from *since* until *until* and are decided."""
    tally, left = Tally(), MOST_READ
    query = Query(state="decided", limit=_PAGE, before=(until, ""), most_bytes=_PAGE_BYTES)
    while left > 0 and (page := await store.list(query)):
        some = [ticket for ticket in page if ticket.created_at >= since]
        await aside.run(tally.add_all, some[:left])
        if len(some) < len(page):
            break
        left -= len(some)
        query = replace(query, before=(page[-1].created_at, page[-1].id))
    return tally.figures(since, until, whole=left > 0)


class Numbers:
    """The figures of the last days, for many readers: they are counted again after a minute at the earliest."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()
        self._counted: dict[float, Figures] = {}
        self._counting: dict[float, asyncio.Future[Figures]] = {}

    async def soon(self, days: float, within: float) -> Figures | None:
        """The same as `of_last`; None if they are not counted in so many seconds. They are for whoever asks again."""
        counting = self._counting.get(days)
        if counting is None:
            counting = self._counting[days] = asyncio.ensure_future(self.of_last(days))
            counting.add_done_callback(lambda done: self._forget(days, done))
        await asyncio.wait({counting}, timeout=within)
        return counting.result() if counting.done() else None

    def _forget(self, days: float, done: asyncio.Future[Figures]) -> None:
        del self._counting[days]
        if not done.cancelled():
            done.exception()  # nobody may be there any more whom it could be told

    async def of_last(self, days: float) -> Figures:
        """The figures of the last *days*. Raises `InvalidRequest` if these are none, or more than `MOST_DAYS`."""
        if not 0 < days <= MOST_DAYS:
            hint = f"a number of days, at most {MOST_DAYS}"
            raise errors.InvalidRequest("this is not a period of the past", field="days", hint=hint)
        async with self._turn:
            now = self._clock.now()
            kept = self._counted.pop(days, None)
            if kept is None or now - kept.until > _KEPT:
                kept = await read(self._store, now - timedelta(days=days), now)
            # the oldest of a few goes: who names another period each time must not fill the memory
            self._counted = dict([*self._counted.items()][-_MOST_KEPT + 1 :]) | {days: kept}
        return kept
