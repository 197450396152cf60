"""Runs of the real AI SDK, with a scripted model: what people decide at the desk is what its hooks get."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable
from typing import Any

import ai
import pytest
from ai.ui import ai_sdk

import sayso
import sayso_ai
from tests.adapters.ai.scene import ANN, GO, Room, call, drained, hooks, model_of, results
from tests.conftest import until

RAN: list[Any] = []


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


@ai.tool
async def look(order: str) -> str:
    """Look at an order."""
    RAN.append(order)
    return f"{order} is late"


async def run(
    room: Room,
    model: ai.testing.FakeModel,
    *people: Awaitable[None],
    agent: ai.Agent | None = None,
    **options: Any,
) -> tuple[sayso_ai.Stream[str], list[ai.events.AgentEvent]]:
    """A run from its beginning to its end, while people answer one after another."""

    async def answers() -> None:
        for answer in people:
            await answer

    agent = agent or ai.Agent(tools=[refund, look])
    async with (
        asyncio.TaskGroup() as group,
        sayso_ai.people(room.desk, agent.run(model, [GO]), **options) as stream,
    ):
        group.create_task(answers())
        return stream, await drained(stream)


async def test_an_allowed_call_runs_as_it_was_shown(room: Room) -> None:
    made = call(refund, order="A1")
    stream, events = await run(room, model_of([made]), room.answer(verdict="allow", reason="fine"), policy="default")
    assert (RAN, results(stream), stream.output) == ([("A1", 5)], ["refunded A1"], "done")
    [ticket] = await room.tickets()
    shown = ticket.request
    assert (shown.tool, shown.input, shown.policy) == ("refund", {"order": "A1", "cents": 5}, "default")
    assert shown.metadata == {"hook_id": f"approve_{made.tool_call_id}", "tool_call_id": made.tool_call_id}
    assert hooks(events) == ["pending", "resolved"]
    resolved = [event.hook for event in events if isinstance(event, ai.events.HookEvent)][-1]
    assert resolved.resolution == {"granted": True, "reason": "fine"}


async def test_a_denied_call_does_not_run_and_the_model_reads_why(room: Room) -> None:
    denial = room.answer(verdict="deny", reason="ask the customer first")
    stream, _ = await run(room, model_of([call(refund, order="A1")]), denial)
    assert RAN == []
    [said] = results(stream)
    assert said.startswith("Rejected: The tool call was denied by test:ann.")
    assert "ask the customer first" in said


async def test_several_calls_wait_at_once_and_are_answered_in_any_order(room: Room) -> None:
    calls = [call(refund, id, order=id) for id in ("A1", "A2", "A3")]
    agent = ai.Agent(tools=[refund])

    async def answers() -> None:
        tickets = {ticket.request.metadata["tool_call_id"]: ticket.id for ticket in await room.asked(3)}
        for id, allowed in (("A3", True), ("A1", False), ("A2", True)):
            await room.desk.answer(tickets[id], sayso.Answer(verdict="allow" if allowed else "deny"), ANN)

    stream, events = await run(room, model_of(calls), answers(), agent=agent)
    assert sorted(RAN) == [("A2", 5), ("A3", 5)]
    assert len(await room.tickets()) == 3
    # an answer that comes alone lets the run look up, and say that it waits for the others
    waiting = [len(event.hooks) for event in events if isinstance(event, ai.events.RunBlocked)]
    assert waiting[0] == 3
    assert waiting == sorted(waiting, reverse=True)
    assert not stream.blocked


async def test_arguments_that_fit_no_tool_reach_the_model_and_nobody_is_asked(room: Room) -> None:
    for agent in (ai.Agent(tools=[refund]), sayso_ai.Agent(tools=[refund])):
        stream, _ = await run(room, model_of([call("refund", cents="many")]), agent=agent)
        assert results(stream)[0].startswith("ValidationError: ")
    assert await room.tickets() == []


async def test_what_is_said_of_the_run_stands_beside_what_the_hook_says(room: Room) -> None:
    agent: dict[str, Any] = {
        "source": sayso.Source(agent="shop", session="s-1"),
        "context": {"Shop": "eu"},
        "metadata": {"trace": 7},
    }
    await run(room, model_of([call(refund, "c1", order="A1")]), room.answer(verdict="allow"), **agent)
    [ticket] = await room.tickets()
    shown = ticket.request
    assert (shown.source.agent, shown.source.session, shown.context) == ("shop", "s-1", {"Shop": "eu"})
    assert shown.metadata == {"trace": 7, "hook_id": "approve_c1", "tool_call_id": "c1"}


@pytest.mark.parametrize("key", ["id", "verdicts", "supersedes"])
async def test_what_each_hook_has_of_its_own_cannot_be_given_for_a_run(room: Room, key: str) -> None:
    given: dict[str, Any] = {key: "x"}
    with pytest.raises(sayso.InvalidRequest) as refused:
        async with sayso_ai.people(room.desk, ai.Agent().run(model_of(), [GO]), **given):
            pass
    assert refused.value.field == key


async def test_silence_is_not_consent(room: Room) -> None:
    async def nobody() -> None:
        await room.asked()
        room.clock.advance(61)

    stream, _ = await run(room, model_of([call(refund, order="A1")]), nobody(), expires_in=60)
    assert (RAN, "Silence is not consent" in results(stream)[0]) == ([], True)


async def test_what_cannot_be_asked_is_denied_and_the_model_is_told_why(room: Room) -> None:
    stream, _ = await run(room, model_of([call(refund, order="A1")]), policy="nobody's")
    assert (RAN, await room.tickets()) == ([], [])
    assert 'Rejected: sayso got no decision: there is no policy "nobody\'s"' in results(stream)[0]


async def test_a_desk_that_breaks_is_a_denial_without_its_insides(room: Room) -> None:
    class Broken(sayso.Desk):
        async def ask(self, *asked: Any, **options: Any) -> Any:
            raise RuntimeError("secret")

    room.desk = Broken(room.desk.store, room.desk.mint)
    stream, _ = await run(room, model_of([call(refund, order="A1")]))
    [said] = results(stream)
    assert (RAN, "secret" in said, "Nobody has allowed this" in said) == ([], False, True)


async def test_input_that_no_card_can_show_is_denied(room: Room) -> None:
    @ai.tool(require_approval=True)
    async def weigh(kilos: float) -> str:
        raise AssertionError("nobody allowed this")

    made = call(weigh, kilos=1.0).model_copy(update={"tool_args": '{"kilos": NaN}'})
    stream, _ = await run(room, model_of([made]), agent=ai.Agent(tools=[weigh]))
    assert "Rejected: sayso got no decision" in results(stream)[0]


async def test_a_hook_that_the_run_cancels_withdraws_its_request(room: Room) -> None:
    agent = ai.Agent(tools=[refund])
    async with sayso_ai.people(room.desk, agent.run(model_of([call(refund, order="A1")]), [GO])) as stream:
        events: list[ai.events.AgentEvent] = []
        async for event in stream:
            events.append(event)
            if isinstance(event, ai.events.RunBlocked):
                await room.asked()
                await ai.cancel_hook(event.hooks[0], reason="the customer left")
        assert hooks(events) == ["pending", "cancelled"]
        assert (await room.decided()).decision is not None
    [ticket] = await room.tickets()
    assert ticket.decision
    assert (RAN, ticket.decision.outcome) == ([], "cancelled")


async def test_a_tool_that_stops_waiting_withdraws_its_request(room: Room) -> None:
    stopped = asyncio.Event()

    @ai.tool
    async def order() -> str:
        waiting = asyncio.ensure_future(ai.hook("go_on", payload=ai.tools.ToolApproval))
        await stopped.wait()
        waiting.cancel()
        # while the run goes on, and not only at its end
        await room.decided()
        return "went on alone"

    async def leave() -> None:
        await room.asked()
        stopped.set()

    stream, _ = await run(room, model_of([call(order)]), leave(), agent=ai.Agent(tools=[order]))
    ticket = await room.decided()
    assert ticket.decision
    assert (results(stream), ticket.decision.outcome) == (["went on alone"], "cancelled")


async def test_a_run_that_is_left_or_cancelled_withdraws_its_requests(room: Room) -> None:
    agent = ai.Agent(tools=[refund])

    async def left() -> None:
        async with sayso_ai.people(room.desk, agent.run(model_of([call(refund, order="A1")]), [GO])) as stream:
            async for event in stream:
                if isinstance(event, ai.events.RunBlocked):
                    await room.asked()
                    return

    async def waited() -> None:
        async with sayso_ai.people(room.desk, agent.run(model_of([call(refund, order="A2")]), [GO])) as stream:
            await drained(stream)

    await left()
    waiting = asyncio.create_task(waited())
    await room.asked(2)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert [one.decision and one.decision.outcome for one in await room.tickets()] == ["cancelled", "cancelled"]
    assert RAN == []


async def test_a_person_can_end_the_run_and_nothing_further_runs(room: Room) -> None:
    @ai.tool
    async def slow() -> str:
        await asyncio.Event().wait()
        raise AssertionError("it was to be stopped")

    model = model_of([call(slow), call(refund, "A1", order="A1"), call(refund, "A2", order="A2")], [call(slow)])
    stop = room.answer(count=2, verdict="stop", reason="wrong customer")
    stream, events = await run(room, model, stop, agent=ai.Agent(tools=[refund, slow]))
    assert stream.stopped is not None
    assert (stream.stopped.reason, RAN, len(model.calls)) == ("wrong customer", [], 1)
    assert hooks(events) == ["pending", "pending", "cancelled", "cancelled"]
    outcomes = [one.decision and one.decision.outcome for one in await room.tickets()]
    assert sorted(map(str, outcomes)) == ["cancelled", "denied"]


async def test_once_the_run_is_ended_nothing_is_allowed_even_if_nobody_reads_its_events(room: Room) -> None:
    calls = [call(refund, "A1", order="A1"), call(refund, "A2", order="A2")]
    async with sayso_ai.people(room.desk, ai.Agent(tools=[refund]).run(model_of(calls), [GO])) as stream:
        async for event in stream:
            if isinstance(event, ai.events.RunBlocked):
                await room.answer(count=2, verdict="stop")
                ids = [ticket.id for ticket in await room.tickets()]
                outcomes = [(await room.desk.wait(id)).outcome for id in ids]
                assert outcomes == ["cancelled", "denied"]
    assert (RAN, stream.output if stream.stopped is None else None) == ([], None)


async def test_what_somebody_else_resolves_first_counts_and_the_request_is_withdrawn(room: Room) -> None:
    registry = ai.HookRegistry()
    agent = ai.Agent(tools=[refund])
    inner = agent.run(model_of([call(refund, "A1", order="A1")]), [GO], hook_registry=registry)
    async with sayso_ai.people(room.desk, inner) as stream:
        draining = asyncio.create_task(drained(stream))
        await room.asked()
        # from another thread, as the handler of a web framework would
        thread = asyncio.get_running_loop().run_in_executor(None, _elsewhere, asyncio.get_running_loop(), registry)
        await thread
        await draining
        ticket = await room.decided()
    assert ticket.decision
    assert (RAN, ticket.decision.outcome) == ([("A1", 5)], "cancelled")


def _elsewhere(loop: asyncio.AbstractEventLoop, registry: ai.HookRegistry) -> None:
    granted = ai.tools.ToolApproval(granted=True)
    loop.call_soon_threadsafe(lambda: ai.resolve_hook("approve_A1", granted, registry=registry))


async def test_a_hook_that_was_resolved_before_anybody_saw_it_asks_nobody(room: Room) -> None:
    registry = ai.HookRegistry()
    run = ai.Agent(tools=[refund]).run(model_of([call(refund, "A1", order="A1")]), [GO], hook_registry=registry)
    async with sayso_ai.people(room.desk, run) as stream:
        await anext(stream)
        # the run goes ahead of whoever reads its events
        await until(lambda: registry._live_hooks)
        ai.resolve_hook("approve_A1", ai.tools.ToolApproval(granted=True), registry=registry)
        await until(lambda: RAN)
        await drained(stream)
    assert await room.tickets() == []


async def test_an_agent_within_a_tool_asks_the_same_people(room: Room) -> None:
    def within(name: str, tool: ai.AgentTool, made: ai.messages.ToolCallPart) -> ai.AgentTool:
        async def agent() -> ai.SubAgentTool:
            async with ai.Agent(tools=[tool]).run(model_of([made]), [GO]) as stream:
                async for event in stream:
                    yield event

        agent.__name__ = name
        return ai.tool(agent)

    inner = within("inner", refund, call(refund, order="A1"))
    outer = within("outer", inner, call(inner))
    stream, _ = await run(
        room, model_of([call(outer)]), room.answer(verdict="allow"), agent=ai.Agent(tools=[outer]), durable="order-7"
    )
    assert (RAN, stream.deferred, stream.output) == ([("A1", 5)], [], "done")


async def test_the_stream_of_a_web_page_shows_what_people_decided_elsewhere(room: Room) -> None:
    agent = ai.Agent(tools=[refund])
    answering = asyncio.create_task(room.answer(verdict="allow"))
    async with sayso_ai.people(room.desk, agent.run(model_of([call(refund, order="A1")]), [GO])) as stream:
        sent = [line async for line in ai_sdk.to_sse(stream)]
    await answering
    said = "".join(sent)
    assert '"type": "tool-approval-request"' in said
    assert "refunded A1" in said


def test_without_its_package_the_import_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ai", "sayso_ai")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ai", None)
    with pytest.raises(ImportError, match=r"Python 3\.12 or newer .* pip install '\.\[ai\]'"):
        importlib.import_module("sayso_ai")


def test_an_id_that_follows_from_a_call_stays_what_it_is() -> None:
    made = importlib.import_module("sayso_ai.hooks").request_id("order-7", "approve_c1", "c1")
    assert made == "ai-b8cc2e3b0929e5e3b875370e4a17c525ed7ecb71"
