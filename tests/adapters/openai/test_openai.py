"""Tool approvals of the OpenAI Agents SDK, with the real package and its own scripted model."""

import asyncio
import importlib
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agents
import pytest
from agents.testing import ScriptedModel, assistant_message, function_call

import sayso
import sayso_openai
from tests.adapters.deciding import Office, office, without

Ran = list[tuple[int, float]]
WHO = "refund order 1"


@dataclass
class Clerk:
    """An object that no run state can hold."""

    name: str


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


@pytest.fixture(autouse=True)
def without_tracing() -> Iterator[None]:
    """Traces would be sent to OpenAI."""
    agents.set_tracing_disabled(True)
    yield
    agents.set_tracing_disabled(False)


def call(order: int = 1, amount: float = 25.0, id: str = "c1", name: str = "refund") -> Any:
    return function_call(name, {"order": order, "amount": amount}, call_id=id)


def agent(ran: Ran, *turns: list[Any], name: str = "clerk", tools: list[Any] | None = None) -> agents.Agent[Any]:
    @agents.function_tool(needs_approval=True)
    def refund(order: int, amount: float) -> str:
        """Refund an order."""
        ran.append((order, amount))
        return "refunded"

    model = ScriptedModel([*turns, [assistant_message("done")]])
    return agents.Agent(name, model=model, tools=tools or [refund])


def told(result: agents.RunResult) -> list[str]:
    return [str(item.output) for item in result.new_items if isinstance(item, agents.ToolCallOutputItem)]


async def test_an_allowed_call_runs_as_it_was_shown(ann: Office) -> None:
    ran: Ran = []
    running = asyncio.create_task(sayso_openai.run(ann.desk, agent(ran, [call()]), WHO, risk="high"))
    [ticket] = await ann.asked()
    request = ticket.request
    assert (request.tool, request.input, request.editable) == ("refund", {"order": 1, "amount": 25.0}, False)
    assert (request.source.agent, request.risk, ran) == ("clerk", "high", [])
    result = await ann.when(running, {"verdict": "allow"})
    assert (ran, result.final_output) == ([(1, 25.0)], "done")


async def test_a_denied_call_does_not_run_and_the_model_reads_why(ann: Office) -> None:
    ran: Ran = []
    running = sayso_openai.run(ann.desk, agent(ran, [call()]), WHO)
    result = await ann.when(running, {"verdict": "deny", "reason": "too much"})
    [said] = told(result)
    assert (ran, "denied" in said, "too much" in said) == ([], True, True)


async def test_an_edit_is_refused_since_the_sdk_cannot_run_it(ann: Office) -> None:
    ran: Ran = []
    running = asyncio.create_task(sayso_openai.run(ann.desk, agent(ran, [call()]), WHO))
    [ticket] = await ann.asked()
    with pytest.raises(sayso.InvalidAnswer):
        await ann.answer(ticket, verdict="allow", input={"order": 1, "amount": 5.0})
    await ann.when(running, {"verdict": "allow"})
    assert ran == [(1, 25.0)]


async def test_somebody_answers_in_place_of_the_tool(ann: Office) -> None:
    ran: Ran = []
    running = sayso_openai.run(ann.desk, agent(ran, [call()]), WHO, verdicts=["respond"])
    assert told(await ann.when(running, {"verdict": "respond", "text": "refunded in March"})) == ["refunded in March"]
    assert ran == []


async def test_whoever_stops_the_agent_stops_the_run(ann: Office) -> None:
    ran: Ran = []
    running = sayso_openai.run(ann.desk, agent(ran, [call()]), WHO, verdicts=["stop"])
    with pytest.raises(sayso.Denied):
        await ann.when(running, {"verdict": "stop"})
    assert ran == []


async def test_silence_is_a_rejection(ann: Office) -> None:
    ran: Ran = []
    running = asyncio.create_task(sayso_openai.run(ann.desk, agent(ran, [call()]), WHO))
    [ticket] = await ann.asked()
    await ann.desk.cancel(ticket.id, reason="not now")
    assert "withdrawn" in told(await running)[0]
    assert ran == []


