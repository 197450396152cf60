"""Claude Code's `permission_prompt` under the contract of pauses; its program says nothing of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import mcp

from sayso.desk import asker
from sayso.testing import pauses, scripts
from sayso_mcp import tools
from tests.adapters.mcp.scene import text


class TestPermissionPrompt(pauses.HeldContract):
    """Claude Code measures an edited input by its tool itself."""

    checks_edits = False
    stopping: ClassVar[Mapping[str, Any]] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        served = tools.Tools(lambda _: desk)

        async def call(n: int, input: dict[str, Any]) -> None:
            asked = {"tool_name": scripts.TOOL, "input": input, "tool_use_id": f"toolu_{n}"}
            answer = json.loads(text(await client.call_tool("permission_prompt", asked)))
            if answer["behavior"] == "allow":
                await agent.tool(**answer["updatedInput"])
            else:
                agent.told.append(answer["message"])

        async with mcp.Client(served.server(), mode="auto") as client:
            await asyncio.gather(*(call(n, one) for n, one in enumerate(agent.calls)))
