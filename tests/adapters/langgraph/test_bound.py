"""A decision in LangGraph is for what was asked, wherever the framework puts it, and an allow is for one run."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command

import sayso
import sayso_langgraph
from sayso import model
from sayso.content import digest, requests
from sayso_langgraph import pauses
from tests.adapters.deciding import Office, office
from tests.adapters.langgraph.scene import HI, Ran, Scripted, agent, asking, call, calls, helped, on, told
from tests.conftest import BOUND, until

# pyright: reportMissingTypeStubs=false


@pytest.fixture
async def ann() -> AsyncIterator[Office]:
    async with office() as there:
        yield there


class Turns:
    """Makes the tools of one turn ask in the order that a test wants, however LangGraph starts them.

    A turn begins when all of its tools are there and the turn before is over: LangGraph goes on after the first pause
    of a turn, while its other tools are still in their threads.
    """

    def __init__(self, *orders: list[str]) -> None:
        self._orders = [list(order) for order in orders]
        self._there: set[str] = set()
        self._asking = False
        self._changed = threading.Condition()

    def wait(self, name: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._orders or not self._asking, BOUND)
            if not self._orders:
                return
            self._there.add(name)
            self._asking = self._there == set(self._orders[0])
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._asking and self._orders[0][0] == name, BOUND)

    def next(self, name: str) -> None:
        with self._changed:
            if self._asking and self._orders[0][0] == name:
                self._orders[0].pop(0)
                if not self._orders[0]:
                    self._orders.pop(0)
                    self._there, self._asking = set(), False
            self._changed.notify_all()


def textbook(wiped: list[str], paths: list[str], turns: Turns | None = None, answers: list[str] | None = None) -> Any:
    """LangGraph's own agent (a model, a ToolNode), in which every tool asks for itself."""

    @tool
    def wipe(path: str) -> str:
        """Wipe a folder."""
        if turns:
            turns.wait(path)
        try:
            decision = sayso_langgraph.ask(sayso.Permission(tool="wipe", input={"path": path}))
        finally:
            if turns:
                turns.next(path)
        if decision.allowed:
            wiped.append(path)
            return "wiped"
        return decision.model_text

    wanted = [
        {"id": f"c{n}", "name": "wipe", "args": {"path": path}, "type": "tool_call"} for n, path in enumerate(paths)
    ]

    def talk(state: MessagesState) -> Any:
        return {"messages": [AIMessage("", tool_calls=wanted) if len(state["messages"]) == 1 else AIMessage("done")]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", talk)
    graph.add_node("tools", ToolNode([wipe]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=InMemorySaver())


async def judged(ann: Office, running: Any, allowed: set[str]) -> Any:
    """What the run comes to while Ann allows these paths, and denies all others."""
    task = asyncio.ensure_future(running)
    async with asyncio.timeout(BOUND):
        while not task.done():
            asked = asyncio.ensure_future(ann.asked())
            await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                asked.cancel()
                break
            for ticket in await asked:
                path = str((ticket.request.input or {})["path"])
                await ann.answer(ticket, verdict="allow" if path in allowed else "deny")
        return await task


@pytest.mark.parametrize("second", [["/home", "/tmp"], ["/tmp", "/home"]])
@pytest.mark.parametrize("first", [["/home", "/tmp"], ["/tmp", "/home"]])
async def test_tools_of_one_turn_get_their_own_decisions_in_whatever_order_they_ask(
    ann: Office, first: list[str], second: list[str]
) -> None:
    wiped: list[str] = []
    graph = textbook(wiped, ["/tmp", "/home"], Turns(first, second, second, first))
    output = await judged(ann, sayso_langgraph.run(ann.desk, graph, HI, on()), {"/tmp"})
    assert wiped == ["/tmp"]
    assert "denied by" in next(text for text in told(output) if "denied" in text)


async def test_five_tools_of_one_turn_each_run_once_on_their_own_allow(ann: Office) -> None:
    paths = [f"/{name}" for name in "abcde"]
    wiped: list[str] = []
    await judged(ann, sayso_langgraph.run(ann.desk, textbook(wiped, paths), HI, on()), {"/a", "/c", "/e"})
    assert sorted(wiped) == ["/a", "/c", "/e"]
    assert len(await ann.all()) == len(paths)


async def test_equal_calls_of_one_turn_need_an_allow_each(ann: Office) -> None:
    wiped: list[str] = []
    await judged(ann, sayso_langgraph.run(ann.desk, textbook(wiped, ["/tmp", "/tmp"]), HI, on()), {"/tmp"})
    assert (len(wiped), len(await ann.all())) == (2, 2)


async def test_of_equal_calls_one_denial_is_for_one_of_them(ann: Office) -> None:
    wiped: list[str] = []
    task = asyncio.create_task(sayso_langgraph.run(ann.desk, textbook(wiped, ["/tmp", "/tmp"]), HI, on()))
    await ann.when(task, {"verdict": "allow"}, {"verdict": "deny"})
    assert wiped == ["/tmp"]


def refunding(amounts: list[int], refunded: list[int], saver: Any = None) -> Any:
    """A node that asks for another amount each time it runs."""
    left = list(amounts)

    def refund(state: MessagesState) -> Any:
        amount = left.pop(0) if len(left) > 1 else left[0]
        if sayso_langgraph.ask(sayso.Permission(tool="refund", input={"amount": amount})).allowed:
            refunded.append(amount)
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("refund", refund)
    graph.add_edge(START, "refund")
    return graph.compile(checkpointer=saver or InMemorySaver())


async def test_what_changed_after_the_allow_is_asked_about(ann: Office) -> None:
    refunded: list[int] = []
    running = sayso_langgraph.run(ann.desk, refunding([10, 1000], refunded), HI, on())
    await ann.when(running, {"verdict": "allow"}, {"verdict": "deny"})
    assert refunded == []
    assert [ticket.request.input for ticket in await ann.all()] == [{"amount": 10}, {"amount": 1000}]


async def test_a_graph_that_was_deployed_anew_does_not_run_what_the_old_one_asked(ann: Office) -> None:
    refunded: list[int] = []
    saver = InMemorySaver()
    first = asyncio.create_task(sayso_langgraph.run(ann.desk, refunding([10], refunded, saver), HI, on()))
    [ticket] = await ann.asked()
    first.cancel()
    await asyncio.wait([first])
    await ann.answer(ticket, verdict="allow")
    again = sayso_langgraph.run(ann.desk, refunding([1000], refunded, saver), None, on())
    await ann.when(again, {"verdict": "allow"})
    assert refunded == [1000]
    assert [one.request.input for one in await ann.all()] == [{"amount": 10}, {"amount": 1000}]


async def test_an_answer_put_past_the_desk_is_no_decision(ann: Office) -> None:
    refunded: list[int] = []
    graph = refunding([10], refunded)
    await graph.ainvoke(HI, on())
    asked = digest.digest(requests.document(sayso.Permission(tool="refund", input={"amount": 10})), "request")
    decision = {"outcome": "allowed", "digest": "", "decided_at": "2026-01-01T00:00:00Z", "model_text": ""}
    forged_allow = {"sayso": {"asked": asked, "instead": False, "decision": decision}}
    for forged in (
        True,
        {"allowed": True},
        {"sayso": {"asked": "sha256:0"}},
        {"sayso": {"asked": asked}},
        forged_allow,
    ):
        await graph.ainvoke(Command(resume=forged), on())
    assert refunded == []


async def test_an_allow_that_was_changed_in_the_checkpoint_runs_nothing(ann: Office) -> None:
    refunded: list[int] = []
    graph = refunding([10], refunded)
    await graph.ainvoke(HI, on())
    asking = asyncio.create_task(sayso_langgraph.answers(ann.desk, graph, on()))
    await ann.say(verdict="allow")
    resume: Any = await asking
    [given] = resume.resume.values()
    given[pauses.OURS]["decision"]["input"]["amount"] = 1000
    with pytest.raises(sayso.DigestMismatch):
        await graph.ainvoke(resume, on())
    assert refunded == []


async def test_an_allow_is_used_when_the_node_goes_on(ann: Office) -> None:
    refunded: list[int] = []
    await ann.when(sayso_langgraph.run(ann.desk, refunding([10], refunded), HI, on()), {"verdict": "allow"})
    [ticket] = await ann.all()
    assert (refunded, ticket.used_at is not None) == ([10], True)


def refunds(refunded: list[int], *, failing: bool = False, then: str = "") -> Any:
    """A node that refunds once it may; then the provider fails once, or it asks something more."""
    failures = [failing]

    def refund(state: MessagesState) -> Any:
        decision = sayso_langgraph.ask(sayso.Permission(tool="refund", input={"amount": 10}))
        if decision.allowed:
            refunded.append(10)
        if failures and failures.pop():
            raise ConnectionError("the provider is away")
        if then:
            sayso_langgraph.ask(sayso.Question(then))
        return {"messages": [("ai", decision.model_text)]}

    graph = StateGraph(MessagesState)
    graph.add_node("refund", refund)
    graph.add_edge(START, "refund")
    return graph.compile(checkpointer=InMemorySaver())


@pytest.mark.parametrize("verdict", ["allow", "deny"])
async def test_a_node_that_fails_after_its_allow_is_asked_about_again(ann: Office, verdict: str) -> None:
    refunded: list[int] = []
    graph = refunds(refunded, failing=True)
    with pytest.raises(ConnectionError):
        await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on()), {"verdict": "allow"})
    again = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, None, on()))
    [ticket] = await ann.asked()
    assert "it may have run already" in ticket.request.context["Asked before"]
    await ann.when(again, {"verdict": verdict})
    assert len(refunded) == (2 if verdict == "allow" else 1)


