"""Each copy of the service knows how many there are, so that together they keep to what a platform allows."""

import asyncio
import os
import sys
from datetime import timedelta

import pytest

from sayso.desk import Desk, copies, processes
from sayso.stores import Record, memory, record_kinds
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT
from tests.conftest import until


async def test_copies_are_counted_while_they_show_signs_of_life() -> None:
    store, clock = memory.MemoryStore(), ManualClock()
    front = Desk(store, MINT, clock=clock)
    far = {"process": "x", "machine": "far away", "pid": 1}
    await store.put(Record(record_kinds.COPY, "other", far, clock.now() + timedelta(seconds=1.5 * copies.EVERY)))
    # one that was killed on this machine is not waited for
    ended = {**far, "machine": processes.machine(), "pid": await number_of_a_process_that_ended()}
    await store.put(Record(record_kinds.COPY, "killed", ended, clock.now() + timedelta(days=1)))
    assert front.copies == 1
    watching = asyncio.create_task(copies.watch(front))
    await until(lambda: front.copies == 2)
    clock.advance(copies.EVERY)
    await asyncio.sleep(0)
    clock.advance(copies.EVERY)
    await until(lambda: front.copies == 1)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert [one.name for one in await store.scan(record_kinds.COPY)] == ["killed", "other"]


async def test_a_copy_whose_container_starts_anew_is_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    store, clock = memory.MemoryStore(), ManualClock()
    for space in ("pid:[1]", "pid:[2]", "pid:[3]"):
        monkeypatch.setattr(os, "readlink", lambda _path, space=space: space)
        front = Desk(store, MINT, clock=clock)
        watching = asyncio.create_task(copies.watch(front))
        await until(lambda: store._records)  # pyright: ignore[reportPrivateUsage]
        # killed: it says nothing
        monkeypatch.setattr(store, "remove", lambda _kind, _name: asyncio.sleep(0))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert len(await store.scan(record_kinds.COPY)) == front.copies == 1


async def number_of_a_process_that_ended() -> int:
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await ended.wait()
    return ended.pid
