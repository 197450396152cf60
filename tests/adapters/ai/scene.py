"""A desk in this process with people at it, and agents of the AI SDK whose model plays a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import ai

import sayso
from sayso import model
from sayso.cards import tokens
from sayso.machine import people
from sayso.stores import Query, memory
from sayso.testing.clock import ManualClock

ANN = people.Actor(account="test:ann", name="Ann", member=True)
GO = ai.user_message("go")
# Seconds for whatever a run waits for, so that one that hangs fails its test.
SOON = 10.0


class Room:
    """The desk, and what people do at it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.desk = sayso.Desk(
            memory.MemoryStore(), tokens.TokenMaker(b"for tests only, never for people"), clock=self.clock
        )

    async def tickets(self) -> list[model.Ticket]:
        """All requests, oldest first."""
        return list(await self.desk.store.list(Query()))[::-1]

    async def asked(self, count: int = 1) -> list[model.Ticket]:
        """All requests, once there are so many."""
        async with asyncio.timeout(SOON):
            changes = self.desk.store.changes()
            while len(found := await self.tickets()) < count:
                await anext(changes)
        return found

    async def answer(self, tool: str | None = None, *, count: int = 1, **answer: Any) -> None:
        """Ann answers the newest open one of *count* requests; or the one for *tool*."""
        found = [one for one in await self.asked(count) if one.decision is None and tool in (None, one.request.tool)]
        await self.desk.answer(found[-1].id, model.Answer(**answer), ANN)

    async def decided(self) -> model.Ticket:
        """The only request, once it is decided."""
        [ticket] = await self.asked()
        async with asyncio.timeout(SOON):
            await self.desk.wait(ticket.id)
        return await self.desk.get(ticket.id)


def call(tool: ai.AgentTool | str, id: str | None = None, **kwargs: Any) -> ai.messages.ToolCallPart:
    """What the model says to call a tool."""
    made = ai.testing.tool_call(tool, **kwargs)
    return made.model_copy(update={"tool_call_id": id}) if id else made


def model_of(*turns: Sequence[ai.messages.ToolCallPart]) -> ai.testing.FakeModel:
    """A model that makes these calls, turn by turn, and is done then."""
    calls = [ai.assistant_message(*turn) for turn in turns]
    return ai.testing.FakeModel([GO, *calls, ai.assistant_message("done")])


def results(stream: ai.agents.agent.AgentStream[Any]) -> list[Any]:
    """What the model was told by its tools, in the order of their names."""
    found = [part for message in stream.messages for part in message.tool_results]
    return [part.result for part in sorted(found, key=lambda part: (part.tool_name, part.tool_call_id))]


async def drained(stream: ai.agents.agent.AgentStream[Any]) -> list[ai.events.AgentEvent]:
    """All events of a run, which must end."""
    async with asyncio.timeout(SOON):
        return [event async for event in stream]


def hooks(events: Sequence[ai.events.AgentEvent]) -> list[str]:
    """What became of the hooks."""
    return [event.hook.status for event in events if isinstance(event, ai.events.HookEvent)]


class _Obliging(ai.testing._FakeProvider):
    """Calls each tool once, with something in every argument, and is done then."""

    def stream(
        self, model: ai.Model, messages: list[ai.messages.Message], *, tools: Sequence[ai.Tool] | None = None, **_: Any
    ) -> AsyncGenerator[ai.events.Event]:
        if messages[-1].role == "tool":
            said = ai.assistant_message("All settled.")
        else:
            said = ai.assistant_message(*(_called(tool) for tool in tools or ()))
        return ai.events._replay_message_events(said)


def _called(tool: ai.Tool) -> ai.messages.ToolCallPart:
    assert tool.spec
    properties = tool.spec.params.get("properties", {})
    filled = {name: 900 if shape.get("type") == "integer" else "A1" for name, shape in properties.items()}
    return ai.testing.tool_call(tool.name, **filled)


def readers_own() -> dict[str, Any]:
    """What the page takes for granted: a model, its messages, an agent with tools."""

    @ai.tool(require_approval=True)
    async def refund(order: str, cents: int) -> str:
        return f"refunded {order}"

    obliging = ai.Model(id="obliging", provider=_Obliging())
    return {"model": obliging, "messages": [GO], "agent": ai.Agent(tools=[refund]), "refund": refund}
