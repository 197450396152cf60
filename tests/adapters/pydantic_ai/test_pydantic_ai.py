"""Deferred tool calls of Pydantic AI, with the real package and a model that follows a script."""

import asyncio
import importlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pydantic_ai
import pytest
from pydantic_ai import DeferredToolRequests
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.toolsets import ExternalToolset

import sayso
import sayso_pydantic_ai
from tests.adapters.deciding import Office, office, without

Ran = list[tuple[int, float]]
Agent = pydantic_ai.Agent[Any, Any]
WHO = "refund order 1"


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


@pytest.fixture(params=["in the run", "after the run"])
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def call(order: int = 1, amount: float = 25.0, id: str = "c1") -> ToolCallPart:
    return ToolCallPart("refund", {"order": order, "amount": amount}, tool_call_id=id)


def agent(ran: Ran, *turns: list[ToolCallPart], **more: Any) -> Agent:
    left = [ModelResponse(list(turn)) for turn in turns]

    def model(messages: list[ModelMessage], info: Any) -> ModelResponse:
        return left.pop(0) if left else ModelResponse([TextPart("done")])

    made: Agent = pydantic_ai.Agent(FunctionModel(model), name="clerk", **more)

    @made.tool_plain(requires_approval=True)
    def refund(order: int, amount: float) -> str:
        ran.append((order, amount))
        return "refunded"

    return made


def running(way: str, ann: Office, clerk: Agent, **common: Any) -> asyncio.Task[Any]:
    """The agent at work, with one or the other way to ask."""
    if way == "after the run":
        return asyncio.create_task(sayso_pydantic_ai.run(ann.desk, clerk, WHO, **common))
    return asyncio.create_task(clerk.run(WHO, capabilities=[sayso_pydantic_ai.people(ann.desk, **common)]))


def told(result: Any) -> list[Any]:
    requests = [message for message in result.all_messages() if isinstance(message, ModelRequest)]
    return [part.content for message in requests for part in message.parts if isinstance(part, ToolReturnPart)]


async def test_an_allowed_call_runs_as_it_was_shown(ann: Office, way: str) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call()]), risk="high")
    [ticket] = await ann.asked()
    request = ticket.request
    assert (request.tool, request.input, request.risk) == ("refund", {"order": 1, "amount": 25.0}, "high")
    assert (request.source.agent, bool(request.source.session), ran) == ("clerk", True, [])
    result = await ann.when(task, {"verdict": "allow"})
    assert (ran, result.output) == ([(1, 25.0)], "done")


async def test_a_denied_call_does_not_run_and_the_model_reads_why(ann: Office, way: str) -> None:
    ran: Ran = []
    result = await ann.when(running(way, ann, agent(ran, [call()])), {"verdict": "deny", "reason": "too much"})
    [said] = told(result)
    assert (ran, "denied" in said, "too much" in said) == ([], True, True)


async def test_an_edited_call_runs_as_edited(ann: Office, way: str) -> None:
    ran: Ran = []
    edited = {"verdict": "allow", "input": {"order": 1, "amount": 5.0}}
    await ann.when(running(way, ann, agent(ran, [call()])), edited)
    assert ran == [(1, 5.0)]


@pytest.mark.parametrize(
    ("edited", "argument"),
    [
        ({"order": None, "amount": 5.0}, "order"),
        ({"order": 1}, "amount"),
        ({"order": 1, "amount": 5.0, "currency": "EUR"}, "currency"),
    ],
)
async def test_an_edit_that_the_tool_cannot_take_is_refused_at_the_press(
    ann: Office, way: str, edited: dict[str, Any], argument: str
) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call()]))
    [ticket] = await ann.asked()
    with pytest.raises(sayso.InvalidAnswer) as refused:
        await ann.answer(ticket, verdict="allow", input=edited)
    assert list(refused.value.complaints) == [argument]
    await ann.when(task, {"verdict": "allow"})
    assert (ran, len(await ann.all())) == ([(1, 25.0)], 1)


