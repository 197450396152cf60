"""Programs with the Agent SDK: its callback sees tool calls only, so the options ask about shell commands in skills."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import claude_agent_sdk
import pytest
from claude_agent_sdk import ClaudeAgentOptions

import sayso
from sayso.stores import Query
from sayso_claude import defer, sdk
from tests.adapters.claude import wire
from tests.bypasses.test_skills import CALLED, SKILL
from tests.fakes import anthropic, claude_cli

pytestmark = pytest.mark.once

Made = Callable[[sayso.Desk, ClaudeAgentOptions], ClaudeAgentOptions]


def callback(desk: sayso.Desk, given: ClaudeAgentOptions) -> ClaudeAgentOptions:
    return sdk.options(desk, given)


def deferring(desk: sayso.Desk, given: ClaudeAgentOptions) -> ClaudeAgentOptions:
    return defer.options(desk, given, tools="Bash|Write")


def both(desk: sayso.Desk, given: ClaudeAgentOptions) -> ClaudeAgentOptions:
    return defer.options(desk, sdk.options(desk, given), tools="Bash|Write")


OTHER = SKILL.replace("tidy", "clean").replace("skill.txt", "other.txt")


@pytest.mark.parametrize("made", [callback, deferring, both])
async def test_skills_that_the_agent_calls(tmp_path: Path, made: Made) -> None:
    """One that people allow, and one that they deny."""
    home = tmp_path / "home"
    home.mkdir()
    for name, text in (("tidy", SKILL), ("clean", OTHER)):
        skill = tmp_path / "work" / ".claude" / "skills" / name / "SKILL.md"
        skill.parent.mkdir(parents=True)
        skill.write_text(text)
    ann = await wire.desk()
    async with anthropic.serve() as model:
        model.script([CALLED, anthropic.ToolUse("Skill", {"skill": "clean"}), anthropic.Text("done")])
        env = claude_cli.cli_env(home, model.url)
        given = ClaudeAgentOptions(
            cwd=tmp_path / "work", env=env, setting_sources=["project"], allowed_tools=["Skill(tidy)", "Skill(clean)"]
        )

        async def run() -> None:
            async for _ in claude_agent_sdk.query(prompt="go", options=made(ann.desk, given)):
                pass

        running = asyncio.create_task(run())
        asked = [await ann.answer(count, verdict=verdict) for count, verdict in ((1, "allow"), (2, "deny"))]
        async with asyncio.timeout(20):
            await running
    assert [ticket.request.input for ticket in asked] == [
        {"command": "touch skill.txt"},
        {"command": "touch other.txt"},
    ]
    assert len(await ann.desk.store.list(Query())) == 2
    assert [(tmp_path / "work" / name).exists() for name in ("skill.txt", "other.txt")] == [True, False]