async def test_several_calls_are_asked_at_once(ann: Office) -> None:
    ran: Ran = []
    wanted = [call(n, 1.0, f"c{n}") for n in (1, 2, 3)]
    running = asyncio.create_task(sayso_openai.run(ann.desk, agent(ran, wanted), WHO))
    for ticket in await ann.asked(3):
        order = (ticket.request.input or {})["order"]
        await ann.answer(ticket, verdict="deny" if order == 2 else "allow")
    await running
    assert sorted(ran) == [(1, 1.0), (3, 1.0)]


async def test_a_grant_for_the_session_holds_for_the_rest_of_the_run(ann: Office) -> None:
    ran: Ran = []
    running = sayso_openai.run(ann.desk, agent(ran, [call()], [call(2, 1.0, "c2")]), WHO, grants=["session"])
    await ann.when(running, {"verdict": "allow", "grant": "session"})
    assert (ran, len(await ann.all())) == ([(1, 25.0), (2, 1.0)], 1)


async def test_a_grant_does_not_overrule_a_denial_beside_it(ann: Office) -> None:
    ran: Ran = []
    running = asyncio.create_task(
        sayso_openai.run(ann.desk, agent(ran, [call(), call(2, 1.0, "c2")]), WHO, grants=["session"])
    )
    by_order = {(ticket.request.input or {})["order"]: ticket for ticket in await ann.asked(2)}
    await ann.answer(by_order[1], verdict="deny")
    await ann.answer(by_order[2], verdict="allow", grant="session")
    await running
    assert ran == [(2, 1.0)]


async def test_a_grant_beyond_the_run_is_refused(ann: Office) -> None:
    with pytest.raises(sayso.InvalidRequest, match="no grant beyond a run"):
        await sayso_openai.run(ann.desk, agent([], [call()]), WHO, grants=["always"])


async def test_arguments_that_are_no_json_are_shown_as_they_are(ann: Office) -> None:
    ran: Ran = []
    wanted = function_call("refund", '{"order": 1, ', call_id="c1")
    running = asyncio.create_task(sayso_openai.run(ann.desk, agent(ran, [wanted]), WHO))
    [ticket] = await ann.asked()
    assert (ticket.request.input or {})["arguments"] == '{"order": 1, '
    await ann.when(running, {"verdict": "deny"})
    assert ran == []


async def test_a_shell_command_is_shown_whole_and_found_again(ann: Office, tmp_path: Path) -> None:
    ran: list[Any] = []

    def execute(request: agents.ShellCommandRequest) -> str:
        ran.append(request.data.action.commands)
        return "deployed"

    action = {"commands": ["make deploy"], "timeout_ms": 1000}
    wanted = {"type": "shell_call", "id": "sh1", "call_id": "c1", "status": "completed", "action": action}
    tools = [agents.ShellTool(executor=execute, needs_approval=True)]
    await killed(ann, tmp_path / "run.json", agent([], [wanted], tools=tools))
    [ticket] = await ann.asked()
    assert (ticket.request.tool, (ticket.request.input or {})["action"]["commands"]) == ("shell", ["make deploy"])
    again = sayso_openai.run(ann.desk, agent([], tools=tools), WHO, saved=tmp_path / "run.json")
    await ann.when(again, {"verdict": "allow"})
    assert (ran, len(await ann.all())) == ([["make deploy"]], 1)


async def test_an_agent_used_as_a_tool_asks_with_its_own_name(ann: Office) -> None:
    ran: Ran = []
    inner = agent(ran, [call()], name="inner")
    outer = agent([], [function_call("helper", {"input": "go"}, call_id="h1")], tools=[inner.as_tool("helper", "x")])
    running = asyncio.create_task(sayso_openai.run(ann.desk, outer, WHO))
    [ticket] = await ann.asked()
    assert ticket.request.source.agent == "inner"
    await ann.when(running, {"verdict": "allow"})
    assert ran == [(1, 25.0)]


