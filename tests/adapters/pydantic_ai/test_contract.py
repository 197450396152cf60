"""Pydantic AI under the contract of pauses: after a run that ended with deferred calls, and in the middle of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pydantic_ai
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel

import sayso_pydantic_ai
from sayso.desk import asker
from sayso.testing import pauses, scripts

Deferred = pydantic_ai.DeferredToolRequests


def clerk(agent: scripts.Script, **more: Any) -> Any:
    def talk(messages: list[ModelMessage], info: Any) -> ModelResponse:
        if any(isinstance(message, ModelResponse) for message in messages):
            return ModelResponse([TextPart("done")])
        return ModelResponse(list(calls(agent)))

    made: pydantic_ai.Agent[Any, Any] = pydantic_ai.Agent(FunctionModel(talk), name="clerk", **more)

    @made.tool_plain(name=scripts.TOOL, requires_approval=True)
    async def pay(amount: float, to: str) -> str:
        return await agent.tool(amount=amount, to=to)

    return made


def calls(agent: scripts.Script) -> Sequence[ToolCallPart]:
    return [ToolCallPart(scripts.TOOL, one, tool_call_id=f"c{n}") for n, one in enumerate(agent.calls)]


def told(result: Any) -> list[str]:
    parts = [part for message in result.all_messages() if isinstance(message, ModelRequest) for part in message.parts]
    return [str(part.content) for part in parts if isinstance(part, ToolReturnPart)]


class TestAfterARun(pauses.KeysContract, pauses.LastingContract):
    """The messages of a run name it; a program keeps them, and may have changed them meanwhile."""

    says_turns = True

    def setup_method(self) -> None:
        self.kept: dict[str, tuple[list[ModelMessage], Deferred]] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        made = clerk(agent, output_type=[str, Deferred])
        if agent.name not in self.kept:
            first = await made.run("pay")
            self.kept[agent.name] = (first.all_messages(), first.output)
        messages, requests = self.kept[agent.name]
        messages = [replace(one, parts=calls(agent)) if isinstance(one, ModelResponse) else one for one in messages]
        requests = replace(requests, approvals=list(calls(agent)))
        results = await sayso_pydantic_ai.answers(desk, made, requests, messages, **common)
        agent.told += told(await made.run(message_history=messages, deferred_tool_results=results))


class TestInARun(pauses.KeysContract, pauses.HeldContract):
    says_turns = True

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        people = sayso_pydantic_ai.people(desk, **common)
        agent.told += told(await clerk(agent, capabilities=[people]).run("pay"))
