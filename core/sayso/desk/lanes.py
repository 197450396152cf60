"""Taking effects from the outbox: each channel has its own lane, and a job's lease is renewed while it is performed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import timedelta

from sayso import clock, errors
from sayso.stores import Job, Store

log = logging.getLogger(__name__)

# Seconds. A job whose worker died is taken again after this. However long a job takes, nobody else has it meanwhile:
# its lease is renewed, and one renewal may fail without harm.
LEASE = 30.0
RENEW_EVERY = 10.0
# Effects of one channel that are performed at the same time.
AT_ONCE = 20

Perform = Callable[[Job], Awaitable[None]]


class Lane:
    """Takes the effects of one channel and has them performed, for ever; what is slow holds up nothing but itself."""

    def __init__(self, name: str, store: Store, now: clock.Clock, perform: Perform) -> None:
        self._name = name
        self._store = store
        self._clock = now
        self._perform = perform
        self._busy: dict[asyncio.Task[None], Job] = {}

    async def run(self) -> None:
        """Go on until an error ends it or it is stopped; what is under way then is handed back."""
        changes = self._store.changes()
        async with renewed(self._store, self._clock, self._busy.values()):
            try:
                while True:
                    for job in await self._taken(AT_ONCE - len(self._busy)):
                        self._busy[asyncio.create_task(self._begin(job))] = job
                    await self._some_done(changes)
            finally:
                await end(self._busy)

    async def _begin(self, job: Job) -> None:
        await self._perform(job)

    async def _taken(self, most: int) -> Sequence[Job]:
        taking = asyncio.ensure_future(self._store.take([self._name], self._clock.now(), LEASE, most))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            # the store may have leased them already, and nobody would perform them until the lease ends
            with contextlib.suppress(errors.StoreUnavailable):
                for job in await taking:
                    await self._store.put_off(job, self._clock.now())
            raise

    async def _some_done(self, changes: AsyncIterator[None]) -> None:
        """Return once there may be more to do, and room to do it."""
        news = asyncio.create_task(self._news(changes))
        try:
            waited = {news, *self._busy} if len(self._busy) < AT_ONCE else set(self._busy)
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        for one in done:
            self._busy.pop(one, None)
            one.result()

    async def _news(self, changes: AsyncIterator[None]) -> None:
        await self._clock.within(await self._store.next_job([self._name]), anext(changes))


@contextlib.asynccontextmanager
async def renewed(store: Store, now: clock.Clock, jobs: Collection[Job]) -> AsyncGenerator[None]:
    """Keep the leases of *jobs*, as they are at each moment, until the block ends."""
    renewing = asyncio.create_task(_renew(store, now, jobs))
    try:
        yield
    finally:
        await end([renewing])


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Stop them, and return once they have stopped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _renew(store: Store, now: clock.Clock, jobs: Collection[Job]) -> None:
    while True:
        await now.within(now.now() + timedelta(seconds=RENEW_EVERY), asyncio.Event().wait())
        for job in list(jobs):
            try:
                await store.renew(job, now.now() + timedelta(seconds=LEASE))
            except errors.StoreUnavailable as error:
                log.warning("lease not renewed", extra={"ticket": job.ticket_id, "error": error.message})
