"""Hooks of a run's own, with a payload model: people fill it in, and only what fits it reaches the agent."""

import asyncio
import datetime
import functools
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Self

import ai
import pydantic
import pytest

import sayso
import sayso_ai
from tests.adapters.ai.scene import GO, Room, call, drained, hooks, model_of, results


class Refund(pydantic.BaseModel):
    amount: float = pydantic.Field(ge=0, le=500)
    on: datetime.date
    reason: str | None = None


class Range(pydantic.BaseModel):
    low: int = pydantic.Field(alias="from")
    high: int = pydantic.Field(alias="to")

    @pydantic.model_validator(mode="after")
    def ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("from is above to")
        return self


class Nested(pydantic.BaseModel):
    refunds: dict[str, list[Refund]]


ASKED: dict[str, Any] = {}


@ai.tool
async def ask() -> str:
    """Ask people something, and say what came of it."""
    try:
        got = await ai.hook(**ASKED)
    except sayso.Denied as denied:
        return f"nobody said: {denied.decision.outcome}"
    return repr(got)


@pytest.fixture
def room() -> Room:
    return Room()


async def said(room: Room, answer: Awaitable[None] | None = None, *forms: type[pydantic.BaseModel], **hook: Any) -> str:
    """What the tool said that asked so."""
    ASKED.clear()
    ASKED.update({"hook": "refund_form", "payload": Refund, **hook})
    run = ai.Agent(tools=[ask]).run(model_of([call(ask)]), [GO])
    async with sayso_ai.people(room.desk, run, forms=forms or [Refund]) as stream:
        events: list[ai.events.AgentEvent] = []
        async for event in stream:
            events.append(event)
            if answer is not None and isinstance(event, ai.events.HookEvent) and event.hook.status == "pending":
                await answer
        assert stream.output == "done"
        [result] = results(stream)
        return str(result)


VALUES = {"amount": 12.5, "on": "2026-12-31"}


async def test_a_form_gives_the_hook_an_instance_of_its_model(room: Room) -> None:
    got = await said(
        room, room.answer(values=VALUES), metadata={"title": "Which refund?", "body": "*Late*", "Order": 7}
    )
    assert got == "Refund(amount=12.5, on=datetime.date(2026, 12, 31), reason=None)"
    [ticket] = await room.tickets()
    shown = ticket.request
    assert (shown.kind, shown.title, shown.body, shown.context) == ("form", "Which refund?", "*Late*", {"Order": "7"})
    assert (shown.metadata, shown.verdicts) == ({"hook_id": "refund_form", "tool_call_id": None}, ("deny", "stop"))


async def test_a_form_without_a_title_is_called_by_its_label(room: Room) -> None:
    await said(room, room.answer(values=VALUES))
    assert (await room.tickets())[0].request.title == "refund form"


async def test_names_of_the_schema_are_the_names_of_the_values(room: Room) -> None:
    got = await said(room, room.answer(values={"from": 1, "to": 2}), Range, payload=Range)
    assert got == "Range(low=1, high=2)"


async def test_values_that_the_model_refuses_never_reach_the_agent_and_it_goes_on(room: Room) -> None:
    got = await said(room, room.answer(values={"from": 2, "to": 1}), Range, payload=Range)
    assert got.startswith("SaysoError: sayso got no decision: the answer does not fit Range: ")
    assert "from is above to" in got


async def test_a_form_that_people_decline_raises_what_the_tool_can_catch(room: Room) -> None:
    assert await said(room, room.answer(verdict="deny")) == "nobody said: denied"


async def test_a_form_that_nobody_fills_in_raises_it_too(room: Room) -> None:
    async def nobody() -> None:
        await room.asked()
        room.clock.advance(4000)

    assert await said(room, nobody()) == "nobody said: expired"


async def test_a_person_may_end_the_run_instead_of_answering(room: Room) -> None:
    ASKED.clear()
    ASKED.update({"hook": "refund_form", "payload": Refund})
    scripted = model_of([call(ask)])
    async with sayso_ai.people(room.desk, ai.Agent(tools=[ask]).run(scripted, [GO]), forms=[Refund]) as stream:
        async for event in stream:
            if isinstance(event, ai.events.HookEvent) and event.hook.status == "pending":
                await room.answer(verdict="stop")
    assert stream.stopped
    assert (stream.stopped.outcome, len(scripted.calls)) == ("denied", 1)


async def test_a_form_that_nobody_could_fill_is_refused_in_words_and_the_agent_goes_on(room: Room) -> None:
    got = await said(room, None, Nested, payload=Nested)
    assert got.startswith("SaysoError: sayso got no decision: schema.properties.refunds")
    assert await room.tickets() == []


class Filling(ai.Agent):
    """A loop of somebody's own, that asks for a form before each call."""

    async def loop(self, context: ai.Context) -> AsyncGenerator[ai.events.AgentEvent]:
        while context.keep_running():
            async with ai.stream(context=context) as stream, ai.ToolRunner() as runner:
                async for event in ai.util.merge(stream, runner.events()):
                    yield event
                    if isinstance(event, ai.events.ToolEnd):
                        runner.schedule(functools.partial(self._filled, self.resolve(event.tool_call)))
                context.add(stream.message)
                context.add(runner.get_tool_message())

    async def _filled(self, made: ai.ToolCall) -> ai.events.ToolCallResult:
        await ai.hook("refund_form", payload=Refund, tool_call_id=made.id)
        return await made()


async def test_a_form_that_holds_a_call_back_never_hangs_the_run(room: Room) -> None:
    run = Filling(tools=[ask]).run(model_of([call(ask)]), [GO])
    async with sayso_ai.people(room.desk, run, forms=[Refund]) as stream:
        answering = asyncio.create_task(room.answer(verdict="deny"))
        events = await drained(stream)
        await answering
    assert (hooks(events), results(stream)) == (["pending", "cancelled"], [])


async def test_a_form_that_was_not_announced_says_how_to(room: Room) -> None:
    got = await said(room, None, Range)
    assert "the form Refund is not known here (sayso_ai.people(…, forms=[Refund]))" in got


async def test_a_wait_for_approval_of_a_run_s_own_is_a_permission(room: Room) -> None:
    own: dict[str, Any] = {"hook": "delete_all", "payload": ai.tools.ToolApproval, "metadata": {"why": "spring"}}
    assert await said(room, room.answer(verdict="allow"), **own) == "ToolApproval(granted=True, reason=None)"
    [ticket] = await room.tickets()
    assert (ticket.request.tool, ticket.request.input, ticket.request.context) == ("delete_all", {}, {"why": "spring"})


@pytest.mark.parametrize(
    ("kwargs", "why"),
    [
        (
            {"at": object()},
            "the input cannot be shown: it holds something that has no JSON form (arguments by their names",
        ),
        ([1], "the hook's kwargs are not an object"),
    ],
)
async def test_input_that_cannot_be_shown_is_denied(room: Room, kwargs: object, why: str) -> None:
    got = await said(room, None, hook="go", payload=ai.tools.ToolApproval, metadata={"kwargs": kwargs})
    assert got.startswith("ToolApproval(granted=False, reason=")
    assert why in got


async def test_metadata_too_large_for_facts_is_attached_whole(room: Room) -> None:
    await said(room, room.answer(values=VALUES), metadata={"log": "x" * 3000, "when": datetime.date(2026, 1, 1)})
    [ticket] = await room.tickets()
    [attached] = ticket.request.attachments
    text = attached.text or ""
    assert (ticket.request.context, "x" * 3000 in text, "2026-01-01" in text) == ({}, True, True)
