"""What Claude Code runs because a settings file says so: no hook hears of it, so the file is what to gate."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.bypasses.attempt import attempt
from tests.fakes import anthropic, claude_runs

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.once]

SERVER = json.dumps({"mcpServers": {"m": {"command": "/bin/sh", "args": ["-c", "touch made.txt"]}}})
OFF = json.dumps({"disableAllHooks": True})


def bash(command: str = "touch made.txt") -> anthropic.ToolUse:
    return anthropic.ToolUse("Bash", {"command": command})


async def test_tool_servers_helpers_and_other_hooks_run_unasked_and_are_named(tmp_path: Path) -> None:
    other = {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "touch hook.txt"}]}]}}
    files = {".mcp.json": SERVER, ".claude/settings.json": json.dumps(other)}
    async with attempt(tmp_path, files=files, settings={"apiKeyHelper": "touch helper.txt; echo key"}) as tried:
        await tried.run()
        assert (tried.made(), await tried.asked()) == (["helper.txt", "hook.txt", "made.txt"], [])
        tried.names("tool servers that the settings or `.mcp.json` start")
        tried.names("helpers of the settings (`apiKeyHelper`, `statusLine` and the like)")
        tried.names("other hooks of the settings, of plugins and of skills")


async def test_hooks_that_are_switched_off_are_named(tmp_path: Path) -> None:
    async with attempt(tmp_path, mode="bypassPermissions", files={".claude/settings.local.json": OFF}) as tried:
        await tried.run(bash())
        assert (tried.made(), await tried.asked()) == (["made.txt"], [])
        tried.names("everything once `disableAllHooks` stands in any settings file")


@pytest.mark.parametrize(
    ("wrong_file", "right_file", "wrong"),
    [
        ("settings", "settings.local", {"permissions": {"allow": ["Bash"], "defaultMode": "asking"}}),
        (
            "settings.local",
            "settings",
            {"hooks": {"PreToolUse": [{"hooks": [{"type": "command", "command": "true", "timeout": "60"}]}]}},
        ),
    ],
)
async def test_a_file_with_a_wrong_value_gates_nothing_and_is_named_and_one_without_gates(
    tmp_path: Path, wrong_file: str, right_file: str, wrong: dict[str, Any]
) -> None:
    async with attempt(tmp_path, settings={"permissions": {"allow": ["Bash"]}, "hooks": {}}) as tried:
        tried.rule = "Bash(touch right.txt)"
        right = tried.printed()
        tried.rule = "Bash(touch wrong.txt)"
        ours, mine = tried.printed()["hooks"], wrong.get("hooks", {})
        merged = {event: [*ours.get(event, []), *mine.get(event, [])] for event in {**ours, **mine}}
        tried.files = {
            f".claude/{wrong_file}.json": json.dumps({**wrong, "hooks": merged}),
            f".claude/{right_file}.json": json.dumps(right),
        }
        await tried.run(bash("touch wrong.txt"), bash("touch right.txt"))
        assert (tried.made(), await tried.asked()) == (["wrong.txt"], [("PreToolUse", "touch right.txt")])
        tried.names("what a settings file with one wrong value would gate")


async def test_an_agent_that_writes_a_settings_file_is_asked_about(tmp_path: Path, cli: claude_runs.Cli) -> None:
    async with attempt(tmp_path, cli=cli, mode="bypassPermissions") as tried:
        paths = [tried.cwd / name for name in (".claude/settings.local.json", ".claude/settings.json", ".mcp.json")]
        await tried.run(*(anthropic.ToolUse("Write", {"file_path": str(path), "content": OFF}) for path in paths))
        assert (tried.made(), await tried.asked()) == ([], [("PreToolUse", str(path)) for path in paths])
        assert [path for path in paths if path.exists()] == []


async def test_settings_that_change_in_a_session_take_effect_only_if_people_allow_it(tmp_path: Path) -> None:
    events, told = ["PreToolUse", "ConfigChange"], tmp_path / "told"
    # and a while in which the change would be taken up
    # it ends with the CLI as well, which kills nothing where it is killed
    slow = f"until test -e {told} || ! kill -0 $PPID; do sleep 0.05; done; sleep 0.5"
    async with attempt(tmp_path, mode="bypassPermissions", events=events, allowed=["Write", slow]) as tried:
        path = str(tried.cwd / ".claude" / "settings.local.json")
        write = anthropic.ToolUse("Write", {"file_path": path, "content": OFF})

        async def tell() -> None:
            async for _ in tried.service.desk.store.changes():
                if ("ConfigChange", path) in await tried.asked():
                    return told.touch()

        async with asyncio.timeout(40), asyncio.TaskGroup() as group:
            group.create_task(tell())
            await tried.run(write, bash(slow), bash())
        assert tried.made() == []
