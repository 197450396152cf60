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


@pytest.mark.parametrize("made", [callback, deferring, both])
@pytest.mark.parametrize("verdict", ["allow", "deny"])
async def test_a_skill_that_the_agent_calls(tmp_path: Path, made: Made, verdict: str) -> None:
    skill, home = tmp_path / "work" / ".claude" / "skills" / "tidy" / "SKILL.md", tmp_path / "home"
    skill.parent.mkdir(parents=True)
    skill.write_text(SKILL)
    home.mkdir()
    ann = await wire.desk()
    async with anthropic.serve() as model:
        model.script([CALLED, anthropic.Text("done")])
        env = claude_cli.cli_env(home, model.url)
        given = ClaudeAgentOptions(
            cwd=tmp_path / "work", env=env, setting_sources=["project"], allowed_tools=["Skill(tidy)"]
        )

        async def run() -> None:
            async for _ in claude_agent_sdk.query(prompt="go", options=made(ann.desk, given)):
                pass

        running = asyncio.create_task(run())
        ticket = await ann.answer(verdict=verdict)
        async with asyncio.timeout(20):
            await running
    assert ticket.request.input == {"command": "touch skill.txt"}
    assert len(await ann.desk.store.list(Query())) == 1
    assert (tmp_path / "work" / "skill.txt").exists() is (verdict == "allow")
