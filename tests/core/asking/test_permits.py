"""A call that may come twice: found again by its id, used once, and asked about again where its allow is gone."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

import sayso
from sayso import model
from sayso.asking import permits, runs
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW
from tests.adapters.deciding import Office, office

REFUND = sayso.Permission(tool="refund", input={"amount": 10}, id="refund-1")


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


async def allowed(ann: Office, call: permits.Call, **answer: Any) -> model.Decision:
    return await ann.when(call.ask(), {"verdict": "allow", **answer})


async def test_an_allow_that_nobody_used_is_found_again_by_its_id(ann: Office) -> None:
    await allowed(ann, permits.Call(ann.desk, REFUND))
    later = permits.Call(ann.desk, REFUND)
    decision = await later.use(await later.ask())
    assert (decision.allowed, len(await ann.all())) == (True, 1)
    assert (await ann.desk.get("refund-1")).used_at is not None


async def test_an_allow_that_was_used_is_asked_about_again_and_says_when_it_was(ann: Office) -> None:
    first = permits.Call(ann.desk, REFUND)
    await first.use(await allowed(ann, first))
    second = permits.Call(ann.desk, REFUND)
    await second.use(await allowed(ann, second))
    third = permits.Call(ann.desk, REFUND)
    assert not (await ann.when(third.ask(), {"verdict": "deny"})).allowed
    assert [ticket.id for ticket in await ann.all()] == ["refund-1", "refund-1-2", "refund-1-3"]
    told = [ticket.request.context.get("Asked before", "") for ticket in await ann.all()]
    assert told[0] == ""
    assert all("used at" in one and "it may have run already" in one for one in told[1:])


async def test_two_that_hold_the_same_allow_use_it_once(ann: Office) -> None:
    calls = [permits.Call(ann.desk, REFUND) for _ in range(2)]
    decision = await allowed(ann, calls[0])
    using = [asyncio.create_task(call.use(decision)) for call in calls]
    await ann.say(verdict="deny")
    assert sorted(one.outcome for one in await asyncio.gather(*using)) == ["allowed", "denied"]


async def test_an_edit_that_does_not_fit_is_asked_about_again_also_by_a_later_run(ann: Office) -> None:
    def check(decision: model.Decision) -> str | None:
        return "amount: too much" if (decision.input or {})["amount"] > 10 else None

    first = asyncio.create_task(permits.Call(ann.desk, REFUND, check=check).ask())
    await ann.say(verdict="allow", input={"amount": 11})
    [asked] = await ann.asked()
    first.cancel()
    await asyncio.wait([first])
    decision = await allowed(ann, permits.Call(ann.desk, REFUND, check=check))
    assert (decision.id, asked.id, decision.input) == ("refund-1-2", "refund-1-2", {"amount": 10})
    assert asked.request.context == {"The last edit did not fit": "amount: too much"}


@pytest.mark.parametrize("silence", [True, False])
async def test_silence_is_asked_about_again_only_if_that_is_wanted(ann: Office, silence: bool) -> None:
    first = asyncio.create_task(permits.Call(ann.desk, REFUND, silence=silence).ask())
    await ann.asked()
    await ann.desk.cancel("refund-1")
    assert (await first).outcome == "cancelled"
    decision = await ann.when(permits.Call(ann.desk, REFUND, silence=silence).ask(), {"verdict": "allow"})
    assert decision.outcome == ("allowed" if silence else "cancelled")


async def test_a_denial_stays_one(ann: Office) -> None:
    await ann.when(permits.Call(ann.desk, REFUND, silence=True).ask(), {"verdict": "deny"})
    assert (await permits.Call(ann.desk, REFUND, silence=True).ask()).outcome == "denied"
    assert len(await ann.all()) == 1


async def test_a_held_call_is_withdrawn_with_its_caller(ann: Office) -> None:
    request = sayso.Permission(tool="refund", input={})
    waiting = asyncio.create_task(permits.Call(ann.desk, request, held=True).ask())
    [ticket] = await ann.asked()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert (await ann.desk.get(ticket.id)).decision is not None


async def test_a_card_that_is_full_says_in_its_body_that_it_was_asked_before(ann: Office) -> None:
    full = {f"fact {n}": "x" for n in range(10)}
    request = sayso.Permission(tool="refund", input={}, id="refund-1", context=full, body="Please.")
    first = permits.Call(ann.desk, request)
    await first.use(await allowed(ann, first))
    asking = asyncio.create_task(permits.Call(ann.desk, request).ask())
    [ticket] = await ann.asked()
    assert ticket.request.context == full
    assert (ticket.request.body or "").startswith("Asked before: Allowed by ")
    assert (ticket.request.body or "").endswith("\n\nPlease.")
    await ann.when(asking, {"verdict": "deny"})


async def test_an_allow_whose_time_is_over_is_asked_about_again(ann: Office) -> None:
    clock = ManualClock(NOW)
    there = dataclasses.replace(ann, desk=sayso.Desk(ann.desk.store, ann.desk.mint, clock=clock))
    call = permits.Call(there.desk, REFUND)
    decision = await allowed(there, call)
    clock.advance(901)
    using = asyncio.create_task(call.use(decision))
    [ticket] = await there.asked()
    assert "not run in time" in ticket.request.context["Asked before"]
    assert (await there.when(using, {"verdict": "allow"})).id == "refund-1-2"


async def test_an_id_of_another_program_is_refused_at_the_first_try(ann: Office) -> None:
    await ann.desk.open(sayso.Question("Who?", id="refund-1"))
    with pytest.raises(sayso.AlreadyExists):
        await permits.Call(ann.desk, REFUND).ask()


async def test_a_later_try_whose_id_is_taken_goes_on_to_the_next(ann: Office) -> None:
    first = permits.Call(ann.desk, REFUND)
    await first.use(await allowed(ann, first))
    taken = await ann.desk.open(sayso.Question("Who?", id="refund-1-2"))
    await ann.desk.cancel(taken.id)
    assert (await allowed(ann, permits.Call(ann.desk, REFUND))).id == "refund-1-3"


def test_what_is_wrong_with_the_call_is_for_the_model_and_the_rest_for_the_program() -> None:
    desk = sayso.Desk(memory.MemoryStore(), MINT)
    error = sayso.InvalidRequest("input is not plain JSON: nan", field="input", hint="send finite numbers")
    told = runs.Run(desk=desk, prefix="x", common={"policy": "default"}).refusal(error)
    assert told.startswith("sayso could not ask anybody: input is not plain JSON: nan (send finite numbers).")
    with pytest.raises(sayso.InvalidRequest):
        runs.Run(desk=desk, prefix="x", common={"policy": "nobody"}).refusal(
            sayso.InvalidRequest("there is no policy", field="policy")
        )