async def test_an_edit_that_only_the_tools_own_validator_refuses_is_asked_about_again(ann: Office, way: str) -> None:
    ran: list[int] = []
    clerk = agent([], [ToolCallPart("pack", {"count": 2}, tool_call_id="c1")])

    def even(count: int) -> int:
        if count % 2:
            raise ValueError("an even number, please")
        return count

    @clerk.tool_plain(requires_approval=True)
    def pack(count: Annotated[int, pydantic.AfterValidator(even)]) -> str:
        ran.append(count)
        return "packed"

    task = running(way, ann, clerk)
    await ann.when(task, {"verdict": "allow", "input": {"count": 3}}, {"verdict": "allow", "input": {"count": 4}})
    assert ran == [4]
    _, second = await ann.all()
    assert "an even number, please" in second.request.context["The last edit did not fit"]


async def test_somebody_answers_in_place_of_the_tool(ann: Office, way: str) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call()]), verdicts=["respond"])
    result = await ann.when(task, {"verdict": "respond", "text": "refunded in March"})
    assert (ran, told(result)) == ([], ["refunded in March"])


async def test_whoever_stops_the_agent_stops_the_run(ann: Office, way: str) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call()]), verdicts=["stop"])
    with pytest.raises(sayso.Denied):
        await ann.when(task, {"verdict": "stop"})
    assert ran == []


async def test_silence_is_a_denial(ann: Office, way: str) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call()]))
    [ticket] = await ann.asked()
    await ann.desk.cancel(ticket.id, reason="not now")
    [said] = told(await task)
    assert (ran, "withdrawn" in said) == ([], True)


async def test_several_calls_are_asked_at_once(ann: Office, way: str) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call(n, 1.0, f"c{n}") for n in (1, 2, 3)]))
    for ticket in await ann.asked(3):
        order = (ticket.request.input or {})["order"]
        await ann.answer(ticket, verdict="deny" if order == 2 else "allow")
    await task
    assert sorted(ran) == [(1, 1.0), (3, 1.0)]


async def test_each_turn_asks_anew(ann: Office, way: str) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call()], [call(2, 1.0, "c2")]))
    await ann.when(task, {"verdict": "allow"}, {"verdict": "allow"})
    assert (ran, len(await ann.all())) == ([(1, 25.0), (2, 1.0)], 2)


async def test_what_the_tool_says_when_it_wants_approval_is_on_the_card(ann: Office, way: str) -> None:
    clerk = agent([], [ToolCallPart("close", {}, tool_call_id="c1")])

    @clerk.tool
    def close(context: pydantic_ai.RunContext[Any]) -> str:
        if not context.tool_call_approved:
            raise pydantic_ai.ApprovalRequired(metadata={"customer": "Acme", "orders": [1, 2]})
        return "closed"

    task = running(way, ann, clerk)
    [ticket] = await ann.asked()
    assert ticket.request.context == {"customer": "Acme"}
    assert told(await ann.when(task, {"verdict": "allow"})) == ["closed"]


# Calls that run somewhere else


def outside(*names: str) -> ExternalToolset[Any]:
    shape = {"type": "object", "properties": {"question": {"type": "string"}}}
    return ExternalToolset([pydantic_ai.ToolDefinition(name=name, parameters_json_schema=shape) for name in names])


def asks(name: str = "ask_user", **args: Any) -> list[ToolCallPart]:
    return [ToolCallPart(name, args, tool_call_id="c1")]


@pytest.mark.parametrize(
    ("args", "asked", "answer", "returned"),
    [
        ({"question": "Who?"}, ("question", "Who?", None), {"text": "Acme"}, "Acme"),
        ({"question": "Where?", "options": ["eu", "us"]}, ("choice", "Where?", None), {"choice": "us"}, "us"),
        (
            {"question": "Where?", "options": ["eu", "us"], "multiple": True},
            ("choice", "Where?", None),
            {"choices": ["us"]},
            ["us"],
        ),
        ({"about": 1}, ("question", "ask_user asks", '~~~~json\n{\n  "about": 1\n}\n~~~~'), {"text": "yes"}, "yes"),
    ],
)
async def test_a_tool_that_people_answer_is_a_question(
    ann: Office, way: str, args: dict[str, Any], asked: Any, answer: dict[str, Any], returned: Any
) -> None:
    clerk = agent([], asks(**args), toolsets=[outside("ask_user")])
    task = running(way, ann, clerk, questions=["ask_user"])
    [ticket] = await ann.asked()
    assert (ticket.request.kind, ticket.request.title, ticket.request.body) == asked
    assert told(await ann.when(task, answer)) == [returned]


