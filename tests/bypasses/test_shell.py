"""Ways to run a command: which of them a matcher of tools sees, and which a permission rule sees."""

from pathlib import Path

import pytest

from tests.bypasses.attempt import attempt
from tests.fakes import anthropic, claude_runs

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.once]

# Thirteen spellings of one push; `alias` and `| sh` need a shell that is already there.
PUSHES = (
    "git push origin main",
    "git  push origin main",
    "git push",
    "true && git push origin main",
    "(git push origin main)",
    "GIT_DIR=. git push origin main",
    "git -C . push origin main",
    "/usr/bin/git push origin main",
    "bash -c 'git push origin main'",
    "env git push origin main",
    "nice git push origin main",
    "alias g=git; g push origin main",
    "echo git push origin main | sh",
)


def bash(command: str, **more: object) -> anthropic.ToolUse:
    return anthropic.ToolUse("Bash", {"command": command, **more})


INSIDE = ("bash -c 'touch made.txt'", "sh <<< 'touch made.txt'", "eval 'touch made.txt'")


NOTEBOOK = {"n.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'}


def others(cwd: Path) -> list[anthropic.ToolUse]:
    """Tools that change or run something, too."""
    path = str(cwd / "n.ipynb")
    edit = {"notebook_path": path, "new_source": "x", "edit_mode": "insert", "cell_type": "code"}
    return [
        anthropic.ToolUse("Read", {"file_path": path}),
        anthropic.ToolUse("ToolSearch", {"query": "select:NotebookEdit"}),
        anthropic.ToolUse("NotebookEdit", edit),
        anthropic.ToolUse("Workflow", {"script": "export const meta = {name: 'a', description: 'b'};\n"}),
    ]


# a process of its own, which waits for the subagent and the workflow in its background before it ends
async def test_a_list_of_tools_sees_every_spelling_shells_in_the_shell_the_background_a_subagent_and_no_other_tool(
    tmp_path: Path,
) -> None:
    subagent = anthropic.ToolUse("Agent", {"description": "d", "prompt": "p", "subagent_type": "general-purpose"})
    async with attempt(tmp_path, matcher="Bash|Write|Edit", mode="bypassPermissions", files=NOTEBOOK) as tried:
        shells = [*map(bash, (*PUSHES, *INSIDE)), bash("touch made.txt", run_in_background=True)]
        await tried.run(*others(tried.cwd), *shells, subagent, bash("touch made.txt there.txt"))
        commands = (*PUSHES, *INSIDE, "touch made.txt", "touch made.txt there.txt")
        assert await tried.asked() == [("PreToolUse", command) for command in commands]
        assert tried.made() == ["n.ipynb"]
        assert (tried.cwd / "n.ipynb").read_text() != NOTEBOOK["n.ipynb"]
        tried.names("A list of tools is a list")


async def test_the_list_of_tools_that_the_page_recommends_leaves_none_of_them_out(
    tmp_path: Path, cli: claude_runs.Cli
) -> None:
    options = {"files": NOTEBOOK, "mode": "bypassPermissions", "allowed": ["Read", "ToolSearch"]}
    async with attempt(tmp_path, cli=cli, **options) as tried:
        tried.matcher = tried.printed_matcher()
        await tried.run(*others(tried.cwd))
        assert [about for _, about in await tried.asked()] == ["NotebookEdit", "Workflow"]
        assert (tried.cwd / "n.ipynb").read_text() == NOTEBOOK["n.ipynb"]


async def test_a_rule_misses_spellings_and_the_page_says_so(tmp_path: Path, cli: claude_runs.Cli) -> None:
    async with attempt(tmp_path, cli=cli, matcher="Bash", rule="Bash(git push *)", mode="bypassPermissions") as tried:
        await tried.run(*map(bash, PUSHES))
        seen = {command for _, command in await tried.asked()}
        missed = [command for command in PUSHES if command not in seen]
        assert missed == list(PUSHES[6:])
        tried.names(f"It misses {len(missed)} of {len(PUSHES)} spellings")


# what asks by itself: tests/adapters/claude/test_cli.py; what asks nobody: all around here
@pytest.mark.parametrize("mode", ["acceptEdits", "auto"])
async def test_a_mode(tmp_path: Path, cli: claude_runs.Cli, mode: str) -> None:
    async with attempt(tmp_path, cli=cli, mode=mode, settings={"permissions": {"allow": ["Bash"]}}) as tried:
        await tried.run(bash("touch made.txt"))
        assert (tried.made(), await tried.asked()) == ([], [("PreToolUse", "touch made.txt")])


async def test_a_mode_that_asks_nobody_where_only_its_own_asking_is_gated(tmp_path: Path, cli: claude_runs.Cli) -> None:
    async with attempt(tmp_path, cli=cli, events=["PermissionRequest"], mode="bypassPermissions") as tried:
        await tried.run(bash("touch made.txt"))
        assert (tried.made(), await tried.asked()) == (["made.txt"], [])
        tried.names("`PermissionRequest` gates nothing that is allowed beforehand")


# where they do say otherwise: test_skills
async def test_auto_mode_is_where_a_session_starts_unless_the_printed_settings_say_otherwise(tmp_path: Path) -> None:
    status = {"type": "command", "command": "touch status.txt; echo status"}
    given = {"permissions": {}, "statusLine": status}
    async with attempt(tmp_path, events=["PermissionRequest"], settings=given) as tried:
        async with tried.seated(bash("touch made.txt")) as terminal:
            await tried.type(terminal, "go")
        # a status line runs unasked, too: see test_settings
        assert (tried.made(), await tried.asked()) == (["made.txt", "status.txt"], [])
        tried.names("Interactive sessions start in auto mode")
