"""Each copy of the service knows how many there are, so that together they keep to what a platform allows."""

import asyncio
from datetime import timedelta

from sayso.desk import Desk, copies
from sayso.stores import Record, memory, record_kinds
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT
from tests.conftest import until


async def test_copies_are_counted_while_they_show_signs_of_life() -> None:
    store, clock = memory.MemoryStore(), ManualClock()
    one, two = (Desk(store, MINT, clock=clock) for _ in range(2))
    assert one.copies == 1
    first = asyncio.create_task(copies.watch(one))
    await until(lambda: store._records)  # pyright: ignore[reportPrivateUsage]
    second = asyncio.create_task(copies.watch(two))
    await until(lambda: two.copies == 2)
    clock.advance(copies.EVERY)
    await until(lambda: one.copies == 2)
    # one that stops says so
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    clock.advance(copies.EVERY)
    await until(lambda: one.copies == 1)
    # and one that was killed is counted for a while
    await store.put(Record(record_kinds.COPY, "killed", {}, clock.now() + timedelta(seconds=1.5 * copies.EVERY)))
    clock.advance(copies.EVERY)
    await until(lambda: one.copies == 2)
    clock.advance(copies.EVERY)
    await until(lambda: one.copies == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert [one.name for one in await store.scan(record_kinds.COPY)] == ["killed"]
