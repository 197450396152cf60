"""LangChain's review of tool calls under the contract of pauses; the thread is the run."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

import sayso_langgraph
from sayso.desk import asker
from sayso.testing import pauses, scripts
from tests.adapters.langgraph.scene import Scripted, calls, on

# pyright: reportMissingTypeStubs=false


# Made once: what LangChain finds out about a function takes longer than most runs of it.
@tool(scripts.TOOL)
async def pay(amount: float, to: str) -> str:
    """Pay."""
    raise AssertionError("each agent has its own")


class TestLangGraph(pauses.KeysContract, pauses.LastingContract):
    """A thread goes on from its checkpoint; what the model said there is in it."""

    says_turns = True

    # of the graph, in `run`
    parameters = ("context", "input")

    def setup_method(self) -> None:
        self.saver = InMemorySaver()
        self.begun: dict[str, Any] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        said = calls(*({"name": scripts.TOOL, "args": one} for one in agent.calls))
        thread = on(agent.name)
        begun = agent.name in self.begun
        graph = create_agent(
            Scripted(responses=[AIMessage("done")] if begun else [said, AIMessage("done")]),
            [pay.model_copy(update={"coroutine": agent.tool})],
            middleware=[HumanInTheLoopMiddleware({scripts.TOOL: True})],
            checkpointer=self.saver,
        )
        if begun and agent.calls != self.begun[agent.name]:
            messages = (await graph.aget_state(thread)).values["messages"]
            await graph.aupdate_state(thread, {"messages": [said.model_copy(update={"id": messages[-1].id})]})
        start = None if begun else {"messages": [("user", "pay")]}
        self.begun[agent.name] = agent.calls
        output = await sayso_langgraph.run(desk, graph, start, thread, **common)
        agent.told += [str(message.content) for message in output["messages"] if isinstance(message, ToolMessage)]
