"""Vercel's AI SDK under the contract of pauses: gates that wait, and gates that are deferred."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import ai

import sayso_ai
from sayso.desk import asker
from sayso.testing import pauses, scripts
from tests.adapters.ai.scene import GO, call, drained, model_of, results


def tool_of(agent: scripts.Script) -> ai.AgentTool:
    @ai.tool(require_approval=True)
    async def pay(amount: float, to: str) -> str:
        """Pay."""
        return await agent.tool(amount=amount, to=to)

    return pay


def calls(agent: scripts.Script, tool: ai.AgentTool) -> Sequence[ai.messages.ToolCallPart]:
    return [call(tool, f"c{n}", **one) for n, one in enumerate(agent.calls)]


class TestWaiting(pauses.KeysContract, pauses.HeldContract):
    stopping: ClassVar[Mapping[str, Any]] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        pay = tool_of(agent)
        run = sayso_ai.Agent(tools=[pay]).run(model_of(calls(agent, pay)), [GO])
        async with sayso_ai.people(desk, run, **common) as stream:
            await drained(stream)
        agent.stopped = stream.stopped is not None
        agent.told += map(str, results(stream))


class TestDurable(pauses.KeysContract, pauses.LastingContract):
    """The messages of a run are what its program keeps."""

    stopping: ClassVar[Mapping[str, Any]] = {}

    def setup_method(self) -> None:
        self.kept: dict[str, list[ai.messages.Message]] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        pay = tool_of(agent)
        turn = ai.assistant_message(*calls(agent, pay))
        if agent.name in self.kept and self.kept[agent.name][-1].tool_calls:
            self.kept[agent.name][-1] = turn
        while True:
            messages = self.kept.get(agent.name, [GO])
            # the scripted model compares to the letter, and a turn that is taken up again is marked by the library
            again = len(messages) > 1
            script = [GO, turn.model_copy(update={"replay": True}) if again else turn, ai.assistant_message("done")]
            run = sayso_ai.Agent(tools=[pay]).run(ai.testing.FakeModel(script), list(messages))
            async with sayso_ai.people(desk, run, durable=agent.name, **common) as stream:
                await drained(stream)
            if not stream.deferred:
                break
            self.kept[agent.name] = [GO, turn]
            await asyncio.gather(*(desk.wait(id) for id in stream.deferred))
        agent.stopped = stream.stopped is not None
        agent.told += map(str, results(stream))