async def test_the_agent_it_was_handed_to_asks_with_its_own_name(ann: Office) -> None:
    ran: Ran = []
    inner = agent(ran, [call()], name="inner")
    outer = agent([], [function_call("transfer_to_inner", {}, call_id="h1")])
    outer.handoffs = [inner]
    running = asyncio.create_task(sayso_openai.run(ann.desk, outer, WHO))
    [ticket] = await ann.asked()
    assert ticket.request.source.agent == "inner"
    result = await ann.when(running, {"verdict": "allow"})
    assert (ran, result.last_agent.name) == ([(1, 25.0)], "inner")


async def test_a_run_that_is_cancelled_withdraws_what_it_asked(ann: Office) -> None:
    running = asyncio.create_task(sayso_openai.run(ann.desk, agent([], [call()]), WHO))
    [ticket] = await ann.asked()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    decision = (await ann.desk.get(ticket.id)).decision
    assert decision is not None
    assert decision.outcome == "cancelled"


async def test_a_stream_is_resumed_by_a_loop_of_its_own(ann: Office) -> None:
    ran: Ran = []
    clerk = agent(ran, [call()])

    async def streaming() -> Any:
        given: Any = WHO
        while True:
            result = agents.Runner.run_streamed(clerk, given)
            async for _ in result.stream_events():
                pass
            if not result.interruptions:
                return result.final_output
            given = await sayso_openai.answers(ann.desk, result.to_state())

    assert await ann.when(streaming(), {"verdict": "allow"}) == "done"
    assert ran == [(1, 25.0)]


# Kept in a file


async def killed(ann: Office, saved: Path, clerk: agents.Agent[Any], count: int = 1, **options: Any) -> list[str]:
    """A process that asks and then is no more; the ids of what it asked."""
    running = asyncio.create_task(sayso_openai.run(ann.desk, clerk, WHO, saved=saved, options=options))
    asked = await ann.asked(count)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return [ticket.id for ticket in asked]


async def test_another_process_takes_the_run_up_with_the_same_requests(ann: Office, tmp_path: Path) -> None:
    ran: Ran = []
    saved = tmp_path / "run.json"
    ids = await killed(ann, saved, agent(ran, [call(), call(2, 1.0, "c2")]), 2)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    for ticket in await ann.asked(2):
        await ann.answer(ticket, verdict="allow" if (ticket.request.input or {})["order"] == 1 else "deny")
    result = await sayso_openai.run(ann.desk, agent(ran), WHO, saved=saved)
    assert (ran, result.final_output, saved.exists()) == ([(1, 25.0)], "done", False)
    assert sorted(ids) == sorted(ticket.id for ticket in await ann.all())


async def test_a_grant_survives_the_process(ann: Office, tmp_path: Path) -> None:
    ran: Ran = []
    saved = tmp_path / "run.json"

    @agents.function_tool(needs_approval=True)
    def close() -> str:
        return "closed"

    def clerk(*turns: list[Any]) -> agents.Agent[Any]:
        made = agent(ran, *turns)
        return made.clone(tools=[*made.tools, close])

    first = clerk([call()], [function_call("close", {}, call_id="c2")])
    running = asyncio.create_task(sayso_openai.run(ann.desk, first, WHO, saved=saved, grants=["session"]))
    await ann.say(verdict="allow", grant="session")
    assert [ticket.request.tool for ticket in await ann.asked()] == ["close"]
    running.cancel()
    await asyncio.wait([running])
    second = clerk([call(3, 3.0, "c3")])
    again = sayso_openai.run(ann.desk, second, WHO, saved=saved, grants=["session"])
    await ann.when(again, {"verdict": "allow"})
    assert (ran, len(await ann.all())) == ([(1, 25.0), (3, 3.0)], 2)


async def test_a_context_is_given_again_and_never_written_down(ann: Office, tmp_path: Path) -> None:
    seen: list[Any] = []

    @agents.function_tool(needs_approval=True)
    def refund(context: agents.RunContextWrapper[Clerk]) -> str:
        seen.append(context.context)
        return "refunded"

    saved = tmp_path / "run.json"
    wanted = [function_call("refund", {}, call_id="c1")]
    await killed(ann, saved, agent([], wanted, tools=[refund]), context=Clerk("secret-1"))
    assert "secret-1" not in saved.read_text()
    again = Clerk("secret-2")
    running = sayso_openai.run(ann.desk, agent([], tools=[refund]), WHO, saved=saved, options={"context": again})
    await ann.when(running, {"verdict": "allow"})
    assert seen == [again]


