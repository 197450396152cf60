"""What an adapter adds to our own `ask`: a pause of each system, answered at once, beside a request asked plainly.

The desk is in memory and Ann allows whatever comes, so nothing is waited for. `asking` is `desk.ask`, in the same run;
`added` is what is on top of it, with the system's own bookkeeping where the adapter needs it. The aim is less than one
millisecond.

    python -m tests.bench.adapters [--rounds 300]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import agents
import mcp
import pydantic_ai
from agents.testing import ScriptedModel, assistant_message, function_call
from claude_agent_sdk import types
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic_ai import DeferredToolRequests
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

import sayso
import sayso_langgraph
import sayso_openai
import sayso_pydantic_ai
from sayso import model
from sayso.cards import tokens
from sayso.desk import Caller
from sayso.machine import people
from sayso.stores import memory
from sayso_claude import hooks, sdk
from sayso_mcp import tools
from tests.adapters.claude_service import call as hook_call
from tests.adapters.langgraph import scene

# pyright: reportMissingTypeStubs=false

ANN = people.Actor(account="bench:ann", name="ann", member=True)
INPUT = {"order": 1, "amount": 25.0}
Pause = Callable[[], Awaitable[object]]


class Prompt(sayso.Desk):
    """A desk at which Ann allows a request as soon as it is there."""

    async def admit(self, request: model.Request, caller: Caller | None = None) -> tuple[model.Ticket, bool]:
        ticket, new = await super().admit(request, caller)
        if ticket.decision is None:
            await self.answer(ticket.id, sayso.Answer(verdict="allow"), ANN)
        return ticket, new


async def measured(desk: Prompt, prepare: Callable[[], Awaitable[Pause]], rounds: int) -> tuple[float, float]:
    """Median seconds of asking plainly, and of the same by way of an adapter."""
    plain: list[float] = []
    adapted: list[float] = []
    for _ in range(rounds):
        request = sayso.Permission(tool="refund", input=INPUT, source=model.Source(agent="clerk", session="s-1"))
        began = time.perf_counter()
        await desk.ask(request)
        plain.append(time.perf_counter() - began)
        pause = await prepare()
        began = time.perf_counter()
        await pause()
        adapted.append(time.perf_counter() - began)
    return statistics.median(plain), statistics.median(adapted)


def ready(pause: Pause) -> Callable[[], Awaitable[Pause]]:
    async def prepared() -> Pause:
        return pause

    return prepared


def gate(desk: Prompt) -> Pause:
    @sayso.requires_approval(desk)
    async def refund(order: int, amount: float) -> str:
        return "refunded"

    return lambda: refund(1, 25.0)


def hook(desk: Prompt) -> Pause:
    raw = json.dumps(hook_call()).encode()

    async def pause() -> object:
        call = hooks.parse(raw)
        assert isinstance(call, hooks.Call)
        return hooks.answer(call, await desk.ask(hooks.request(call, id=None, expires_in=600)))

    return pause


def claude(desk: Prompt) -> Pause:
    people = sdk.ask_people(desk)
    return lambda: people("refund", dict(INPUT), types.ToolPermissionContext())


def labelled(desk: Prompt) -> Pause:
    return lambda: sayso.hook("refund", payload=sayso.ToolApproval, metadata={"tool": "r", "input": INPUT}, desk=desk)


@contextlib.asynccontextmanager
async def by_mcp(desk: Prompt) -> AsyncGenerator[Pause]:
    async with mcp.Client(tools.Tools(lambda _: desk).server()) as client:
        yield lambda: client.call_tool("ask_permission", {"tool": "refund", "input": INPUT})


def langgraph(desk: Prompt) -> Callable[[], Awaitable[Pause]]:
    @tool
    def refund(order: int, amount: float) -> str:
        """Refund an order."""
        return "refunded"

    left = iter(range(10**9))

    async def prepared() -> Pause:
        model = scene.Scripted(responses=[scene.call()])
        middleware: Any = [HumanInTheLoopMiddleware(interrupt_on={"refund": True})]
        graph: Any = create_agent(model, [refund], middleware=middleware, checkpointer=InMemorySaver())
        config = scene.on(f"t-{next(left)}")
        await graph.ainvoke(scene.HI, config)
        return lambda: sayso_langgraph.answers(desk, graph, config)

    return prepared


def openai(desk: Prompt) -> Callable[[], Awaitable[Pause]]:
    agents.set_tracing_disabled(True)

    @agents.function_tool(needs_approval=True)
    def refund(order: int, amount: float) -> str:
        """Refund an order."""
        return "refunded"

    async def prepared() -> Pause:
        turns: list[Any] = [[function_call("refund", INPUT, call_id="c1")], [assistant_message("done")]]
        agent: agents.Agent[Any] = agents.Agent("clerk", model=ScriptedModel(turns), tools=[refund])
        state = (await agents.Runner.run(agent, "go")).to_state()
        return lambda: sayso_openai.answers(desk, state)

    return prepared


def pydantic(desk: Prompt) -> Callable[[], Awaitable[Pause]]:
    def say(messages: list[Any], info: Any) -> ModelResponse:
        asked = ToolCallPart("refund", INPUT, tool_call_id="c1")
        return ModelResponse([asked] if len(messages) == 1 else [TextPart("done")])

    agent: pydantic_ai.Agent[Any, Any] = pydantic_ai.Agent(
        FunctionModel(say), name="clerk", output_type=[str, DeferredToolRequests]
    )

    @agent.tool_plain(requires_approval=True)
    def refund(order: int, amount: float) -> str:
        return "refunded"

    async def prepared() -> Pause:
        result = await agent.run("go")
        assert isinstance(result.output, DeferredToolRequests)
        return lambda: sayso_pydantic_ai.answers(desk, agent, result.output, result.all_messages())

    return prepared


async def bench(rounds: int) -> None:
    """One line for each adapter."""
    desk = Prompt(memory.MemoryStore(), tokens.TokenMaker(b"only for a benchmark, never for people"))
    async with by_mcp(desk) as called:
        ways = {
            "@requires_approval": ready(gate(desk)),
            "sayso.hook": ready(labelled(desk)),
            "Claude Code hook": ready(hook(desk)),
            "Claude Agent SDK": ready(claude(desk)),
            "MCP tool (client too)": ready(called),
            "LangGraph": langgraph(desk),
            "OpenAI Agents SDK": openai(desk),
            "Pydantic AI": pydantic(desk),
        }
        for name, prepare in ways.items():
            await measured(desk, prepare, 10)
            plain, adapted = await measured(desk, prepare, rounds)
            print(f"{name:22} asking {plain * 1e3:6.3f} ms   added {(adapted - plain) * 1e3:6.3f} ms")
    await desk.store.close()


def main() -> None:
    """Print the medians."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=300)
    asyncio.run(bench(arguments.parse_args().rounds))


if __name__ == "__main__":
    main()
