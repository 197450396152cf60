"""The Claude Agent SDK under the contract of pauses: the callback, which waits, and the hook that defers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from sayso.desk import asker
from sayso.testing import pauses, scripts
from sayso_claude import defer, sdk
from tests.adapters.claude.wire import Json, Line, connected


class Interrupted(Exception):
    """Claude Code ends the run, and asks about nothing more."""


async def use(agent: scripts.Script, allowed: bool, input: Json, reason: str) -> None:
    """What Claude Code does with an answer."""
    if allowed:
        await agent.tool(**input)
    else:
        agent.told.append(reason)


class TestCallback(pauses.KeysContract, pauses.HeldContract):
    """Claude Code measures an edited input by its tool itself."""

    checks_edits = False
    stopping: ClassVar[Mapping[str, Any]] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        async with connected(sdk.options(desk, **common), agent.name) as line:
            try:
                async with asyncio.TaskGroup() as group:
                    for n, one in enumerate(agent.calls):
                        group.create_task(self._call(line, agent, one, f"toolu_{n}"))
            except* Interrupted:
                agent.stopped = True

    async def _call(self, line: Line, agent: scripts.Script, input: Json, call: str) -> None:
        await line.before(scripts.TOOL, input, call)
        answer = await line.answer(line.ask(scripts.TOOL, input, call))
        if answer.get("interrupt"):
            raise Interrupted
        await use(agent, answer["behavior"] == "allow", answer.get("updatedInput", {}), answer.get("message", ""))


class TestDeferred(pauses.KeysContract, pauses.LastingContract):
    """One call of a turn at a time; a session that is resumed has its call once more."""

    checks_edits = False
    stopping: ClassVar[Mapping[str, Any]] = {}

    async def run(self, desk: asker.Asker, agent: scripts.Script, **common: Any) -> None:
        async with connected(defer.options(desk, tools="*", **common), agent.name) as line:
            for n, one in enumerate(agent.calls):
                answer = await self._before(line, one, f"toolu_{n}")
                while (said := answer["hookSpecificOutput"])["permissionDecision"] == "defer":
                    await desk.wait(defer.ticket_id(agent.name, f"toolu_{n}"))
                    answer = await self._before(line, one, f"toolu_{n}")
                if answer.get("continue") is False:
                    agent.stopped = True
                    return
                reason = said.get("permissionDecisionReason", "")
                await use(agent, said["permissionDecision"] == "allow", said.get("updatedInput", {}), reason)

    async def _before(self, line: Line, input: Json, call: str) -> Json:
        # each call is in a turn of its own
        return (await line.before(scripts.TOOL, input, call, prompt_id=call))[-1]
