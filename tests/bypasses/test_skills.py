"""Shell commands in skills: they are no tool calls, and each way to start one is asked about."""

from pathlib import Path

import pytest

from tests.bypasses.attempt import attempt
from tests.fakes import anthropic

pytestmark = pytest.mark.once

SKILL = "---\nname: tidy\ndescription: d\nallowed-tools: Bash(touch *)\n---\n!`touch skill.txt`\nTidy up.\n"
FILES = {".claude/skills/tidy/SKILL.md": SKILL}
CALLED = anthropic.ToolUse("Skill", {"skill": "tidy"})
COMMAND = ("PreSkillShellCommand", "touch skill.txt")


async def test_a_skill_that_is_typed(tmp_path: Path) -> None:
    async with attempt(tmp_path, files=FILES, allowed=["UserPromptExpansion"]) as tried:
        await tried.type("/tidy now")
        assert tried.made() == []
        assert await tried.asked() == [("UserPromptExpansion", "UserPromptExpansion"), COMMAND]


async def test_a_skill_that_is_typed_and_whose_expansion_is_denied(tmp_path: Path) -> None:
    async with attempt(tmp_path, files=FILES) as tried:
        await tried.type("/tidy now", shown="denied")
        assert tried.made() == []
        assert await tried.asked() == [("UserPromptExpansion", "UserPromptExpansion")]


@pytest.mark.parametrize("kind", ["http", "command"])
async def test_a_skill_that_the_agent_calls(tmp_path: Path, kind: str) -> None:
    async with attempt(tmp_path, files=FILES, allowed=["Skill"], kind=kind) as tried:
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [("PreToolUse", "Skill"), COMMAND]


async def test_a_skill_whose_command_people_allow(tmp_path: Path) -> None:
    async with attempt(tmp_path, files=FILES, allowed=["Skill", "Bash"]) as tried:
        await tried.run(CALLED)
        assert tried.made() == ["skill.txt"]


async def test_a_skill_that_is_allowed_beforehand(tmp_path: Path) -> None:
    async with attempt(tmp_path, files=FILES, settings={"permissions": {"allow": ["Skill", "Bash"]}}) as tried:
        tried.matcher = "Bash"
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [COMMAND]


async def test_a_skill_where_only_what_claude_code_asks_is_asked(tmp_path: Path) -> None:
    allowed = {"permissions": {"allow": ["Skill"], "defaultMode": "default"}}
    async with attempt(tmp_path, events=["PermissionRequest"], files=FILES, settings=allowed) as tried:
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [COMMAND]


async def test_a_skill_that_the_agent_wrote_itself_and_uses_in_the_next_session(tmp_path: Path) -> None:
    async with attempt(tmp_path, mode="bypassPermissions", allowed=["Write", "Skill"]) as tried:
        path = tried.cwd / ".claude" / "skills" / "tidy" / "SKILL.md"
        await tried.run(anthropic.ToolUse("Write", {"file_path": str(path), "content": SKILL}))
        assert path.exists()
        await tried.run(CALLED)
        assert tried.made() == []
        assert await tried.asked() == [("PreToolUse", str(path)), ("PreToolUse", "Skill"), COMMAND]


async def test_a_command_file(tmp_path: Path) -> None:
    async with attempt(tmp_path, files={".claude/commands/tidy.md": SKILL}, allowed=["Skill"]) as tried:
        await tried.run(CALLED)
        assert tried.made() == []
        assert COMMAND in await tried.asked()


async def test_a_skill_while_the_service_is_down(tmp_path: Path) -> None:
    async with attempt(tmp_path, files=FILES, settings={"permissions": {"allow": ["Skill", "Bash"]}}) as tried:
        tried.matcher = "Bash"
        await tried.service.runner.cleanup()
        await tried.run(CALLED)
        assert tried.made() == []


async def test_a_skills_own_hooks_run_unasked_and_are_named(tmp_path: Path) -> None:
    handler = '{type: command, command: "touch head.txt"}'
    head = f"hooks:\n  PreToolUse:\n    - matcher: Bash\n      hooks: [{handler}]\n"
    skill = f"---\nname: tidy\ndescription: d\n{head}---\nTidy up.\n"
    async with attempt(tmp_path, files={".claude/skills/tidy/SKILL.md": skill}, allowed=["Skill", "Bash"]) as tried:
        await tried.run(CALLED, anthropic.ToolUse("Bash", {"command": "true"}))
        assert tried.made() == ["head.txt"]
        assert "touch head.txt" not in str(await tried.asked())
        tried.names("other hooks of the settings, of plugins and of skills")
