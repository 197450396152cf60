"""What a lane receives leased is planned with what waits, and behind what waits longer; each job is begun once."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Sequence
from datetime import datetime

from sayso.desk.posting import lanes, leases
from sayso.stores import Job, memory
from sayso.testing import outboxes, tickets
from sayso.testing.clock import ManualClock
from tests.conftest import until
from tests.core.desk.test_lanes import settled


class Clock(ManualClock):
    """Lets others have their turn at each wait, as the machine's clock does."""

    async def within(self, deadline: datetime | None, waiting: Awaitable[object]) -> bool:
        await asyncio.sleep(0)
        return await super().within(deadline, waiting)


class Planner:
    """Plans jobs, all as one or each alone, and holds up what is performed."""

    def __init__(self, store: memory.MemoryStore, *, together: bool) -> None:
        self.store, self.together, self.clock = store, together, Clock(outboxes.NOW)
        self.lane = lanes.Lane("chat", store, self.clock, self.plan, self._passed_over)
        self.begun = collections.Counter[str]()
        self.gates = collections.defaultdict[str, asyncio.Event](asyncio.Event)

    async def plan(self, jobs: Sequence[Job]) -> tuple[Sequence[lanes.Work], bool]:
        parts = [jobs] if self.together else [[job] for job in jobs]
        return [lanes.Work(some, lambda some=some: self._perform(some)) for some in parts], self.together  # type: ignore[misc]

    async def _perform(self, jobs: Sequence[Job]) -> None:
        self.begun.update(job.ticket_id for job in jobs)
        await self.gates[jobs[0].ticket_id].wait()
        for job in jobs:
            await self.store.done(job)

    async def _passed_over(self, job: Job) -> None: ...

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        running = asyncio.create_task(self.lane.run())
        await settled()
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Standstill(memory.MemoryStore):
    """A store of a process that stood still: no lease is kept."""

    async def renew(self, job: Job, until: datetime) -> bool:
        return True


def names(count: int, prefix: str = "r") -> list[str]:
    return [f"{prefix}{n:02}" for n in range(count)]


async def test_the_leases_of_what_joined_are_kept_as_those_of_what_was_received() -> None:
    planner = Planner(memory.MemoryStore(), together=True)
    many = names(lanes.AT_ONCE + 5)
    async with planner.at_work():
        await tickets.ask(planner.store, *many)
        await until(lambda: len(planner.begun) == len(many))
        for _ in range(3 * round(leases.LEASE)):
            planner.clock.advance(1)
            await settled()
            assert await planner.store.take(["chat"], planner.clock.now(), leases.LEASE) == []
        assert set(planner.begun.values()) == {1}


async def test_what_was_received_and_finds_no_room_begins_as_soon_as_anything_ends() -> None:
    planner = Planner(memory.MemoryStore(), together=False)
    await tickets.ask(planner.store, "late1", "late2")
    both = await planner.store.take(["chat"], planner.clock.now(), leases.LEASE)
    async with planner.at_work():
        early = names(lanes.AT_ONCE - 1)
        await tickets.ask(planner.store, *early)
        await until(lambda: len(planner.begun) == len(early))
        # leased when there was room for both
        for job in both:
            planner.lane.receive(job)
        await until(lambda: len(planner.begun) == lanes.AT_ONCE)
        planner.gates[early[0]].set()
        await until(lambda: len(planner.begun) == lanes.AT_ONCE + 1)
        assert set(planner.begun.values()) == {1}


async def test_what_is_under_way_joins_nothing_that_is_received_after_a_standstill() -> None:
    planner = Planner(Standstill(), together=True)
    async with planner.at_work():
        await tickets.ask(planner.store, "first")
        await until(lambda: planner.begun["first"] == 1)
        planner.clock.advance(leases.LEASE + 1)
        many = names(lanes.AT_ONCE + 5)
        await tickets.ask(planner.store, *many)
        await until(lambda: set(many) <= set(planner.begun))
        assert planner.begun["first"] == 1


async def test_nothing_is_leased_as_it_is_written_while_others_are_due() -> None:
    planner = Planner(memory.MemoryStore(), together=True)
    await tickets.ask(planner.store, *names(3 * lanes.GATHERED))
    leased_before_others = 0
    async with planner.at_work():
        for _ in range(100):
            due = await planner.store.next_job(["chat"])
            if due is not None and due <= planner.clock.now():
                leased_before_others += planner.store._takers.lease("chat") is not None
            await asyncio.sleep(0)
        assert len(planner.begun) == 3 * lanes.GATHERED
    assert leased_before_others == 0