async def test_a_node_that_runs_again_after_its_allow_is_told_that_it_was_used(ann: Office) -> None:
    refunded: list[int] = []
    running = sayso_langgraph.run(ann.desk, refunds(refunded, then="Why?"), HI, on())
    output = await ann.when(running, {"verdict": "allow"}, {"text": "because"})
    assert refunded == [10]
    assert "the allow was used at" in output["messages"][-1].content
    assert len(await ann.all()) == 2


async def test_a_kill_between_the_use_and_the_node_asks_again_and_says_so(ann: Office) -> None:
    refunded: list[int] = []
    graph = refunding([10], refunded)
    await graph.ainvoke(HI, on())
    asking = asyncio.create_task(sayso_langgraph.answers(ann.desk, graph, on()))
    await ann.say(verdict="allow")
    # the process ends here: nobody resumes the graph with it
    assert await asking is not None
    again = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, None, on()))
    [ticket] = await ann.asked()
    assert "it may have run already" in ticket.request.context["Asked before"]
    await ann.when(again, {"verdict": "allow"})
    assert (refunded, len(await ann.all())) == ([10], 2)


async def test_a_reviewed_call_whose_allow_was_used_is_asked_about_again(ann: Office) -> None:
    ran: Ran = []
    graph = agent(ran, call())
    await graph.ainvoke(HI, on())
    asking = asyncio.create_task(sayso_langgraph.answers(ann.desk, graph, on()))
    await ann.say(verdict="allow")
    assert await asking is not None
    await ann.when(sayso_langgraph.run(ann.desk, graph, None, on()), {"verdict": "allow"})
    assert (ran, len(await ann.all())) == ([(1, 25.0)], 2)


