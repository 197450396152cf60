"""A change of the settings over all copies of a service: who heard of it, and what each one says."""

import asyncio
import dataclasses
import sys
from datetime import UTC, datetime

from sayso.desk.upkeep import processes, reloads
from sayso.stores import memory
from sayso.testing.clock import ManualClock

NOON = datetime(2026, 1, 1, 12, 4, tzinfo=UTC)


def stand(copy: str = "a", **facts: object) -> reloads.Stand:
    return reloads.Stand(copy, NOON, "sha256:1", **facts)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def test_each_change_that_is_asked_for_has_a_number_of_its_own() -> None:
    store = memory.MemoryStore()
    assert await reloads.asked(store) == 0
    numbers = await asyncio.gather(*(reloads.ask(store) for _ in range(5)))
    assert sorted(numbers) == [1, 2, 3, 4, 5]
    assert await reloads.asked(store) == 5


async def test_a_copy_counts_for_as_long_as_it_says_so() -> None:
    store, clock = memory.MemoryStore(), ManualClock()
    told = stand(heard=3, changed=("policies.p",), restart=("service.url",))
    await reloads.tell(store, told, clock.now())
    await reloads.tell(store, stand("b"), clock.now())
    assert list(await reloads.stands(store, clock.now())) == [told, stand("b")]
    await reloads.leave(store, "b")
    clock.advance(60)
    await reloads.tell(store, told, clock.now())
    clock.advance(60)
    assert list(await reloads.stands(store, clock.now())) == [told]
    clock.advance(reloads.LASTS.total_seconds())
    assert list(await reloads.stands(store, clock.now())) == []


def test_what_is_not_in_force_is_said_once_for_all_copies() -> None:
    refused = stand(refused="policies.p.approvers: 'zoe' is unknown")
    said = (
        "the settings on disk are refused: policies.p.approvers: 'zoe' is unknown; "
        "those of 2026-01-01 12:04 UTC are in force"
    )
    changed = stand("c", restart=("service.url", "slack"))
    assert reloads.warnings([refused, stand("b", refused=refused.refused), stand("d"), changed]) == [
        said,
        "these settings changed on disk and need a new start of the service: service.url, slack",
    ]


async def test_a_copy_that_was_killed_on_this_machine_counts_no_more() -> None:
    store, clock = memory.MemoryStore(), ManualClock()
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await ended.wait()
    for copy in ("a", "b", "c"):
        await reloads.tell(store, stand(copy), clock.now())
    # as each of them wrote it itself
    for copy, machine in (("b", processes.machine()), ("c", "far away")):
        found = await store.get("copy", copy)
        assert found
        value = {**found.value, "process": f"another {copy}", "machine": machine, "pid": ended.pid}
        await store.put(dataclasses.replace(found, value=value))
    assert [one.copy for one in await reloads.stands(store, clock.now())] == ["a", "c"]
