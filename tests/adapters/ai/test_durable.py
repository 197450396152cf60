"""Durable runs: what waits is deferred, the run ends, and a run of its messages goes on from there."""

import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import ai
import pytest
from ai.ui import ai_sdk

import sayso
import sayso_ai
from tests.adapters.ai.scene import ANN, GO, Room, call, drained, model_of, results

RAN: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@pytest.fixture
def room() -> Room:
    return Room()


@ai.tool(require_approval=True)
async def refund(order: str) -> str:
    """Refund an order."""
    RAN.append(order)
    return f"refunded {order}"


@ai.tool
async def look(order: str) -> str:
    """Look at an order."""
    RAN.append(f"look {order}")
    return f"{order} is late"


CALLS = [call(look, "c0", order="A1"), call(refund, "c1", order="A1"), call(refund, "c2", order="A2")]
FIRST = model_of(CALLS)
# The scripted model compares to the letter, and a turn that is taken up again is marked by the library.
AGAIN = ai.testing.FakeModel(
    [GO, ai.assistant_message(*CALLS).model_copy(update={"replay": True}), ai.assistant_message("done")]
)
KINDS = pytest.mark.parametrize("kind", [ai.Agent, sayso_ai.Agent])


async def process(
    room: Room, messages: Sequence[ai.messages.Message], kind: type[ai.Agent] = ai.Agent, name: str = "order-7"
) -> tuple[sayso_ai.Stream[str], list[ai.messages.Message]]:
    """What one process does: it runs, and leaves the messages as another would load them."""
    model = FIRST if len(messages) == 1 else AGAIN
    run = kind(tools=[refund, look]).run(model, list(messages))
    async with sayso_ai.people(room.desk, run, durable=name) as stream:
        await drained(stream)
    kept = json.dumps([message.model_dump(mode="json") for message in stream.messages])
    return stream, [ai.messages.Message.model_validate(one) for one in json.loads(kept)]


async def answer(room: Room, id: str, **given: Any) -> None:
    await room.desk.answer(id, sayso.Answer(**given), ANN)


@KINDS
async def test_each_tool_runs_once_and_each_call_is_asked_about_once(room: Room, kind: type[ai.Agent]) -> None:
    asked = len(FIRST.calls) + len(AGAIN.calls)
    first, messages = await process(room, [GO], kind)
    assert (RAN, len(first.deferred), len(first.deferred_hooks)) == (["look A1"], 2, 2)
    still, messages = await process(room, messages, kind)
    assert (RAN, still.deferred) == (["look A1"], first.deferred)
    tickets = {ticket.request.metadata["tool_call_id"]: ticket.id for ticket in await room.tickets()}
    await answer(room, tickets["c2"], verdict="allow")
    second, messages = await process(room, messages, kind)
    assert (RAN, second.deferred) == (["look A1", "A2"], [tickets["c1"]])
    await answer(room, tickets["c1"], verdict="deny", reason="not this one")
    last, _ = await process(room, messages, kind)
    assert (RAN, last.deferred, last.output) == (["look A1", "A2"], [], "done")
    assert results(last)[0] == "A1 is late"
    assert "not this one" in results(last)[1]
    assert (len(await room.tickets()), len(FIRST.calls) + len(AGAIN.calls) - asked) == (2, 2)


async def test_a_decision_that_is_there_already_is_taken_at_once(room: Room) -> None:
    first, messages = await process(room, [GO])
    for id in first.deferred:
        await answer(room, id, verdict="allow")
    last, _ = await process(room, messages)
    assert (sorted(RAN), last.deferred, last.blocked) == (["A1", "A2", "look A1"], [], False)


async def test_another_run_with_the_same_calls_asks_for_itself(room: Room) -> None:
    first, messages = await process(room, [GO])
    for id in first.deferred:
        await answer(room, id, verdict="allow")
    other, _ = await process(room, messages, name="order-8")
    assert (RAN, len({*first.deferred, *other.deferred})) == (["look A1"], 4)


async def test_what_a_person_edited_is_what_the_next_process_runs(room: Room) -> None:
    first, messages = await process(room, [GO], sayso_ai.Agent)
    for id in first.deferred:
        await answer(room, id, verdict="allow", input={"order": "A9"})
    await process(room, messages, sayso_ai.Agent)
    assert RAN == ["look A1", "A9", "A9"]


async def test_a_stopped_run_leaves_no_request_open(room: Room) -> None:
    first, messages = await process(room, [GO])
    await answer(room, first.deferred[0], verdict="stop")
    last, _ = await process(room, messages)
    assert last.stopped
    assert (RAN, last.deferred) == (["look A1"], [])
    assert {one.decision and one.decision.outcome for one in await room.tickets()} == {"denied", "cancelled"}


async def test_an_approval_that_a_web_page_brings_withdraws_the_request(room: Room) -> None:
    first, messages = await process(room, [GO])
    registry = ai.HookRegistry()
    brought = ai_sdk.ApprovalResponse(hook_id="approve_c1", granted=True, reason=None, tool_call_id="c1")
    ai_sdk.apply_approvals([brought], registry=registry)
    run = ai.Agent(tools=[refund, look]).run(AGAIN, messages, hook_registry=registry)
    async with sayso_ai.people(room.desk, run, durable="order-7") as stream:
        await drained(stream)
    tickets = {ticket.request.metadata["tool_call_id"]: ticket for ticket in await room.tickets()}
    assert RAN == ["look A1", "A1"]
    assert [tickets[call].state for call in ("c1", "c2")] == ["decided", "pending"]
    assert (stream.deferred, set(first.deferred)) == ([tickets["c2"].id], {one.id for one in tickets.values()})