async def test_a_tool_that_defers_itself_as_a_question_is_one(ann: Office, way: str) -> None:
    clerk = agent([], asks("who", question="Who?"))

    @clerk.tool_plain
    def who(question: str) -> str:
        raise pydantic_ai.CallDeferred(kind="question")

    assert told(await ann.when(running(way, ann, clerk), {"text": "Acme"})) == ["Acme"]


async def test_a_question_that_nobody_answers_is_a_failed_call(ann: Office, way: str) -> None:
    clerk = agent([], asks(question="Who?"), toolsets=[outside("ask_user")])
    task = running(way, ann, clerk, questions=["ask_user"])
    [ticket] = await ann.asked()
    await ann.desk.cancel(ticket.id)
    assert "withdrawn" in str(told(await task))


async def test_work_for_other_systems_is_left_to_the_program(ann: Office, way: str) -> None:
    clerk = agent([], asks("render"), toolsets=[outside("render")], output_type=[str, DeferredToolRequests])
    result = await running(way, ann, clerk)
    assert [one.tool_name for one in result.output.calls] == ["render"]
    assert await ann.all() == []


async def test_people_answer_their_part_and_the_program_the_rest(ann: Office) -> None:
    ran: Ran = []
    clerk = agent(ran, [call(id="c2"), *asks("render")], toolsets=[outside("render")])
    result = await sayso_pydantic_ai.run(ann.desk, clerk, WHO)
    assert await ann.all() == []
    asking = sayso_pydantic_ai.answers(ann.desk, clerk, result.output, result.all_messages())
    results = await ann.when(asking, {"verdict": "allow"})
    assert results is not None
    assert results.answered_by == {"c2": "chat:T/ann"}
    left = result.output.remaining(results)
    assert [one.tool_name for one in left.calls] == ["render"]
    results.calls["c1"] = "a picture"
    again = await clerk.run(message_history=result.all_messages(), deferred_tool_results=results)
    assert (ran, again.output) == ([(1, 25.0)], "done")


# In the run


async def test_a_run_that_is_cancelled_withdraws_what_it_asked(ann: Office) -> None:
    task = running("in the run", ann, agent([], [call()]))
    [ticket] = await ann.asked()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    decision = (await ann.desk.get(ticket.id)).decision
    assert decision is not None
    assert decision.outcome == "cancelled"


async def test_a_stream_of_events_waits_in_the_middle(ann: Office) -> None:
    ran: Ran = []
    clerk = pydantic_ai.Agent("test", capabilities=[sayso_pydantic_ai.people(ann.desk)])

    @clerk.tool_plain(requires_approval=True)
    def refund(order: int) -> str:
        ran.append((order, 0.0))
        return "refunded"

    async def streaming() -> list[str]:
        async with clerk.run_stream_events(WHO) as stream:
            return [event.event_kind async for event in stream]

    kinds = await ann.when(streaming(), {"verdict": "allow"})
    assert (len(ran), kinds[-1]) == (1, "agent_run_result")


async def test_an_agent_inside_a_tool_asks_with_its_own_name(ann: Office) -> None:
    ran: Ran = []
    inner = agent(ran, [call()], capabilities=[sayso_pydantic_ai.people(ann.desk)])
    inner.name = "inner"
    outer = agent([], [ToolCallPart("delegate", {}, tool_call_id="d1")])

    @outer.tool_plain
    async def delegate() -> str:
        return str((await inner.run("go")).output)

    task = asyncio.create_task(outer.run(WHO))
    [ticket] = await ann.asked()
    assert ticket.request.source.agent == "inner"
    await ann.when(task, {"verdict": "allow"})
    assert ran == [(1, 25.0)]


# Kept in a file


async def killed(ann: Office, saved: Path, clerk: Agent, count: int = 1, **options: Any) -> list[str]:
    """A process that asks and then is no more; the ids of what it asked."""
    task = asyncio.create_task(sayso_pydantic_ai.run(ann.desk, clerk, WHO, saved=saved, options=options))
    asked = await ann.asked(count)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return [ticket.id for ticket in asked]


