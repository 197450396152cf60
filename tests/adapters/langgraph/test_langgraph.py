"""LangGraph's and LangChain's own pauses, with the real packages and a model that follows a script."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pydantic
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentState
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

import sayso
import sayso_langgraph
from tests.adapters.deciding import Office, office, without
from tests.adapters.langgraph.scene import HI, Ran, Scripted, State, agent, asking, call, calls, helped, on, only, told

# pyright: reportMissingTypeStubs=false


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


@pytest.fixture(params=["batched", "per_call"])
def mode(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_an_allowed_call_runs_as_it_was_shown(ann: Office, mode: str) -> None:
    ran: Ran = []
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, agent(ran, call(), mode=mode), HI, on(), policy=None))
    [ticket] = await ann.asked()
    request = ticket.request
    assert (request.tool, request.input, request.body) == ("refund", {"order": 1, "amount": 25.0}, None)
    assert (request.source.agent, request.source.session, request.verdicts) == ("clerk", "t-1", ("respond",))
    assert ran == []
    output = await ann.when(running, {"verdict": "allow"})
    assert (ran, output["messages"][-1].content) == ([(1, 25.0)], "done")


async def test_a_denied_call_does_not_run_and_the_model_reads_why(ann: Office, mode: str) -> None:
    ran: Ran = []
    running = sayso_langgraph.run(ann.desk, agent(ran, call(), mode=mode), HI, on())
    output = await ann.when(running, {"verdict": "deny", "reason": "too much"})
    assert ran == []
    [said] = told(output)
    assert "rejected" in said
    assert "too much" in said


async def test_an_edited_call_runs_as_edited(ann: Office, mode: str) -> None:
    ran: Ran = []
    running = sayso_langgraph.run(ann.desk, agent(ran, call(), mode=mode), HI, on())
    output = await ann.when(running, {"verdict": "allow", "input": {"order": 1, "amount": 5.0}})
    assert ran == [(1, 5.0)]
    assert '{"order": 1, "amount": 5.0}' in told(output)[0]


@pytest.mark.parametrize(
    ("edited", "argument"),
    [
        ({"order": None, "amount": 5.0}, "order"),
        ({"order": 1}, "amount"),
        ({"order": 1, "amount": 5.0, "currency": "EUR"}, "currency"),
    ],
)
async def test_an_edit_that_the_tool_cannot_take_is_refused_at_the_press(
    ann: Office, mode: str, edited: dict[str, Any], argument: str
) -> None:
    ran: Ran = []
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, agent(ran, call(), mode=mode), HI, on()))
    [ticket] = await ann.asked()
    with pytest.raises(sayso.InvalidAnswer) as refused:
        await ann.answer(ticket, verdict="allow", input=edited)
    assert list(refused.value.complaints) == [argument]
    await ann.when(running, {"verdict": "allow"})
    assert (ran, len(await ann.all())) == ([(1, 25.0)], 1)


async def test_somebody_answers_in_place_of_the_tool(ann: Office, mode: str) -> None:
    ran: Ran = []
    running = sayso_langgraph.run(ann.desk, agent(ran, call(), mode=mode), HI, on())
    output = await ann.when(running, {"verdict": "respond", "text": "it was refunded in March"})
    assert (ran, told(output)) == ([], ["it was refunded in March"])


async def test_a_tool_that_people_answer_is_a_question(ann: Office, mode: str) -> None:
    wanted = call(name="ask_user", question="Which customer?")
    running = sayso_langgraph.run(ann.desk, agent([], wanted, review=only("respond"), mode=mode), HI, on())
    task = asyncio.create_task(running)
    [ticket] = await ann.asked()
    assert (ticket.request.kind, ticket.request.title, ticket.request.verdicts) == ("question", "Which customer?", ())
    assert told(await ann.when(task, {"text": "Acme"})) == ["Acme"]


async def test_a_question_may_be_declined_where_the_middleware_takes_a_rejection(ann: Office) -> None:
    wanted = call(name="ask_user", question="Which customer?")
    running = sayso_langgraph.run(ann.desk, agent([], wanted, review=only("respond", "reject")), HI, on())
    [said] = told(await ann.when(running, {"verdict": "deny"}))
    assert "declined" in said


async def test_only_what_the_middleware_allows_has_a_button(ann: Office, mode: str) -> None:
    running = sayso_langgraph.run(
        ann.desk, agent([], call(), review=only("approve", "reject"), mode=mode), HI, on(), risk="high"
    )
    task = asyncio.create_task(running)
    [ticket] = await ann.asked()
    assert (ticket.request.editable, ticket.request.verdicts, ticket.request.risk) == (False, (), "high")
    with pytest.raises(sayso.InvalidAnswer):
        await ann.answer(ticket, verdict="allow", input={"order": 1, "amount": 1.0})
    await ann.when(task, {"verdict": "allow"})


async def test_a_denial_that_the_middleware_cannot_take_leaves_the_thread_paused(ann: Office, mode: str) -> None:
    ran: Ran = []
    graph = agent(ran, call(), review=only("approve", "edit"), mode=mode)
    with pytest.raises(sayso.Denied, match="was denied by"):
        await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on()), {"verdict": "deny"})
    with pytest.raises(sayso.Denied):
        await sayso_langgraph.run(ann.desk, graph, None, on())
    assert (ran, len(await ann.all()), len((await graph.aget_state(on())).interrupts)) == ([], 1, 1)


async def test_an_allowed_call_counts_as_an_edit_where_only_edits_are_taken(ann: Office, mode: str) -> None:
    ran: Ran = []
    graph = agent(ran, call(), review=only("edit", "reject"), mode=mode)
    await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on()), {"verdict": "allow"})
    assert ran == [(1, 25.0)]


async def test_a_review_that_can_only_reject_is_refused(ann: Office, mode: str) -> None:
    graph = agent([], call(), review=only("reject"), mode=mode)
    with pytest.raises(sayso.InvalidRequest, match="nobody may allow refund"):
        await sayso_langgraph.run(ann.desk, graph, HI, on())


async def test_whoever_stops_the_agent_stops_the_run(ann: Office) -> None:
    ran: Ran = []
    graph = agent(ran, call())
    with pytest.raises(sayso.Denied):
        await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on(), verdicts=["stop"]), {"verdict": "stop"})
    assert (ran, len((await graph.aget_state(on())).interrupts)) == ([], 1)


async def test_what_the_developer_wrote_for_reviewers_is_on_the_card(ann: Office) -> None:
    described = {**only("approve", "reject"), "description": "Check the order first."}
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, agent([], call(), review=described), HI, on()))
    [ticket] = await ann.asked()
    assert ticket.request.body == "Check the order first."
    await ann.when(running, {"verdict": "allow"})


async def test_several_calls_are_asked_at_once_and_each_gets_its_own_decision(ann: Office, mode: str) -> None:
    ran: Ran = []
    wanted = [{"name": "refund", "args": {"order": n, "amount": 1.0}} for n in (1, 2, 3)]
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, agent(ran, calls(*wanted), mode=mode), HI, on()))
    by_order = {str((ticket.request.input or {})["order"]): ticket for ticket in await ann.asked(3)}
    await ann.answer(by_order["3"], verdict="deny", reason="not that one")
    await ann.answer(by_order["1"], verdict="allow")
    await ann.answer(by_order["2"], verdict="respond", text="twice is enough")
    output = await ann.when(running)
    said = {message.tool_call_id: message.content for message in output["messages"] if isinstance(message, ToolMessage)}
    assert (ran, said["c0"], said["c1"]) == ([(1, 1.0)], "refunded", "twice is enough")
    assert "not that one" in said["c2"]


async def test_each_turn_asks_anew(ann: Office, mode: str) -> None:
    ran: Ran = []
    running = sayso_langgraph.run(ann.desk, agent(ran, call(), call(), mode=mode), HI, on())
    await ann.when(running, {"verdict": "allow"}, {"verdict": "allow"})
    assert (len(ran), len(await ann.all())) == (2, 2)


async def test_another_process_finds_the_pause_in_the_checkpoint_and_the_same_request(
    ann: Office, mode: str, tmp_path: Path
) -> None:
    ran: Ran = []
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
        first = asyncio.create_task(sayso_langgraph.run(ann.desk, agent(ran, call(), mode=mode, saver=saver), HI, on()))
        [asked] = await ann.asked()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    [ticket] = await ann.asked()
    assert ticket.id == asked.id
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
        again = sayso_langgraph.run(ann.desk, agent(ran, mode=mode, saver=saver), None, on())
        output = await ann.when(again, {"verdict": "allow"})
    assert (ran, len(await ann.all()), output["messages"][-1].content) == ([(1, 25.0)], 1, "done")


async def test_the_same_pause_in_another_thread_is_another_request(ann: Office) -> None:
    for thread in ("t-1", "t-2"):
        await ann.when(sayso_langgraph.run(ann.desk, agent([], call()), HI, on(thread)), {"verdict": "allow"})
    assert len({ticket.id for ticket in await ann.all()}) == 2


async def test_a_new_input_for_a_thread_that_waits_is_refused(ann: Office) -> None:
    graph = agent([], call())
    await graph.ainvoke(HI, on())
    with pytest.raises(sayso.InvalidRequest, match="waits for people already"):
        await sayso_langgraph.run(ann.desk, graph, HI, on())


async def test_a_thread_without_an_id_is_refused(ann: Office) -> None:
    configs: Any = ({}, None)
    for config in configs:
        with pytest.raises(sayso.InvalidRequest, match="has an id"):
            await sayso_langgraph.run(ann.desk, agent([]), HI, config)


async def test_a_graph_that_keeps_nothing_is_refused_before_it_runs(ann: Office) -> None:
    ran: Ran = []
    graph = agent(ran, call())
    graph.checkpointer = None
    with pytest.raises(sayso.InvalidRequest, match="has a checkpointer"):
        await sayso_langgraph.run(ann.desk, graph, HI, on())
    assert ran == []


async def test_a_loop_that_streams_resumes_by_itself(ann: Office) -> None:
    ran: Ran = []
    graph = agent(ran, call())
    seen: list[str] = []

    async def streaming() -> None:
        step: Any = HI
        while step:
            async for chunk in graph.astream(step, on(), stream_mode="updates"):
                seen.extend(chunk)
            step = await sayso_langgraph.answers(ann.desk, graph, on())

    await ann.when(streaming(), {"verdict": "allow"})
    assert (ran, "__interrupt__" in seen, seen.count("tools")) == ([(1, 25.0)], True, 1)


# Interrupts of a graph's own nodes


class Refund(pydantic.BaseModel):
    amount: float
    region: Literal["eu", "us"] = "eu"


@pytest.mark.parametrize(
    ("value", "schema", "asked", "answer", "returned"),
    [
        ("Which customer?", None, ("question", "Which customer?", None), {"text": "Acme"}, "Acme"),
        ("w" * 501, None, ("question", "The agent asks", "w" * 501), {"text": "Acme"}, "Acme"),
        (["eu", "us"], None, ("choice", "Which one?", None), {"choice": "us"}, "us"),
        (
            {"question": "Where?", "options": ["eu", "us"], "multiple": True},
            None,
            ("choice", "Where?", None),
            {"choices": ["us", "eu"]},
            ["us", "eu"],
        ),
        (
            {"question": "Good?", "draft": "Dear"},
            None,
            ("question", "Good?", '~~~~json\n{\n  "draft": "Dear"\n}\n~~~~'),
            {"text": "yes"},
            "yes",
        ),
        (42, None, ("question", "The agent asks", '~~~~json\n{\n  "value": 42\n}\n~~~~'), {"text": "yes"}, "yes"),
        (
            "How much?",
            Refund,
            ("form", "How much?", None),
            {"values": {"amount": 2.5, "region": "us"}},
            Refund(amount=2.5, region="us"),
        ),
        ("Sure?", bool, ("form", "Sure?", None), {"values": {"answer": True}}, True),
        ("Where?", Literal["eu", "us"], ("form", "Where?", None), {"values": {"answer": "us"}}, "us"),
    ],
)
async def test_a_plain_interrupt_is_asked_by_what_it_looks_like(
    ann: Office, value: Any, schema: Any, asked: Any, answer: Any, returned: Any
) -> None:
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, asking(value, schema=schema), {"said": []}, on()))
    [ticket] = await ann.asked()
    assert (ticket.request.kind, ticket.request.title, ticket.request.body) == asked
    assert await ann.when(running, answer) == {"said": [returned]}


async def test_a_value_that_the_schema_refuses_never_reaches_the_node(ann: Office) -> None:
    graph = asking("How much?", schema=Refund)
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, {"said": []}, on()))
    [ticket] = await ann.asked()
    with pytest.raises(sayso.InvalidAnswer):
        await ann.answer(ticket, values={"amount": "much"})
    assert await ann.when(running, {"values": {"amount": 1.0}}) == {"said": [Refund(amount=1.0)]}


async def test_two_questions_of_one_node_are_two_requests(ann: Office) -> None:
    running = sayso_langgraph.run(ann.desk, asking("Sure?", "Sure?"), {"said": []}, on())
    assert await ann.when(running, {"text": "yes"}, {"text": "no"}) == {"said": ["yes", "no"]}


async def test_a_plain_interrupt_that_nobody_answers_leaves_the_thread_paused(ann: Office) -> None:
    graph = asking("Which customer?")
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, {"said": []}, on()))
    [ticket] = await ann.asked()
    await ann.desk.cancel(ticket.id, reason="not now")
    with pytest.raises(sayso.Denied, match="not now"):
        await running
    assert (await graph.aget_state(on())).next == ("node",)


async def test_what_is_no_json_is_refused(ann: Office) -> None:
    with pytest.raises(sayso.InvalidRequest, match="no JSON"):
        await sayso_langgraph.run(ann.desk, asking({"question": "Sure?", "who": {1, 2}}), {"said": []}, on())


async def test_parallel_nodes_and_subgraphs_are_asked_at_once(ann: Office) -> None:
    def branch(state: Any) -> Any:
        return {"said": [interrupt(state["about"])]}

    inner = StateGraph(State)
    inner.add_node("inside", lambda state: {"said": [interrupt("inner?")]})
    inner.add_edge(START, "inside")
    graph = StateGraph(State)
    graph.add_node("branch", branch)
    graph.add_node("inner", inner.compile())
    graph.add_conditional_edges(
        START,
        lambda _: [Send("branch", {"about": "a?"}), Send("branch", {"about": "b?"}), "inner"],
        ["branch", "inner"],
    )
    graph.add_edge("branch", END)
    running = asyncio.create_task(
        sayso_langgraph.run(ann.desk, graph.compile(checkpointer=InMemorySaver()), {"said": []}, on())
    )
    for ticket in await ann.asked(3):
        await ann.answer(ticket, text=f"answer to {ticket.request.title}")
    output = await ann.when(running)
    assert sorted(output["said"]) == ["answer to a?", "answer to b?", "answer to inner?"]


# The typed helper


async def test_a_node_asks_any_request_and_gets_the_decision_with_its_typed_value(ann: Office) -> None:
    got: list[sayso.Decision] = []
    graph = helped(sayso.Form("How much?", Refund, risk="high"), sayso.Permission(tool="refund", input={}), ran=got)
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, {"said": []}, on(), risk="low", body="common"))
    [ticket] = await ann.asked()
    assert (ticket.request.risk, ticket.request.body, ticket.request.source.session) == ("high", "common", "t-1")
    await ann.when(running, {"values": {"amount": 2.0}}, {"verdict": "deny"})
    assert (got[0].value, got[1].allowed) == (Refund(amount=2.0), False)


async def test_a_node_that_asks_hears_that_nobody_answered(ann: Office) -> None:
    got: list[sayso.Decision] = []
    running = asyncio.create_task(
        sayso_langgraph.run(ann.desk, helped(sayso.Question("Who?", id="who-1"), ran=got), {"said": []}, on())
    )
    [ticket] = await ann.asked()
    assert ticket.id == "who-1"
    await ann.desk.cancel("who-1")
    await running
    assert got[0].outcome == "cancelled"


async def test_a_request_that_cannot_be_asked_fails_in_the_node(ann: Office) -> None:
    with pytest.raises(sayso.InvalidRequest):
        await sayso_langgraph.run(ann.desk, helped(sayso.Choice("Which?", []), ran=[]), {"said": []}, on())


async def test_a_thread_at_its_end_is_left_alone(ann: Office) -> None:
    graph = agent([], call())
    await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on()), {"verdict": "allow"})
    assert (await sayso_langgraph.run(ann.desk, graph, None, on()))["messages"][-1].content == "done"
    assert await sayso_langgraph.answers(ann.desk, graph, on()) is None


async def test_an_answer_given_past_the_desk_does_not_count_twice(ann: Office) -> None:
    ran: Ran = []
    graph = agent(ran, call())
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, HI, on()))
    await ann.asked()
    await graph.ainvoke(Command(resume={"decisions": [{"type": "reject"}]}), on())
    await ann.when(running, {"verdict": "allow"})
    assert ran == []


def test_without_the_package_it_says_what_to_install() -> None:
    with without("langgraph", "sayso_langgraph"), pytest.raises(ImportError, match=r"pip install '\.\[langgraph\]'"):
        importlib.import_module("sayso_langgraph")


@pytest.mark.parametrize(
    ("common", "field"),
    [
        ({"policy": "nobody-has-this"}, "policy"),
        ({"grants": ["session"]}, "grants"),
        ({"verdicts": ["respond"]}, "verdicts"),
        ({"id": "r1"}, "id"),
    ],
)
async def test_what_a_pause_cannot_honour_is_refused(ann: Office, common: Any, field: str) -> None:
    ran: Ran = []
    with pytest.raises(sayso.InvalidRequest) as refused:
        await sayso_langgraph.run(ann.desk, agent(ran, call()), HI, on(), **common)
    assert (refused.value.field, ran) == (field, [])


async def test_a_past_checkpoint_does_not_get_its_decisions_a_second_time(ann: Office, mode: str) -> None:
    ran: Ran = []
    graph = agent(ran, call(), mode=mode)
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, HI, on()))
    await ann.asked()
    past = (await graph.aget_state(on())).config
    await ann.when(running, {"verdict": "allow"})
    with pytest.raises(sayso.InvalidRequest, match="the newest state of a thread"):
        await sayso_langgraph.run(ann.desk, graph, None, past)
    assert len(ran) == 1


async def test_what_only_looks_like_a_review_is_refused(ann: Office) -> None:
    odd = {"action_requests": [{"name": "refund", "args": {}}], "review_configs": []}
    with pytest.raises(sayso.InvalidRequest, match="no review of tool calls") as refused:
        await sayso_langgraph.run(ann.desk, asking(odd), {"said": []}, on())
    assert "KeyError" not in refused.value.message
    assert "review_configs have action_name" in str(refused.value.hint)


async def test_an_edit_is_not_measured_by_the_tool_of_another_agent(ann: Office) -> None:
    def refund(order: str) -> str:
        """Refund an order, in another way."""
        return order

    other = create_agent(Scripted(responses=[AIMessage("done")]), [tool(refund)], name="other")
    ran: Ran = []
    graph: Any = StateGraph(AgentState)
    graph.add_node("other", other)
    graph.add_node("one", agent(ran, call(), saver=True))
    graph.add_edge(START, "one")
    graph.add_edge("one", "other")
    whole = graph.compile(checkpointer=InMemorySaver())
    edited = {"verdict": "allow", "input": {"order": 1, "amount": 5.0}}
    await ann.when(sayso_langgraph.run(ann.desk, whole, HI, on()), edited)
    assert ran == [(1, 5.0)]


async def test_a_stop_does_not_wait_for_the_rest(ann: Office, mode: str) -> None:
    ran: Ran = []
    task = asyncio.create_task(
        sayso_langgraph.run(
            ann.desk,
            agent(ran, calls(*[{"name": "refund", "args": {"order": n, "amount": 1.0}} for n in (1, 2)]), mode=mode),
            HI,
            on(),
            verdicts=["stop"],
        )
    )
    first, second = await ann.asked(2)
    await ann.answer(second, verdict="stop")
    with pytest.raises(sayso.Denied):
        await ann.when(task)
    decision = (await ann.desk.get(first.id)).decision
    assert ran == []
    assert decision is None