async def test_a_run_that_is_left_keeps_what_it_deferred_open(room: Room) -> None:
    run = ai.Agent(tools=[refund, look]).run(FIRST, [GO])
    async with sayso_ai.people(room.desk, run, durable="order-7") as stream:
        async for _ in stream:
            if len(stream.deferred) == 2:
                break
    assert [ticket.state for ticket in await room.tickets()] == ["pending", "pending"]


async def test_a_run_that_is_left_before_it_asks_again_withdraws_nothing(room: Room) -> None:
    _, messages = await process(room, [GO])
    run = ai.Agent(tools=[refund, look]).run(AGAIN, messages)
    async with sayso_ai.people(room.desk, run, durable="order-7") as stream:
        await anext(stream)
    assert [ticket.state for ticket in await room.tickets()] == ["pending", "pending"]


async def test_the_session_of_its_cards_is_the_run(room: Room) -> None:
    await process(room, [GO])
    assert {one.request.source.session for one in await room.tickets()} == {"order-7"}


# One allow, one run


@KINDS
async def test_a_run_that_failed_after_the_allowed_tool_ran_asks_again(room: Room, kind: type[ai.Agent]) -> None:
    first, messages = await process(room, [GO], kind)
    for id in first.deferred:
        await answer(room, id, verdict="allow")
    away = ai.testing.FakeModel([GO, ai.assistant_message(*CALLS).model_copy(update={"replay": True})])
    run = kind(tools=[refund, look]).run(away, list(messages))
    with pytest.raises(ExceptionGroup):
        async with sayso_ai.people(room.desk, run, durable="order-7") as stream:
            await drained(stream)
    assert sorted(RAN) == ["A1", "A2", "look A1"]
    # nothing of that was kept, so the program goes on from the messages that it has
    again, messages = await process(room, messages, kind)
    assert sorted(RAN) == ["A1", "A2", "look A1"]
    tickets = [await room.desk.get(id) for id in again.deferred]
    assert len(tickets) == 2
    assert all("it may have run already" in ticket.request.context["Asked before"] for ticket in tickets)
    for ticket in tickets:
        await answer(room, ticket.id, verdict="deny")
    last, _ = await process(room, messages, kind)
    assert (sorted(RAN), last.output) == (["A1", "A2", "look A1"], "done")


async def test_a_call_with_the_id_of_an_earlier_one_is_asked_for_itself(room: Room) -> None:
    for order in ("A1", "A9", "A1"):
        messages = [GO, ai.assistant_message(call(refund, "c1", order=order))]
        stream, messages = await process(room, messages)
        [id] = stream.deferred
        ticket = await room.desk.get(id)
        assert ticket.request.input == {"order": order}
        await answer(room, id, verdict="allow")
        run = ai.Agent(tools=[refund]).run(answered(order), messages)
        async with sayso_ai.people(room.desk, run, durable="order-7") as stream:
            await drained(stream)
    assert (RAN, len(await room.tickets())) == (["A1", "A9", "A1"], 3)


def answered(order: str) -> ai.testing.FakeModel:
    asked = ai.assistant_message(call(refund, "c1", order=order)).model_copy(update={"replay": True})
    return ai.testing.FakeModel([GO, asked, ai.assistant_message("done")])


async def test_each_allow_that_ran_is_used(room: Room) -> None:
    first, messages = await process(room, [GO])
    await answer(room, first.deferred[0], verdict="allow")
    await answer(room, first.deferred[1], verdict="deny")
    await process(room, messages)
    assert [bool(ticket.used_at) for ticket in await room.tickets()].count(True) == 1


class Same(ai.testing._FakeProvider):
    """A provider that gives two calls of one turn the same id."""

    def __init__(self, *orders: str) -> None:
        super().__init__(scripts=[])
        self._said = ai.assistant_message(*(call(refund, "c1", order=order) for order in orders))

    def stream(self, model: ai.Model, messages: list[ai.messages.Message], **_: Any) -> AsyncGenerator[ai.events.Event]:
        done = messages[-1].role == "tool"
        return ai.events._replay_message_events(ai.assistant_message("done") if done else self._said)


@KINDS
@pytest.mark.parametrize("orders", [("A1", "A2"), ("A1", "A1")])
@pytest.mark.parametrize("durable", [None, "order-7"])
async def test_two_calls_of_one_turn_with_one_id_run_nothing_that_was_not_allowed(
    room: Room, kind: type[ai.Agent], orders: tuple[str, str], durable: str | None
) -> None:
    model = ai.Model(id="same", provider=Same(*orders))
    messages: list[ai.messages.Message] = [GO]

    async def process() -> None:
        async with sayso_ai.people(room.desk, kind(tools=[refund]).run(model, messages), durable=durable) as stream:
            await drained(stream)
            messages[:] = stream.messages

    with contextlib.suppress(sayso.InvalidRequest):
        await process()
        for ticket in await room.tickets():
            if ticket.request.input == {"order": "A1"} and ticket.state == "pending":
                await answer(room, ticket.id, verdict="allow")
        await process()
    allowed = [one.request.input for one in await room.tickets() if one.decision and one.decision.outcome == "allowed"]
    assert len(RAN) <= len(allowed)
    assert set(RAN) <= {"A1"}
