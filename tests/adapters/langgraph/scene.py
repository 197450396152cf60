"""Graphs that wait for people: LangChain's agent with a model that follows a script, and single nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

import sayso
import sayso_langgraph

# pyright: reportMissingTypeStubs=false

Ran = list[tuple[int, float]]
HI = {"messages": [("user", "refund order 1")]}


class Scripted(FakeMessagesListChatModel):
    """A model that says what it was told, and takes tools without looking at them."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self


class State(TypedDict):
    said: Annotated[list[Any], lambda old, new: old + new]


def on(thread: str = "t-1") -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


def call(order: int = 1, amount: float = 25.0, name: str = "refund", **args: Any) -> AIMessage:
    return calls({"name": name, "args": args or {"order": order, "amount": amount}})


def calls(*wanted: dict[str, Any]) -> AIMessage:
    made = [{"id": f"c{n}", "type": "tool_call", **one} for n, one in enumerate(wanted)]
    return AIMessage("", tool_calls=made)


# Made once: what LangChain finds out about a function takes longer than most runs of it.
@tool
def refund(order: int, amount: float) -> str:
    """Refund an order."""
    raise AssertionError("each agent has its own")


@tool
def ask_user(question: str) -> str:
    """Ask the user."""
    raise AssertionError("a person is its implementation")


def agent(
    ran: Ran,
    *said: AIMessage,
    review: Any = True,
    mode: Any = "batched",
    saver: Any = None,
    tools: Sequence[BaseTool] = (),
    **more: Any,
) -> Any:
    def refunded(order: int, amount: float) -> str:
        ran.append((order, amount))
        return "refunded"

    known: list[BaseTool] = [refund.model_copy(update={"func": refunded}), ask_user, *tools]
    middleware = HumanInTheLoopMiddleware({one.name: review for one in known}, interrupt_mode=mode, **more)
    model = Scripted(responses=[*said, AIMessage("done")])
    return create_agent(model, known, middleware=[middleware], checkpointer=saver or InMemorySaver(), name="clerk")


def only(*allowed: str) -> dict[str, Any]:
    return {"allowed_decisions": list(allowed)}


def told(output: dict[str, Any]) -> list[str]:
    return [str(message.content) for message in output["messages"] if isinstance(message, ToolMessage)]


def asking(*values: Any, schema: Any = None) -> Any:
    """A graph of one node, which interrupts with each of the values."""

    def node(state: State) -> Any:
        return {"said": [interrupt(value, response_schema=schema) for value in values]}

    graph = StateGraph(State)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    return graph.compile(checkpointer=InMemorySaver())


def helped(*requests: sayso.Request, ran: list[Any]) -> Any:
    async def node(state: State) -> Any:
        ran.extend([sayso_langgraph.ask(request) for request in requests])
        return {"said": [len(requests)]}

    graph = StateGraph(State)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    return graph.compile(checkpointer=InMemorySaver())
