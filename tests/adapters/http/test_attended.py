"""Held long polls: a program that ends takes its request along, and one that comes back in time keeps it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import sayso
from sayso.machine import people
from sayso.testing.clock import ManualClock
from tests.adapters.http.service import Service, permission, running
from tests.conftest import until


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Service]:
    async with running(tmp_path, now=clock) as running_service:
        yield running_service


async def test_a_program_that_is_gone_withdraws_what_it_held(service: Service, clock: ManualClock) -> None:
    async with service.remote("bot") as desk:
        waiting = asyncio.create_task(sayso.held(desk, sayso.Permission(tool="Bash", input={}, id="r1")))
        await until(lambda: service.store.waiting)
        # as when it is killed: the connection ends, and nothing is said
        await desk._calls.close()  # pyright: ignore[reportPrivateUsage]
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await until(lambda: not service.store.waiting)
    clock.advance(5.9)
    assert (await service.front.get("r1")).state == "pending"
    await withdrawn(service, clock, "r1")


async def withdrawn(service: Service, clock: ManualClock, id: str) -> None:
    async with asyncio.timeout(5):
        while (await service.front.get(id)).decision is None:
            clock.advance(0.2)
            await asyncio.sleep(0.01)
    decision = (await service.front.get(id)).decision
    assert decision is not None
    assert (decision.outcome, "no longer waits" in str(decision.reason)) == ("cancelled", True)


async def test_only_who_asked_can_hold_and_only_by_yes_or_no(service: Service, clock: ManualClock) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    refused = await service.call("GET", "/v1/requests/r1?wait=1&held=maybe", "bot")
    assert (refused.status, refused.error["field"]) == (422, "held")
    looking = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=1&held=true", "op"))
    await until(lambda: service.store.waiting)
    assert await service.store.scan("waiter") == []
    clock.advance(1)
    assert (await looking).json["state"] == "pending"
    clock.advance(10)
    assert (await service.front.get("r1")).state == "pending"


async def test_a_held_poll_that_is_made_again_keeps_the_request(service: Service, clock: ManualClock) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    for _ in range(2):
        polling = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=1&held=true", "bot"))
        await until(lambda: service.store.waiting)
        clock.advance(1)
        assert (await polling).json["state"] == "pending"
        clock.advance(4)
    polling = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=30&held=true", "bot"))
    await until(lambda: service.store.waiting)
    clock.advance(10)
    await service.front.answer("r1", sayso.Answer(verdict="allow"), people.Actor("key:ann", "ann", member=True))
    assert (await polling).json["decision"]["outcome"] == "allowed"


async def test_a_program_that_is_gone_before_it_waits_leaves_no_card(service: Service, clock: ManualClock) -> None:
    async with service.remote("bot") as desk:
        desk._held.add("r1")  # pyright: ignore[reportPrivateUsage]
        await desk.open(sayso.Permission(tool="Bash", input={}, id="r1"))
    assert len(await service.store.scan("waiter")) == 1
    await withdrawn(service, clock, "r1")


async def test_a_request_without_an_id_can_be_held_from_the_start(service: Service, clock: ManualClock) -> None:
    made = await service.call("POST", "/v1/requests?held=true", "bot", {"kind": "question", "title": "Why?"})
    assert made.status == 201
    await withdrawn(service, clock, made.json["id"])


async def test_who_stops_holding_in_good_order_leaves_the_request_open(service: Service, clock: ManualClock) -> None:
    async with service.remote("bot") as desk:
        async with desk.attending("r1"):
            await desk.open(sayso.Permission(tool="Bash", input={}, id="r1"))
            waiting = asyncio.create_task(desk.wait("r1"))
            await until(lambda: service.store.waiting)
            # as a tool call does that tells its model to come back later
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: not service.store.waiting)
        for _ in range(10):
            clock.advance(2)
            await asyncio.sleep(0.05)
        assert (await service.front.get("r1")).state == "pending"
        assert await service.store.scan("waiter") == []
        later = asyncio.create_task(desk.wait("r1"))
        await until(lambda: service.store.waiting)
        await service.front.answer("r1", sayso.Answer(verdict="allow"), people.Actor("key:ann", "ann", member=True))
        assert (await later).allowed


@pytest.mark.parametrize("name", ["bot", "bot2"])
async def test_a_held_ask_under_an_id_that_is_taken_withdraws_nothing(
    service: Service, clock: ManualClock, name: str
) -> None:
    await service.key("bot2", "agent")
    await service.call("POST", "/v1/requests", "bot", permission())
    refused = await service.call("POST", "/v1/requests?held=true", name, permission(tool="Other"))
    assert (refused.status, refused.error["code"]) == (409, "id_taken")
    for _ in range(10):
        clock.advance(2)
        await asyncio.sleep(0.02)
    assert (await service.front.get("r1")).state == "pending"
    assert await service.store.scan("waiter") == []


async def test_of_two_in_one_program_the_one_who_leaves_does_not_speak_for_the_other(
    service: Service, clock: ManualClock
) -> None:
    async with service.remote("bot") as desk, desk.attending("r1"):
        async with desk.attending("r1"):
            await desk.open(sayso.Permission(tool="Bash", input={}, id="r1"))
        waiting = asyncio.create_task(desk.wait("r1"))
        await until(lambda: service.store.waiting)
        assert await service.store.scan("waiter")
        # as when it is killed
        await desk._calls.close()  # pyright: ignore[reportPrivateUsage]
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: not service.store.waiting)
        await withdrawn(service, clock, "r1")


async def test_whoever_waits_is_told_at_once_that_a_card_cannot_be_shown(service: Service, clock: ManualClock) -> None:
    await service.call("POST", "/v1/requests", "bot", permission())
    place = (await service.front.get("r1")).route[0]
    polling = asyncio.create_task(service.call("GET", "/v1/requests/r1?wait=30&held=true", "bot"))
    await until(lambda: service.store.waiting)
    clock.advance(2)
    await service.front.place_delayed("r1", place, "503")
    answer = (await polling).json
    assert (answer["state"], answer["delayed"][0]["reason"]) == ("pending", "503")
    assert f"not shown at {place} so far: 503" in answer["progress"]
