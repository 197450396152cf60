"""The OpenAI Agents SDK under the contract of pauses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import agents
import pytest
from agents.testing import ScriptedModel, assistant_message, function_call

import sayso_openai
from sayso.desk import asker
from sayso.testing import pauses, scripts


class TestOpenAIAgents(pauses.KeysContract, pauses.LastingContract):
    """A run is named by its program, which keeps the state; here it makes the same turn anew."""

    says_turns = True

    @pytest.fixture(autouse=True)
    def without_tracing(self) -> Iterator[None]:
        """Traces would be sent to OpenAI."""
        agents.set_tracing_disabled(True)
        yield
        agents.set_tracing_disabled(False)

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        @agents.function_tool(name_override=scripts.TOOL, needs_approval=True)
        async def pay(amount: float, to: str) -> str:
            """Pay."""
            return await agent.tool(amount=amount, to=to)

        calls = [function_call(scripts.TOOL, json.dumps(one), call_id=f"c{n}") for n, one in enumerate(agent.calls)]
        model = ScriptedModel([calls, [assistant_message("done")]])
        clerk = agents.Agent("clerk", model=model, tools=[pay])
        state = (await agents.Runner.run(clerk, "pay")).to_state()
        await sayso_openai.answers(desk, state, run=agent.name, **common)
        result = await agents.Runner.run(clerk, state)
        agent.told += [str(item.output) for item in result.new_items if isinstance(item, agents.ToolCallOutputItem)]
