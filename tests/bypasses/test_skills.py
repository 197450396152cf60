"""Shell commands in skills: they are no tool calls, and each way to start one is asked about."""

from pathlib import Path

import pytest

from tests.bypasses.attempt import attempt
from tests.fakes import anthropic, claude_runs

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.once]

SKILL = "---\nname: tidy\ndescription: d\nallowed-tools: Bash(touch *)\n---\n!`touch skill.txt`\nTidy up.\n"
FILES = {".claude/skills/tidy/SKILL.md": SKILL}
CALLED = anthropic.ToolUse("Skill", {"skill": "tidy"})
COMMAND = ("PreSkillShellCommand", "touch skill.txt")
HOOK = '{type: command, command: "touch own.txt"}'
OWN = f"""---
name: own
description: d
hooks:
  PreToolUse:
    - matcher: Bash
      hooks: [{HOOK}]
---
Tidy up.
"""


async def test_the_printed_settings_start_a_session_that_asks_also_about_typed_skills_and_not_behind_a_bang(
    tmp_path: Path,
) -> None:
    expansion = ("UserPromptExpansion", "UserPromptExpansion")
    async with attempt(tmp_path, files=FILES, matcher="Bash") as tried:
        before = tried.printed()["hooks"]
        tried.events, tried.matcher = ["PermissionRequest"], "*"
        tried.settings = {"hooks": {**tried.printed()["hooks"], **before}}
        path = str(tried.cwd / "written.txt")
        write = anthropic.ToolUse("Write", {"file_path": path, "content": "x"})
        async with tried.seated(anthropic.Text("done"), write, anthropic.Text("not written")) as terminal:
            await tried.type(terminal, "/tidy now", shown="denied")
            assert (tried.made(), await tried.asked()) == ([], [expansion])
            tried.allowed = ["UserPromptExpansion"]
            await tried.type(terminal, "/tidy again")
            assert (tried.made(), await tried.asked()) == ([], [expansion, expansion, COMMAND])
            await tried.type(terminal, "!touch made.txt", made="made.txt")
            await tried.type(terminal, "go", shown="not written")
        assert (tried.made(), (await tried.asked())[3:]) == (["made.txt"], [("PermissionRequest", path)])
        tried.names("what somebody types behind `!`")


async def test_skills_and_command_files_that_the_agent_calls_run_what_people_allow(
    tmp_path: Path, cli: claude_runs.Cli
) -> None:
    made = {name: SKILL.replace("skill.txt", f"{name}.txt") for name in ("clean", "file")}
    files = {**FILES, ".claude/skills/clean/SKILL.md": made["clean"].replace("tidy", "clean")}
    files |= {".claude/commands/file.md": made["file"].replace("tidy", "file"), ".claude/skills/own/SKILL.md": OWN}
    calls = [CALLED, *(anthropic.ToolUse("Skill", {"skill": name}) for name in ("clean", "file", "own"))]
    async with attempt(tmp_path, cli=cli, files=files, allowed=["Skill", "touch clean.txt", "true"]) as tried:
        await tried.run(*calls, anthropic.ToolUse("Bash", {"command": "true"}))
        shells = [about for event, about in await tried.asked() if event == COMMAND[0]]
        assert shells == ["touch skill.txt", "touch clean.txt", "touch file.txt"]
        # a skill's own hooks run unasked, and are named
        assert tried.made() == ["clean.txt", "own.txt"]
        assert "own.txt" not in str(await tried.asked())
        tried.names("other hooks of the settings, of plugins and of skills")


async def test_a_skill_that_the_agent_calls_before_a_command_as_a_hook(tmp_path: Path, cli: claude_runs.Cli) -> None:
    async with attempt(tmp_path, cli=cli, files=FILES, allowed=["Skill"], kind="command") as tried:
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [("PreToolUse", "Skill"), COMMAND]


async def test_a_skill_that_is_allowed_beforehand(tmp_path: Path, cli: claude_runs.Cli) -> None:
    async with attempt(tmp_path, cli=cli, files=FILES, settings={"permissions": {"allow": ["Skill", "Bash"]}}) as tried:
        tried.matcher = "Bash"
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [COMMAND]


async def test_a_skill_where_only_what_claude_code_asks_is_asked(tmp_path: Path, cli: claude_runs.Cli) -> None:
    allowed = {"permissions": {"allow": ["Skill"], "defaultMode": "default"}}
    async with attempt(tmp_path, cli=cli, events=["PermissionRequest"], files=FILES, settings=allowed) as tried:
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [COMMAND]


async def test_a_skill_that_the_agent_wrote_itself_and_uses_in_the_next_session(
    tmp_path: Path, cli: claude_runs.Cli
) -> None:
    async with attempt(tmp_path, cli=cli, mode="bypassPermissions", allowed=["Write", "Skill"]) as tried:
        path = tried.cwd / ".claude" / "skills" / "tidy" / "SKILL.md"
        await tried.run(anthropic.ToolUse("Write", {"file_path": str(path), "content": SKILL}))
        assert path.exists()
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [("PreToolUse", str(path)), ("PreToolUse", "Skill"), COMMAND]


async def test_a_skill_while_the_service_is_down(tmp_path: Path, cli: claude_runs.Cli) -> None:
    async with attempt(tmp_path, cli=cli, files=FILES, settings={"permissions": {"allow": ["Skill", "Bash"]}}) as tried:
        tried.matcher = "Bash"
        await tried.service.runner.cleanup()
        await tried.run(CALLED)
        assert tried.made() == []
