"""The example agent, the real CLI, `sayso serve` and Slack: one card, whatever is killed in between."""

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.adapters.claude_scene import touch
from tests.bots.conftest import Command
from tests.bots.restarts import House, house
from tests.fakes import anthropic, claude_cli
from tests.fakes.processes import Running, started
from tests.fakes.slack import Message

AGENT = Path(__file__).parents[2] / "bots" / "examples" / "claude_agent.py"
SESSION = "2f1c9a52-5d0e-4c57-9d55-3a5c1d0a7b10"
WITHIN = 30.0


def agent(there: House, api: anthropic.FakeAnthropic) -> AbstractAsyncContextManager[Running]:
    """A process of the example, in a folder of its own."""
    folder = there.command.folder / "work"
    folder.mkdir(exist_ok=True)
    env = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key, **claude_cli.cli_env(there.command.folder / "home", api.url)}
    return started([sys.executable, AGENT, SESSION, "go"], folder, **env)


async def card(there: House, number: int = 0) -> Message:
    await there.until(lambda: len(there.cards()) > number, within=WITHIN)
    return there.cards()[number]


async def test_an_agent_that_is_killed_while_people_think_runs_the_allowed_call_once(command: Command) -> None:
    claude_cli.find_cli()
    async with house(command) as there, anthropic.serve() as api:
        ann = there.slack.person("U1", name="ann")
        once = anthropic.ToolUse("Bash", {"command": "echo ran >> made.txt"})
        api.script([once, touch("other.txt"), anthropic.Text("done")])
        async with agent(there, api) as first:
            await first.line("waiting for people")
            asked = await card(there)
            assert "echo ran >> made.txt" in there.slack.visible_text(asked)
            assert SESSION in there.slack.visible_text(asked)
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
