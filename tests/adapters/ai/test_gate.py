"""`sayso_ai.Agent`: people edit what a tool runs with, or answer in its place; what does not fit runs nothing."""

from typing import Any

import ai
import pydantic
import pytest

import sayso_ai
from sayso import errors
from tests.adapters.ai.scene import GO, Room, call, model_of, results

RAN: list[Any] = []


class Box(pydantic.BaseModel):
    count: int

    @pydantic.field_validator("count")
    @classmethod
    def _even(cls, count: int) -> int:
        if count % 2:
            raise ValueError("an even number, please")
        return count


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@pytest.fixture
def room() -> Room:
    return Room()


@ai.tool(require_approval=True)
async def refund(order: str, cents: int = 5) -> str:
    """Refund an order."""
    RAN.append((order, cents))
    return f"refunded {order}"


async def told(room: Room, agent: type[ai.Agent] = sayso_ai.Agent, **answer: Any) -> str:
    """What the model is told of a call of `refund`, once Ann gave this answer."""
    run = agent(tools=[refund]).run(model_of([call(refund, order="A1", cents=900)]), [GO])
    async with sayso_ai.people(room.desk, run) as stream:
        async for event in stream:
            if isinstance(event, ai.events.HookEvent) and event.hook.status == "pending":
                await room.answer(**answer)
        [said] = results(stream)
        return str(said)


async def test_the_edited_input_is_the_one_that_runs(room: Room) -> None:
    assert await told(room, verdict="allow", input={"order": "A1", "cents": 400}) == "refunded A1"
    assert RAN == [("A1", 400)]


async def test_an_argument_that_the_edit_leaves_out_has_its_default(room: Room) -> None:
    await told(room, verdict="allow", input={"order": "A2"})
    assert RAN == [("A2", 5)]


@pytest.mark.parametrize(
    ("edited", "argument"), [({"order": "A1", "cents": "many"}, "cents"), ({"order": "A1", "all": True}, "all")]
)
async def test_an_edit_that_does_not_fit_the_tool_is_refused_at_the_press(
    room: Room, edited: dict[str, Any], argument: str
) -> None:
    with pytest.raises(errors.InvalidAnswer) as refused:
        await told(room, verdict="allow", input=edited)
    assert (RAN, list(refused.value.complaints)) == ([], [argument])


async def test_an_edit_that_only_the_tool_can_judge_runs_nothing_that_does_not_fit(room: Room) -> None:
    @ai.tool(require_approval=True)
    async def pack(box: Box) -> str:
        RAN.append(box.count)
        return "packed"

    run = sayso_ai.Agent(tools=[pack]).run(model_of([call(pack, box={"count": 2})]), [GO])
    async with sayso_ai.people(room.desk, run) as stream:
        async for event in stream:
            if isinstance(event, ai.events.HookEvent) and event.hook.status == "pending":
                await room.answer(verdict="allow", input={"box": {"count": 3}})
        [said] = results(stream)
    assert (RAN, "an even number, please" in said) == ([], True)


async def test_a_person_answers_in_the_place_of_the_tool(room: Room) -> None:
    assert (await told(room, verdict="respond", text="It was refunded already"), RAN) == ("It was refunded already", [])


async def test_allow_and_deny_are_as_ever(room: Room) -> None:
    assert await told(room, verdict="allow") == "refunded A1"
    assert (await told(room, verdict="deny", count=2)).startswith("Rejected: The tool call was denied")
    assert RAN == [("A1", 900)]


async def test_whoever_knows_a_tool_approval_can_resolve_its_gate(room: Room) -> None:
    run = sayso_ai.Agent(tools=[refund]).run(model_of([call(refund, order="A1")]), [GO])
    async with run as stream:
        async for event in stream:
            if isinstance(event, ai.events.HookEvent) and event.hook.status == "pending":
                assert event.hook.hook_type == ai.agents.TOOL_APPROVAL_HOOK_TYPE
                ai.resolve_hook(event.hook, {"granted": True}, payload=ai.tools.ToolApproval)
    assert RAN == [("A1", 5)]


async def test_a_plain_agent_is_never_given_an_edit(room: Room) -> None:
    with pytest.raises(errors.InvalidAnswer):
        await told(room, ai.Agent, verdict="allow", input={"order": "A1", "cents": 400})
    [ticket] = await room.tickets()
    assert (RAN, ticket.request.editable, ticket.request.verdicts) == ([], False, ("stop",))


def test_calls_are_resolved_as_the_library_does() -> None:
    agent = sayso_ai.Agent(tools=[refund])
    [gate] = agent.resolve([call(refund, "c1", order="A1")])
    assert (gate.id, gate.name, gate.kwargs, gate.fn) == ("c1", "refund", {"order": "A1", "cents": 5}, refund.fn)
    with pytest.raises(KeyError):
        agent.resolve(call("unknown"))
