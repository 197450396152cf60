"""Taking effects from the outbox: each channel has its own lane, and a job's lease is renewed while it is performed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sayso import clock as clocks
from sayso import errors
from sayso.stores import Job, Store

log = logging.getLogger(__name__)

# Seconds. A job whose worker died is taken again after this. However long a job takes, nobody else has it meanwhile:
# its lease is renewed. One renewal may fail, and both may wait for the database as long as a store waits.
LEASE = 30.0
RENEW_EVERY = LEASE / 6
# Seconds without an end of anything that is under way, after which it is said who waits behind it.
STUCK_AFTER = 2.0
# Effects of one channel that are performed at the same time.
AT_ONCE = 20
# Further ones that are looked through for what belongs to them.
GATHERED = 100


@dataclass(frozen=True, slots=True)
class Work:
    """Jobs that are performed as one, and how; most are performed alone."""

    jobs: Sequence[Job]
    perform: Callable[[], Awaitable[None]]


Plan = Callable[[Sequence[Job]], Awaitable[tuple[Sequence[Work], bool]]]
"""Says how the jobs are performed that were taken together, and whether those that follow may belong to them."""


async def take(store: Store, clock: clocks.Clock, names: Sequence[str], most: int, plan: Plan) -> Sequence[Work]:
    """Take up to *most* jobs that are due, and plan them. If some belong together, more of these are looked for."""
    taken: list[Job] = []
    try:
        await _taken(store, clock, names, most, taken)
        works, more = await plan(taken)
        if more and len(taken) == most:
            await _taken(store, clock, names, GATHERED, taken)
            works, _ = await plan(taken)
        together = [work for work in works if len(work.jobs) > 1]
        alone = [work for work in works if len(work.jobs) == 1]
        for work in alone[most:]:
            # what was only looked at is for the next one who takes
            await store.put_off(work.jobs[0], clock.now())
        return [*together, *alone[:most]]
    except asyncio.CancelledError:
        # nobody would perform them until the lease ends
        with contextlib.suppress(errors.StoreUnavailable):
            for job in taken:
                await store.put_off(job, clock.now())
        raise


class Lane:
    """Takes the effects of one channel and has them performed; what is slow holds up nothing but itself."""

    def __init__(
        self, name: str, store: Store, clock: clocks.Clock, plan: Plan, passed_over: Callable[[Job], Awaitable[None]]
    ) -> None:
        self._name = name
        self._passed_over = passed_over
        self._store = store
        self._clock = clock
        self._plan = plan
        self._busy: dict[asyncio.Task[None], Work] = {}

    async def run(self) -> None:
        """Run until an error ends it or it is stopped; what is under way then is handed back."""
        changes = self._store.work(self._name)
        async with keep_leases(self._store, self._clock, self._jobs):
            try:
                while True:
                    wake = await self._store.next_job([self._name])
                    # to look costs little; to take is a transaction, also where there is nothing
                    if wake is not None and wake <= self._clock.now() and len(self._busy) < AT_ONCE:
                        for work in await take(
                            self._store, self._clock, [self._name], AT_ONCE - len(self._busy), self._plan
                        ):
                            self._busy[asyncio.create_task(self._begin(work))] = work
                        wake = await self._store.next_job([self._name])
                    await self._wait_for_work(changes, wake)
            finally:
                await stop(self._busy)

    async def _begin(self, work: Work) -> None:
        await work.perform()

    def _jobs(self) -> Sequence[Job]:
        return [job for work in self._busy.values() for job in work.jobs]

    async def _wait_for_work(self, changes: AsyncIterator[None], wake: datetime | None) -> None:
        """Return once there may be more to do, and room to do it. Raises what ended a job."""
        if len(self._busy) < AT_ONCE:
            news = asyncio.create_task(self._wait_for_news(changes, wake))
        else:
            news = asyncio.create_task(self._look_at_others())
        try:
            done, _ = await asyncio.wait({news, *self._busy}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        for one in done:
            self._busy.pop(one, None)
            one.result()

    async def _look_at_others(self) -> None:
        """While nothing that is under way ends: say which others wait behind it, and hand them back."""
        await self._clock.within(self._clock.now() + timedelta(seconds=STUCK_AFTER), asyncio.Event().wait())
        seen: set[str] = set()
        taken: list[Job] = []
        while not seen.intersection(job.key for job in taken):
            seen |= {job.key for job in taken}
            taken = []
            try:
                await _taken(self._store, self._clock, [self._name], GATHERED, taken)
                for job in taken:
                    await self._passed_over(job)
            finally:
                for job in taken:
                    await self._store.put_off(job, self._clock.now())
            if len(taken) < GATHERED:
                return

    async def _wait_for_news(self, changes: AsyncIterator[None], wake: datetime | None) -> None:
        await self._clock.within(wake, anext(changes))


async def _taken(store: Store, clock: clocks.Clock, names: Sequence[str], most: int, into: list[Job]) -> None:
    """Take jobs; also those that the store had leased already if this is cut short."""
    taking = asyncio.ensure_future(store.take(names, clock.now(), LEASE, most))
    try:
        into += await asyncio.shield(taking)
    except asyncio.CancelledError:
        with contextlib.suppress(errors.StoreUnavailable):
            into += await taking
        raise


@contextlib.asynccontextmanager
async def keep_leases(store: Store, clock: clocks.Clock, jobs: Callable[[], Sequence[Job]]) -> AsyncGenerator[None]:
    """Keep the leases of what *jobs* names at each moment, until the block ends."""
    renewing = asyncio.create_task(_renew(store, clock, jobs))
    try:
        yield
    finally:
        await stop([renewing])


async def stop(tasks: Collection[asyncio.Task[None]]) -> None:
    """Stop them, and return once they have stopped."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _renew(store: Store, clock: clocks.Clock, jobs: Callable[[], Sequence[Job]]) -> None:
    while True:
        await clock.within(clock.now() + timedelta(seconds=RENEW_EVERY), asyncio.Event().wait())
        # all at once: a database that is slow to answer is waited for once, not for each job
        await asyncio.gather(*(_renew_one(store, job, clock.now() + timedelta(seconds=LEASE)) for job in jobs()))


async def _renew_one(store: Store, job: Job, until: datetime) -> None:
    try:
        await store.renew(job, until)
    except errors.StoreUnavailable as error:
        log.warning("lease not renewed", extra={"ticket": job.ticket_id, "error": error.message})