async def test_a_question_may_be_heard_as_often_as_the_node_runs(ann: Office) -> None:
    got: list[sayso.Decision] = []
    graph = helped(sayso.Question("Who?"), sayso.Question("Who?"), sayso.Question("Where?"), ran=got)
    running = sayso_langgraph.run(ann.desk, graph, {"said": []}, on())
    await ann.when(running, {"text": "Ann"}, {"text": "Bob"}, {"text": "here"})
    assert [decision.text for decision in got] == ["Ann", "Bob", "here"]


# Tools that were cut off after the middleware had let them through


def paying(paid: list[str], mode: str, *notes: str) -> Any:
    """An agent whose tool dies once, in the middle of paying the last of these notes, when the others are stored."""
    deaths = [True]
    stored = {note: threading.Event() for note in notes[:-1]}

    @tool
    def pay(note: str) -> str:
        """Pay."""
        paid.append(note)
        if note.startswith("last") and deaths and deaths.pop():
            assert all(event.wait(BOUND) for event in stored.values())
            raise ConnectionError("the process died")
        return f"paid {note}"

    class Saver(InMemorySaver):
        def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
            super().put_writes(config, writes, task_id, task_path)
            for note, event in stored.items():
                if f"paid {note}" in str(writes):
                    event.set()

    wanted = [{"name": "pay", "args": {"note": note}} for note in notes]
    graph: Any = agent([], calls(*wanted), tools=[pay], mode=mode, saver=Saver())
    return graph


@pytest.fixture(params=["batched", "per_call"])
def mode(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def cut_off(ann: Office, graph: Any, *answers: Any) -> None:
    with pytest.raises(ConnectionError):
        await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on()), *answers)


