"""The example agent, the real CLI, `sayso serve` and Slack: one card, whatever is killed in between."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, Message, query

import sayso
from sayso_claude import sdk
from tests.adapters.claude.test_sdk_questions import DB, LOOK
from tests.adapters.claude_scene import touch
from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup
from tests.fakes import anthropic, claude_cli, slack
from tests.fakes.processes import Running, started

AGENT = Path(__file__).parents[2] / "bots" / "examples" / "claude_agent.py"
SESSION = "2f1c9a52-5d0e-4c57-9d55-3a5c1d0a7b10"
WITHIN = 30.0


def agent(there: Setup, api: anthropic.FakeAnthropic) -> AbstractAsyncContextManager[Running]:
    """A process of the example, in a folder of its own."""
    folder = there.command.folder / "work"
    folder.mkdir(exist_ok=True)
    env = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key, **claude_cli.cli_env(there.command.folder / "home", api.url)}
    return started([sys.executable, AGENT, SESSION, "go"], folder, imports=("sayso_claude.defer",), **env)


async def card(there: Setup, number: int = 0) -> slack.Message:
    await there.until(lambda: len(there.cards()) > number, within=WITHIN)
    return there.cards()[number]


async def test_an_agent_that_is_killed_while_people_think_runs_the_allowed_call_once(command: Command) -> None:
    claude_cli.find_cli()
    async with setup(command) as there, anthropic.serve() as api:
        ann = there.slack.person("U1", name="ann")
        once = anthropic.ToolUse("Bash", {"command": "echo ran >> made.txt"})
        api.script([once, touch("other.txt"), anthropic.Text("done")])
        async with agent(there, api) as first:
            await first.line("waiting for people")
            asked = await card(there)
            assert "echo ran >> made.txt" in there.slack.visible_text(asked)
            assert SESSION[:8] in there.slack.visible_text(asked)
            await first.kill()
        assert (await ann.press(asked, "Allow")).acked
        async with agent(there, api) as second:
            await second.line("waiting for people")
            assert (await ann.press(await card(there, 1), "Deny")).acked
            await second.line("done")
            assert (await second.ended())[0] == 0
        assert [path.name for path in (command.folder / "work").iterdir()] == ["made.txt"]
        assert (command.folder / "work" / "made.txt").read_text() == "ran\n"
        assert (len(there.cards()), there.posts()) == (2, 2)
        assert [result.is_error for result in api.tool_results()] == [False, True]


async def test_people_choose_a_rule_and_fill_in_the_agents_questions_in_slack(command: Command) -> None:
    asked = anthropic.ToolUse("AskUserQuestion", {"questions": [DB, LOOK]})
    async with (
        setup(command) as there,
        anthropic.serve() as api,
        sayso.open(there.url, key=there.key) as desk,
        asyncio.TaskGroup() as group,
    ):
        ann = there.slack.person("U1", name="ann")
        api.script([touch("a.txt"), touch("a.txt"), asked, anthropic.Text("done")])
        env = claude_cli.cli_env(command.folder / "home", api.url)
        options = sdk.options(desk, ClaudeAgentOptions(cwd=command.folder, env=env))
        run = group.create_task(collected(query(prompt="go", options=options)))
        seen = await ann.press(await card(there), "Add rule 1 and allow…")
        await there.until(lambda: seen.views)
        assert "Bash(touch a.txt) to what runs without asking" in there.slack.visible_text(ann.view)
        assert (await ann.submit(ann.view)).errors == {}
        form = await card(there, 1)
        assert "[a] [b]" in there.slack.visible_text(form)
        seen = await ann.press(form, "Fill in")
        await there.until(lambda: seen.views)
        await ann.fill(ann.view, {"Which database?": "2 · SQLite", "Notes on: Layout": "neither"})
        assert (await ann.submit(ann.view)).errors == {}
        await run
    assert [result.is_error for result in api.tool_results()] == [False, False, False]
    said = api.tool_results()[-1].text
    assert '"Which database?"="SQLite"' in said
    assert '"Which layout?"=(no option selected) notes: neither' in said


async def collected(messages: AsyncIterator[Message]) -> None:
    async for _ in messages:
        pass
