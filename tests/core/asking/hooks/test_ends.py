"""How hooks end: cut short while they ask, withdrawn by others, taken by others, or given what has no form."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pydantic
import pytest

import sayso
from sayso import errors
from sayso.asking.hooks import hook_errors
from sayso.desk import Caller, token_secret
from sayso.desk.callers import CallersDesk
from sayso.machine import people
from sayso.stores import Query, memory
from tests.conftest import BOUND, until


class Booking(pydantic.BaseModel):
    city: str


@pytest.fixture
async def desk() -> AsyncIterator[sayso.Desk]:
    store = memory.MemoryStore()
    yield sayso.Desk(store, await token_secret.mint(store))
    await store.close()


async def opened(desk: sayso.Desk) -> sayso.Ticket:
    """The open request, once there is one."""
    async with asyncio.timeout(BOUND):
        while not (found := await desk.store.list(Query(state="pending"))):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    return found[0]


async def first_of(hook: sayso.Hook[Booking]) -> Booking:
    return await hook


async def test_a_token_of_half_a_character_is_refused(desk: sayso.Desk) -> None:
    with pytest.raises(errors.InvalidRequest, match="half a character"):
        await sayso.define_hook(Booking, desk=desk).create(token="\ud800")


async def test_answers_stop_coming_when_somebody_else_withdraws_the_hook(desk: sayso.Desk) -> None:
    async def listen() -> None:
        async for _ in sayso.define_hook(Booking, desk=desk).create(token="trip"):
            pytest.fail("nobody answered")

    listening = asyncio.ensure_future(listen())
    await desk.cancel((await opened(desk)).id)
    with pytest.raises(hook_errors.HookCancelled):
        await asyncio.wait_for(listening, BOUND)


async def test_a_hook_that_is_disposed_while_its_answer_is_looked_at_asks_no_more(desk: sayso.Desk) -> None:
    waits, cities = sayso.define_hook(Booking, desk=desk).create(token="trip"), list[str]()

    async def listen() -> None:
        async for booking in waits:
            cities.append(booking.city)
            await waits.dispose()

    listening = asyncio.ensure_future(listen())
    ticket = await opened(desk)
    await desk.answer(ticket.id, sayso.Answer(values={"city": "Rome"}), people.local("ann"))
    await asyncio.wait_for(listening, BOUND)
    assert cities == ["Rome"]
    assert await desk.store.list(Query(state="pending")) == []


async def test_the_hook_of_another_key_is_a_conflict_that_cannot_be_shown(desk: sayso.Desk) -> None:
    first, second = (CallersDesk(desk, Caller(owner=name)) for name in ("first", "second"))
    await sayso.define_hook(Booking, desk=first).create(token="trip").open()
    with pytest.raises(hook_errors.HookConflict):
        await sayso.define_hook(Booking, desk=second).create(token="trip").conflict()


async def test_a_run_that_is_cut_short_while_it_asks_leaves_no_request_behind(
    desk: sayso.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun = desk.open, asyncio.Event()

    async def slowly(*given: Any) -> sayso.Ticket:
        ticket = await real(*given)
        begun.set()
        await asyncio.sleep(BOUND)  # the answer of the service is still on its way
        return ticket

    monkeypatch.setattr(desk, "open", slowly)
    waiting = asyncio.ensure_future(sayso.define_hook(Booking, desk=desk).create(token="trip").open())
    await asyncio.wait_for(begun.wait(), BOUND)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await desk.store.list(Query(state="pending")) == []


async def test_an_answer_that_has_no_json_form_is_refused_and_the_hook_goes_on_waiting(desk: sayso.Desk) -> None:
    trips = sayso.define_hook(Booking, desk=desk)
    waiting = asyncio.ensure_future(first_of(trips.create(token="trip")))
    await opened(desk)
    with pytest.raises(errors.InvalidAnswer):
        await trips.resume("trip", {"city": object()})
    await trips.resume("trip", {"city": "Rome"})
    await until(waiting.done)
    assert (await waiting).city == "Rome"