async def test_a_tool_that_was_cut_off_is_asked_about_before_it_runs_again(ann: Office, mode: str) -> None:
    paid: list[str] = []
    graph = paying(paid, mode, "last")
    await cut_off(ann, graph, {"verdict": "allow"})
    again = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, None, on()))
    [ticket] = await ann.asked()
    assert ticket.request.input == {"note": "last"}
    assert "it may have run already" in ticket.request.context["Asked before"]
    assert paid == ["last"]
    output = await ann.when(again, {"verdict": "allow"})
    assert (paid, told(output)) == (["last", "last"], ["paid last"])
    assert all(ticket.used_at for ticket in await ann.all())


async def test_a_tool_that_was_cut_off_and_is_denied_now_does_not_run_and_the_model_reads_why(
    ann: Office, mode: str
) -> None:
    paid: list[str] = []
    graph = paying(paid, mode, "last")
    await cut_off(ann, graph, {"verdict": "allow"})
    again = sayso_langgraph.run(ann.desk, graph, None, on())
    output = await ann.when(again, {"verdict": "deny", "reason": "it ran"})
    assert (paid, output["messages"][-1].content) == (["last"], "done")
    assert "it ran" in told(output)[0]


async def test_what_was_done_beside_it_is_not_done_again(ann: Office) -> None:
    paid: list[str] = []
    graph = paying(paid, "batched", "first", "last")
    await cut_off(ann, graph, {"verdict": "allow"}, {"verdict": "allow"})
    output = await ann.when(sayso_langgraph.run(ann.desk, graph, None, on()), {"verdict": "deny"})
    assert sorted(paid) == ["first", "last"]
    assert [text for text in told(output) if text == "paid first"]


async def test_what_is_asked_again_is_what_was_edited(ann: Office) -> None:
    paid: list[str] = []
    graph = paying(paid, "batched", "plain")
    await cut_off(ann, graph, {"verdict": "allow", "input": {"note": "last, edited"}})
    again = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, None, on()))
    [ticket] = await ann.asked()
    assert ticket.request.input == {"note": "last, edited"}
    await ann.when(again, {"verdict": "allow"})
    assert paid == ["last, edited", "last, edited"]


async def test_each_time_it_is_cut_off_it_is_asked_about_again(ann: Office) -> None:
    paid: list[str] = []

    @tool
    def pay() -> str:
        """Pay."""
        paid.append("once more")
        raise ConnectionError("the process died")

    graph = agent([], call(name="pay", note="x"), tools=[pay])
    await cut_off(ann, graph, {"verdict": "allow"})
    for count in (2, 3):
        with pytest.raises(ConnectionError):
            await ann.when(sayso_langgraph.run(ann.desk, graph, None, on()), {"verdict": "allow"})
        assert (len(paid), len(await ann.all())) == (count, count)


async def test_a_tool_that_nobody_had_to_allow_just_runs_again(ann: Office) -> None:
    ran: list[str] = []
    deaths = [True]

    @tool
    def look() -> str:
        """Look."""
        ran.append("looked")
        if deaths and deaths.pop():
            raise ConnectionError("the process died")
        return "looked"

    graph = create_agent(
        Scripted(responses=[call(name="look", x="y"), AIMessage("done")]), [look], checkpointer=InMemorySaver()
    )
    with pytest.raises(ConnectionError):
        await sayso_langgraph.run(ann.desk, graph, HI, on())
    await ann.when(sayso_langgraph.run(ann.desk, graph, None, on()))
    assert (ran, await ann.all()) == (["looked", "looked"], [])


# What nobody answered


@pytest.mark.parametrize("end", ["expired", "cancelled"])
async def test_a_plain_question_that_nobody_answered_is_asked_again(ann: Office, end: str) -> None:
    graph = asking("Which customer?")
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, {"said": []}, on()))
    [ticket] = await ann.asked()
    await ann.desk.cancel(ticket.id, reason="not now")
    with pytest.raises(sayso.Denied):
        await running
    again = sayso_langgraph.run(ann.desk, graph, None, on())
    assert await ann.when(again, {"text": "Acme"}) == {"said": ["Acme"]}
    first, second = await ann.all()
    assert (second.id, second.request.title) == (f"{first.id}-2", "Which customer?")
    assert "Withdrawn" in second.request.context["Asked before"]


async def test_a_tool_that_takes_no_rejection_is_asked_about_again_after_silence(ann: Office) -> None:
    ran: Ran = []
    graph = agent(ran, call(), review={"allowed_decisions": ["approve"]})
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, graph, HI, on()))
    [ticket] = await ann.asked()
    await ann.desk.cancel(ticket.id)
    with pytest.raises(sayso.Denied):
        await running
    await ann.when(sayso_langgraph.run(ann.desk, graph, None, on()), {"verdict": "allow"})
    assert ran == [(1, 25.0)]


