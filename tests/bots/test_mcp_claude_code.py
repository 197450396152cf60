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
from tests.fakes import anthropic, claude_cli, quick
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
async def running(
    folder: Path,
    service: dict[str, str],
    *calls: anthropic.ToolUse,
    hooks: Mapping[str, Any] | None = None,
    **variables: str,
) -> AsyncGenerator[Run, None]:
    """A run of the CLI that asks our tool before its own."""
    (folder / "work").mkdir()
    (folder / "bin").mkdir()
    ours = {"PYTHONPATH": environment({})["PYTHONPATH"], **service}

    async def run() -> list[anthropic.ToolResult]:
        async with anthropic.serve() as model:
            model.script([*calls, anthropic.Text("done")])
            asks = ("--mcp-config", str(folder / "mcp.json"), "--permission-prompt-tool")
            options: claude_cli.CliOptions = {
                "home": folder / "home",
                "cwd": folder / "work",
                "api_url": model.url,
                "settings": hooks,
                "extra_args": [*asks, "mcp__sayso__permission_prompt"],
                "env": variables,
            }
            ended = await claude_cli.run_cli("go", **options)
            assert ended.result.get("result") == "done", ended
            return model.tool_results()

    # test_mcp_end_to_end starts the command for itself
    with quick.sayso(folder / "bin", "sayso_mcp.stdio") as sayso:
        server = {"command": str(sayso), "args": ["mcp"], "env": ours}
        (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"sayso": server}}))
        task = asyncio.create_task(run())
        try:
            yield task
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


async def test_people_decide_in_slack_what_claude_code_may_run(there: Setup, ann: Person) -> None:
    asks = anthropic.ToolUse("AskUserQuestion", {"questions": [QUESTION]})
    service = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key}
    async with running(there.command.folder, service, touch("a"), touch("b"), touch("c"), asks) as run:
        allowed = await card(there, 1)
        shown = there.slack.visible_text(allowed)
        assert "(calls itself Claude Code) asks to run Bash" in shown
        assert str(there.command.folder / "work") in shown
        await there.restart()
        assert (await ann.press(allowed, "Allow")).acked
        await submit(there, ann, await card(there, 2), "Edit and allow…", {"command": "touch edited"})
        await submit(
            there, ann, await card(there, 3), "Deny with reason…", {"Why not? The agent reads this.": "not on a Friday"}
        )
        assert (await ann.press(await card(there, 4), "2 · SQLite")).acked
        results = await run
    assert [result.is_error for result in results] == [False, False, True, False]
    assert "not on a Friday" in results[2].text
    assert '"Which database?"="SQLite"' in results[3].text
    assert sorted(path.name for path in (there.command.folder / "work").iterdir()) == ["a", "edited"]
    assert there.posts() == 4


async def test_a_hook_of_the_settings_and_the_prompt_tool_show_one_card(there: Setup, ann: Person) -> None:
    asks = anthropic.ToolUse("AskUserQuestion", {"questions": [QUESTION]})
    service = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key}
    hooks = settings.settings(there.url, events=["PermissionRequest"], kind="http")
    calls = (touch("a"), touch("a"), asks)
    async with running(there.command.folder, service, *calls, hooks=hooks, SAYSO_KEY=there.key) as run:
        assert (await ann.press(await card(there, 1), "Allow")).acked
        await submit(there, ann, await card(there, 2), "Deny with reason…", {"Why not? The agent reads this.": "once"})
        assert (await ann.press(await card(there, 3), "2 · SQLite")).acked
        results = await run
    assert [result.is_error for result in results] == [False, True, False]
    assert '"Which database?"="SQLite"' in results[2].text
    assert there.posts() == 3


async def test_claude_code_reads_a_denial_before_its_own_limit(tmp_path: Path) -> None:
    database = {"SAYSO_DATABASE_URL": f"sqlite:///{tmp_path}/sayso.db"}
    await (await stores.connect(database["SAYSO_DATABASE_URL"])).close()
    async with running(tmp_path, database, touch("a"), MCP_TOOL_TIMEOUT="4000") as run:
        (result,) = await run
    assert result.is_error
    assert "Silence is not consent" in result.text
    assert list((tmp_path / "work").iterdir()) == []