async def test_another_process_takes_the_run_up_with_the_same_requests(ann: Office, tmp_path: Path) -> None:
    ran: Ran = []
    saved = tmp_path / "run.json"
    earlier = [ModelRequest.user_text_prompt("hello"), ModelResponse([TextPart("hi")])]
    ids = await killed(ann, saved, agent(ran, [call(), call(2, 1.0, "c2")]), 2, message_history=earlier)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    for ticket in await ann.asked(2):
        await ann.answer(ticket, verdict="allow" if (ticket.request.input or {})["order"] == 1 else "deny")
    options = {"message_history": earlier, "model_settings": {"max_tokens": 9}}
    result = await sayso_pydantic_ai.run(ann.desk, agent(ran), WHO, saved=saved, options=options)
    assert (ran, result.output, saved.exists()) == ([(1, 25.0)], "done", False)
    assert sorted(ids) == sorted(ticket.id for ticket in await ann.all())
    assert [part.part_kind for message in result.all_messages() for part in message.parts].count("user-prompt") == 2


async def test_the_same_question_in_a_new_run_is_asked_anew(ann: Office, tmp_path: Path) -> None:
    ran: Ran = []
    for _ in range(2):
        again = sayso_pydantic_ai.run(ann.desk, agent(ran, [call()]), WHO, saved=tmp_path / "run.json")
        await ann.when(again, {"verdict": "allow"})
    assert (len(ran), len(await ann.all())) == (2, 2)


async def test_the_file_of_another_prompt_is_refused(ann: Office, tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    await killed(ann, saved, agent([], [call()]))
    with pytest.raises(sayso.InvalidRequest, match="another prompt"):
        await sayso_pydantic_ai.run(ann.desk, agent([]), "refund order 2", saved=saved)


async def test_a_file_that_is_no_run_is_refused(ann: Office, tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    saved.write_text("[]")
    with pytest.raises(sayso.InvalidRequest, match="is not a saved run"):
        await sayso_pydantic_ai.run(ann.desk, agent([]), WHO, saved=saved)


def test_without_the_package_it_says_what_to_install() -> None:
    with (
        without("pydantic_ai", "sayso_pydantic_ai"),
        pytest.raises(ImportError, match=r"pip install '\.\[pydantic-ai\]'"),
    ):
        importlib.import_module("sayso_pydantic_ai")


@pytest.mark.parametrize(
    ("common", "field"),
    [({"policy": "nobody-has-this"}, "policy"), ({"grants": ["always"]}, "grants"), ({"id": "r1"}, "id")],
)
async def test_what_a_deferred_call_cannot_honour_is_refused(ann: Office, way: str, common: Any, field: str) -> None:
    ran: Ran = []
    with pytest.raises(sayso.InvalidRequest) as refused:
        await running(way, ann, agent(ran, [call()]), **common)
    assert (refused.value.field, ran) == (field, [])


async def test_a_call_in_a_later_turn_is_asked_anew_whatever_its_id(ann: Office, way: str) -> None:
    ran: Ran = []
    await ann.when(running(way, ann, agent(ran, [call()], [call()])), {"verdict": "allow"}, {"verdict": "deny"})
    assert (ran, len(await ann.all())) == ([(1, 25.0)], 2)


async def test_a_question_beside_a_call_has_no_answer_instead(ann: Office, way: str) -> None:
    clerk = agent([], [*asks(question="Who?"), call(id="c2")], toolsets=[outside("ask_user")])
    task = running(way, ann, clerk, questions=["ask_user"], verdicts=["respond", "stop"])
    by_kind = {ticket.request.kind: ticket for ticket in await ann.asked(2)}
    assert by_kind["question"].request.verdicts == ("stop",)
    assert by_kind["permission"].request.verdicts == ("respond", "stop")
    await ann.answer(by_kind["permission"], verdict="deny")
    await ann.answer(by_kind["question"], text="Acme")
    assert (await ann.when(task)).output == "done"


async def test_messages_of_no_run_are_refused(ann: Office) -> None:
    with pytest.raises(sayso.InvalidRequest, match="not messages of a run"):
        await sayso_pydantic_ai.answers(ann.desk, agent([]), DeferredToolRequests(approvals=[call()]), [])


async def test_a_stop_does_not_wait_for_the_rest(ann: Office, way: str) -> None:
    ran: Ran = []
    task = running(way, ann, agent(ran, [call(), call(2, 1.0, "c2")]), verdicts=["stop"])
    first, second = await ann.asked(2)
    await ann.answer(second, verdict="stop")
    with pytest.raises(sayso.Denied):
        await ann.when(task)
    decision = (await ann.desk.get(first.id)).decision
    assert ran == []
    assert (decision is None) == (way == "after the run")