async def test_a_plain_context_comes_back_from_the_file(ann: Office, tmp_path: Path) -> None:
    seen: list[Any] = []

    @agents.function_tool(needs_approval=True)
    def refund(context: agents.RunContextWrapper[Any]) -> str:
        seen.append(context.context)
        return "refunded"

    saved = tmp_path / "run.json"
    wanted = [function_call("refund", {}, call_id="c1")]
    await killed(ann, saved, agent([], wanted, tools=[refund]), context={"customer": "Acme"})
    again = sayso_openai.run(ann.desk, agent([], tools=[refund]), WHO, saved=saved, options={"context": {}})
    await ann.when(again, {"verdict": "allow"})
    assert seen == [{"customer": "Acme"}]


async def test_the_same_question_in_a_new_run_is_asked_anew(ann: Office, tmp_path: Path) -> None:
    ran: Ran = []
    for _ in range(2):
        running = sayso_openai.run(ann.desk, agent(ran, [call()]), WHO, saved=tmp_path / "run.json")
        await ann.when(running, {"verdict": "allow"})
    assert (len(ran), len(await ann.all())) == (2, 2)


async def test_the_file_of_another_input_is_refused(ann: Office, tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    await killed(ann, saved, agent([], [call()]))
    with pytest.raises(sayso.InvalidRequest, match="another input"):
        await sayso_openai.run(ann.desk, agent([]), "refund order 2", saved=saved)


async def test_a_file_that_is_no_run_is_refused(ann: Office, tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    saved.write_text("[]")
    with pytest.raises(sayso.InvalidRequest, match="is not a saved run"):
        await sayso_openai.run(ann.desk, agent([]), WHO, saved=saved)


def test_without_the_package_it_says_what_to_install() -> None:
    with without("agents", "sayso_openai"), pytest.raises(ImportError, match=r"pip install '\.\[openai\]'"):
        importlib.import_module("sayso_openai")


@pytest.mark.parametrize(
    ("common", "field"),
    [({"policy": "nobody-has-this"}, "policy"), ({"editable": True}, "editable"), ({"id": "r1"}, "id")],
)
async def test_what_an_approval_cannot_honour_is_refused(ann: Office, common: Any, field: str) -> None:
    ran: Ran = []
    with pytest.raises(sayso.InvalidRequest) as refused:
        await sayso_openai.run(ann.desk, agent(ran, [call()]), WHO, **common)
    assert (refused.value.field, ran) == (field, [])


async def test_a_call_whose_id_was_used_before_never_runs_on_the_old_decision(ann: Office, tmp_path: Path) -> None:
    ran: Ran = []
    saved = tmp_path / "run.json"
    await ann.when(sayso_openai.run(ann.desk, agent(ran, [call()], [call()]), WHO, saved=saved), {"verdict": "allow"})
    assert ran == [(1, 25.0)]
    with pytest.raises(agents.ModelBehaviorError, match="reused"):
        await ann.when(
            sayso_openai.run(ann.desk, agent(ran, [call()], [call(2)]), WHO, saved=saved), {"verdict": "deny"}
        )
    assert ran == [(1, 25.0)]


async def test_a_stop_does_not_wait_for_the_rest(ann: Office) -> None:
    ran: Ran = []
    task = asyncio.create_task(
        sayso_openai.run(ann.desk, agent(ran, [call(), call(2, 1.0, "c2")]), WHO, verdicts=["stop"])
    )
    first, second = await ann.asked(2)
    await ann.answer(second, verdict="stop")
    with pytest.raises(sayso.Denied):
        await ann.when(task)
    decision = (await ann.desk.get(first.id)).decision
    assert ran == []
    assert decision is not None
    assert decision.outcome == "cancelled"