# Calls that nobody can be asked about


def nested(levels: int) -> Any:
    deep: Any = "x"
    for _ in range(levels):
        deep = {"x": deep}
    return deep


# half a surrogate becomes a question mark in LangGraph's checkpoint, and 300 levels fail there
ODD = [math.nan, "x" * 1_100_000, nested(150)]


@pytest.mark.parametrize("odd", ODD, ids=["nan", "large", "deep"])
async def test_a_call_that_cannot_be_asked_is_rejected_and_the_others_are_asked(ann: Office, odd: Any) -> None:
    ran: list[Any] = []

    @tool
    def pay(note: Any) -> str:
        """Pay."""
        ran.append(note)
        return "paid"

    graph = agent([], calls(*[{"name": "pay", "args": {"note": note}} for note in ("good", odd)]), tools=[pay])
    output = await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on()), {"verdict": "allow"})
    assert ran == ["good"]
    [refused] = [text for text in told(output) if text != "paid"]
    assert "sayso could not ask anybody" in refused
    assert len(await ann.all()) == 1
    # the thread is at its end, and can be called again
    assert (await sayso_langgraph.run(ann.desk, graph, None, on()))["messages"][-1].content == "done"


@pytest.mark.parametrize("odd", [*ODD, nested(300), "\ud83d"], ids=["nan", "large", "deep", "deeper", "surrogate"])
async def test_a_node_that_asks_what_cannot_be_shown_hears_so(ann: Office, odd: Any) -> None:
    got: list[model.Decision] = []
    graph = helped(sayso.Permission(tool="pay", input={"note": odd}), ran=got)
    await sayso_langgraph.run(ann.desk, graph, {"said": []}, on())
    assert (got[0].allowed, got[0].outcome, await ann.all()) == (False, "undeliverable", [])
    assert "sayso could not ask anybody" in got[0].model_text


async def test_half_a_sign_runs_as_it_was_shown(ann: Office) -> None:
    ran: list[Any] = []

    @tool
    def pay(note: str) -> str:
        """Pay."""
        ran.append(note)
        return "paid"

    graph = agent([], call(name="pay", note="half: \ud83d"), tools=[pay])
    await ann.when(sayso_langgraph.run(ann.desk, graph, HI, on()), {"verdict": "allow"})
    [ticket] = await ann.all()
    assert ran == [(ticket.request.input or {})["note"]] == ["half: ?"]


async def test_a_key_of_the_whole_run_that_is_wrong_still_fails_it(ann: Office) -> None:
    with pytest.raises(sayso.InvalidRequest) as refused:
        await sayso_langgraph.run(ann.desk, agent([], call()), HI, on(), policy="nobody-has-this")
    assert refused.value.field == "policy"


async def test_an_edit_of_one_call_does_not_change_another_with_the_same_id(ann: Office) -> None:
    ran: Ran = []
    wanted = [{"name": "refund", "args": {"order": n, "amount": 1.0}, "id": "c1"} for n in (1, 2)]
    running = asyncio.create_task(sayso_langgraph.run(ann.desk, agent(ran, calls(*wanted)), HI, on()))
    first, second = await ann.asked(2)
    assert not first.request.editable
    with pytest.raises(sayso.InvalidAnswer):
        await ann.answer(first, verdict="allow", input={"order": 3, "amount": 1.0})
    await ann.answer(first, verdict="allow")
    await ann.answer(second, verdict="allow")
    await ann.when(running)
    assert sorted(ran) == [(1, 1.0), (2, 1.0)]


async def test_two_processes_on_one_thread_need_an_allow_each(ann: Office) -> None:
    ran: Ran = []
    saver = InMemorySaver()
    first = asyncio.create_task(sayso_langgraph.run(ann.desk, agent(ran, call(), saver=saver), HI, on()))
    [ticket] = await ann.asked()
    second = asyncio.create_task(sayso_langgraph.run(ann.desk, agent(ran, saver=saver), None, on()))
    await until(lambda: ann.desk.store.waiting >= 2)
    await ann.answer(ticket, verdict="allow")
    [again] = await ann.asked()
    assert "it may have run already" in again.request.context["Asked before"]
    await ann.answer(again, verdict="deny")
    await ann.when(asyncio.gather(first, second, return_exceptions=True))
    assert ran == [(1, 25.0)]
