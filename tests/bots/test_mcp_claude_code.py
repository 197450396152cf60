"""`sayso mcp` as the permission prompt of the real Claude Code CLI: a scripted model, people in Slack."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sayso import stores
from sayso_claude import settings
from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup
from tests.fakes import anthropic, claude_runs, quick
from tests.fakes.processes import environment
from tests.fakes.slack import Message, Person

pytestmark = pytest.mark.once

Run = asyncio.Task[list[anthropic.ToolResult]]

QUESTION = {
    "question": "Which database?",
    "header": "Database",
    "options": [{"label": "PostgreSQL", "description": "shared"}, {"label": "SQLite", "description": "a file"}],
    "multiSelect": False,
}
ASKS = anthropic.ToolUse("AskUserQuestion", {"questions": [QUESTION]})
WHY = "Why not? The agent reads this."


@pytest.fixture
async def there(command: Command) -> AsyncGenerator[Setup, None]:
    async with setup(command) as built:
        yield built


@pytest.fixture
def ann(there: Setup) -> Person:
    return there.slack.person("U1", name="ann")


def touch(name: str) -> anthropic.ToolUse:
    return anthropic.ToolUse("Bash", {"command": f"touch {name}"})


@asynccontextmanager
async def opened(folder: Path, service: dict[str, str], **variables: str) -> AsyncGenerator[claude_runs.Cli]:
    """A process of the CLI that asks our tool before its own."""
    (folder / "bin").mkdir()
    ours = {"PYTHONPATH": environment({})["PYTHONPATH"], **service}
    # test_mcp_end_to_end starts the command for itself
    with quick.sayso(folder / "bin", "sayso_mcp.stdio") as sayso:
        server = {"command": str(sayso), "args": ["mcp"], "env": ours}
        (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"sayso": server}}))
        words = ("--mcp-config", str(folder / "mcp.json"), "--permission-prompt-tool", "mcp__sayso__permission_prompt")
        async with claude_runs.opened(folder, *words, **variables) as cli:
            yield cli


@asynccontextmanager
async def running(
    cli: claude_runs.Cli, *calls: anthropic.ToolUse, hooks: Mapping[str, Any] | None = None
) -> AsyncGenerator[Run, None]:
    async def run() -> list[anthropic.ToolResult]:
        assert await cli.run(*calls, anthropic.Text("done"), settings=hooks or {}) == "done"
        return cli.model.tool_results()

    cli.sweep()
    task = asyncio.create_task(run())
    try:
        yield task
    except BaseException as error:
        error.add_note(f"the model has read {cli.model.tool_results()}")
        raise
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def card(there: Setup, number: int) -> Message:
    """The card of the n-th call, once it is there."""
    await there.until(lambda: len(there.cards()) == number, within=30)
    return there.cards()[-1]


async def submit(there: Setup, ann: Person, card: Message, label: str, typed: dict[str, Any]) -> None:
    """Ann opens a window, fills it in and sends it."""
    seen = await ann.press(card, label)
    await there.until(lambda: seen.views)
    await ann.fill(ann.view, typed)
    assert (await ann.submit(ann.view)).errors == {}


async def test_people_decide_in_slack_what_runs_and_a_hook_of_the_settings_and_the_prompt_tool_show_one_card(
    there: Setup, ann: Person
) -> None:
    service = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key}
    async with opened(there.command.folder, service, SAYSO_KEY=there.key) as cli:
        hooks = settings.settings(there.url, events=["PermissionRequest"], kind="http")
        async with running(cli, touch("a"), touch("a"), ASKS, hooks=hooks) as run:
            assert (await ann.press(await card(there, 1), "Allow")).acked
            await submit(there, ann, await card(there, 2), "Deny with reason…", {WHY: "once"})
            assert (await ann.press(await card(there, 3), "2 · SQLite")).acked
            results = await run
        assert [result.is_error for result in results] == [False, True, False]
        assert '"Which database?"="SQLite"' in results[2].text
        assert there.posts() == 3

        async with running(cli, touch("a"), touch("b"), touch("c"), ASKS) as run:
            allowed = await card(there, 4)
            shown = there.slack.visible_text(allowed)
            assert "(calls itself Claude Code) asks to run Bash" in shown
            assert str(cli.cwd) in shown
            await there.restart()
            assert (await ann.press(allowed, "Allow")).acked
            await submit(there, ann, await card(there, 5), "Edit and allow…", {"command": "touch edited"})
            await submit(there, ann, await card(there, 6), "Deny with reason…", {WHY: "not on a Friday"})
            assert (await ann.press(await card(there, 7), "2 · SQLite")).acked
            results = await run
        assert [result.is_error for result in results] == [False, False, True, False]
        assert "not on a Friday" in results[2].text
        assert '"Which database?"="SQLite"' in results[3].text
        assert sorted(path.name for path in cli.cwd.iterdir()) == ["a", "edited"]
        assert there.posts() == 7


async def test_claude_code_reads_a_denial_before_its_own_limit(tmp_path: Path) -> None:
    database = {"SAYSO_DATABASE_URL": f"sqlite:///{tmp_path}/sayso.db"}
    await (await stores.connect(database["SAYSO_DATABASE_URL"])).close()
    async with opened(tmp_path, database, MCP_TOOL_TIMEOUT="4000") as cli, running(cli, touch("a")) as run:
        (result,) = await run
    assert result.is_error
    assert "Silence is not consent" in result.text
    assert list((tmp_path / "work").iterdir()) == []
