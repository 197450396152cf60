"""Taking effects from the outbox: each channel has its own lane, and leases are kept while it works."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

from sayso import clock as clocks
from sayso import endings, errors
from sayso.desk.posting import leases
from sayso.stores import Job, Store

log = logging.getLogger(__name__)

# Seconds without an end of anything that is under way, after which it is said who waits behind it.
STUCK_AFTER = 2.0
# Effects of one channel that are performed at the same time.
AT_ONCE = 20
# Turns of the event loop: whoever waits for the commit that brought an effect has its answer before it is performed.
_TURNS = 3
# Further ones that are looked through for what belongs to them.
GATHERED = 100


class Work:
    """Jobs that are performed as one, and how; most are performed alone."""

    def __init__(self, jobs: Sequence[Job], act: Callable[[], Awaitable[None]]) -> None:
        self.jobs = jobs
        self.held = leases.Held(jobs)
        self._act = act

    async def perform(self, clock: clocks.Clock) -> None:
        """Perform them, under their leases."""
        with leases.under(clock, self.held.sends_until, alone=True):
            await self._act()


Plan = Callable[[Sequence[Job]], Awaitable[tuple[Sequence[Work], bool]]]
"""Says how the jobs are performed that were taken together, and whether those that follow may belong to them."""


async def take(
    store: Store, clock: clocks.Clock, names: Sequence[str], most: int, plan: Plan, received: Sequence[Job] = ()
) -> Sequence[Work]:
    """Take up to *most* jobs that are due, unless some were *received*, and plan them.

    If some belong together, more of these are looked for.
    """
    taken = [*received]
    try:
        if received:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        else:
            await _taken(store, clock, names, most, taken)
        works, more = await plan(taken)
        if more and len(taken) >= most:
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
    """Performs the effects of one channel; what is slow holds up nothing but itself.

    What this process writes comes leased (it is the `Taker` of its channel); for the rest the lane looks.
    """

    def __init__(
        self, name: str, store: Store, clock: clocks.Clock, plan: Plan, passed_over: Callable[[Job], Awaitable[None]]
    ) -> None:
        self._name = name
        self._passed_over = passed_over
        self._store = store
        self._clock = clock
        self._plan = plan
        self._busy: dict[asyncio.Task[None], leases.Held] = {}
        self._received: list[Job] = []
        self._coming = 0
        """Jobs that were received and are not begun yet."""
        self._lendable = 0
        """How many may be leased as they are written: none while others are due, which came before them."""
        self._news = asyncio.Event()
        """There may be more to do, or something has ended."""

    async def run(self) -> None:
        """Run until an error ends it or it is stopped; what is under way then is handed back."""
        async with leases.keep(self._store, self._clock, lambda: [*self._busy.values()]):
            try:
                async with self._store.taking(self._name, self):
                    await self._look_and_wait()
            finally:
                await stop(self._busy)

    def lease(self) -> datetime | None:
        """See `Taker.lease`."""
        if self._lendable <= 0:
            return None
        self._lendable -= 1
        return self._clock.now() + timedelta(seconds=leases.LEASE)

    def receive(self, job: Job) -> None:
        """See `Taker.receive`. What comes at the same moment is planned together."""
        if not self._received:
            asyncio.get_running_loop().call_soon(self._begin_received)
        self._received.append(job)
        self._coming += 1

    def _begin_received(self) -> None:
        jobs, self._received = self._received, []
        self._begin(leases.Held(jobs), self._perform_received(jobs))

    async def _perform_received(self, jobs: Sequence[Job]) -> None:
        # there may be less room than when they were leased; the place of this task is theirs
        most = max(0, self._room + len(jobs) + 1)
        works = await take(self._store, self._clock, [self._name], most, self._plan_others, jobs)
        self._coming -= len(jobs)
        if len(works) == 1 and (task := asyncio.current_task()):
            # others may have joined them, and what found no room is anybody's
            self._busy[task] = works[0].held
            await works[0].perform(self._clock)
            return
        for work in works:
            self._begin(work.held, work.perform(self._clock))

    def _begin(self, held: leases.Held, performing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(performing)
        self._busy[task] = held
        task.add_done_callback(lambda _: self._news.set())

    async def _look_and_wait(self) -> None:
        listening = asyncio.create_task(self._listen())
        try:
            while not listening.done():
                wake = await self._store.next_job([self._name])
                # to look costs little; to take is a transaction, also where there is nothing
                if wake is not None and wake <= self._clock.now() and (most := self._room) > 0:
                    self._lendable = 0
                    for work in await take(self._store, self._clock, [self._name], most, self._plan_others):
                        self._begin(work.held, work.perform(self._clock))
                    wake = await self._store.next_job([self._name])
                self._lendable = self._room if wake is None or wake > self._clock.now() else 0
                await self._wait_for_news(wake)
            # it ends with the store only
            listening.result()
        finally:
            await stop([listening])

    async def _listen(self) -> None:
        try:
            async for _ in self._store.work(self._name):
                self._news.set()
        finally:
            self._news.set()

    async def _plan_others(self, jobs: Sequence[Job]) -> tuple[Sequence[Work], bool]:
        """Plan what is not under way here. A lane that stood still takes what it performs, once its lease is over."""
        mine = {job.key: job for job in self._jobs()}
        others = [one for one in jobs if mine.get(one.key, one) is one]
        for job in [one for one in jobs if mine.get(one.key, one) is not one]:
            await self._store.put_off(job, self._clock.now() + timedelta(seconds=leases.RENEW_EVERY))
        return await self._plan(others) if others else ((), False)

    @property
    def _room(self) -> int:
        return AT_ONCE - len(self._busy) - self._coming

    def _jobs(self) -> Sequence[Job]:
        return [*self._received, *(job for held in self._busy.values() for job in held.jobs)]

    async def _wait_for_news(self, wake: datetime | None) -> None:
        """Return once there may be more to do, and room to do it. Raises what ended a job."""
        is_full = self._room <= 0
        by = self._clock.now() + timedelta(seconds=STUCK_AFTER) if is_full else wake
        came = await self._clock.within(by, self._news.wait())
        self._news.clear()
        for one in [task for task in self._busy if task.done()]:
            self._busy.pop(one)
            one.result()
        if is_full and not came:
            await self._look_at_others()

    async def _look_at_others(self) -> None:
        """While nothing that is under way ends: say which others wait behind it, and hand them back."""
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


async def _taken(store: Store, clock: clocks.Clock, names: Sequence[str], most: int, into: list[Job]) -> None:
    """Take jobs; also those that the store had leased already if this is cut short."""
    taking = asyncio.ensure_future(store.take(names, clock.now(), leases.LEASE, most))
    try:
        into += await asyncio.shield(taking)
    except asyncio.CancelledError:
        with contextlib.suppress(errors.StoreUnavailable):
            into += await taking
        raise


async def stop(tasks: Collection[asyncio.Task[None]]) -> None:
    """Stop them, and return once they have stopped. They are stopped once: what they hand back is handed back."""
    for task in tasks:
        task.cancel()
    await endings.see_through(tasks)
