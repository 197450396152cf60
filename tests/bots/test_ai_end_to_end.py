"""An agent of the AI SDK in processes of its own, a real service, and people in Slack."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup
from tests.fakes.processes import started

AGENT: list[str | Path] = [sys.executable, Path(__file__).with_name("ai_agent.py")]


@pytest.fixture
async def there(command: Command) -> AsyncIterator[Setup]:
    async with setup(command) as built:
        yield built


async def test_an_agent_that_was_killed_finds_its_one_card_and_each_tool_runs_once(
    there: Setup, tmp_path: Path
) -> None:
    signed_in = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key}
    async with started(AGENT, tmp_path, imports=("sayso_ai",), **signed_in) as first:
        id = (await first.line("waiting for")).rpartition(" ")[2]
        await there.until(lambda: there.cards(id))
        await first.kill()
    assert (tmp_path / "done.txt").read_text() == "looked at A1\n"
    ann = there.slack.person("U1", name="ann")
    async with started(AGENT, tmp_path, imports=("sayso_ai",), **signed_in) as second:
        assert (await second.line("waiting for")).endswith(id)
        assert (await ann.press(there.cards(id)[0], "Allow")).acked
        await second.line("All settled.")
        assert (await second.ended())[0] == 0
    assert (tmp_path / "done.txt").read_text() == "looked at A1\nrefunded A1: 900\n"
    assert (len(there.cards()), there.posts()) == (1, 1)


async def test_a_decision_that_came_while_no_agent_ran_is_there_when_it_comes_back(
    there: Setup, tmp_path: Path
) -> None:
    signed_in = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key}
    async with started(AGENT, tmp_path, imports=("sayso_ai",), **signed_in) as first:
        await first.line("waiting for")
        await there.until(there.cards)
        await first.kill()
    ann = there.slack.person("U1", name="ann")
    assert (await ann.press(there.cards()[0], "Deny")).acked
    async with started(AGENT, tmp_path, imports=("sayso_ai",), **signed_in) as second:
        code, said, _ = await second.ended()
    assert (code, said) == (0, "All settled.\n")
    assert (tmp_path / "done.txt").read_text() == "looked at A1\n"
    assert "Rejected: The tool call was denied by ann." in (tmp_path / "messages.json").read_text()
    assert there.posts() == 1
