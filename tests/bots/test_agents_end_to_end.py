"""LangGraph, the OpenAI Agents SDK and Pydantic AI: their examples as processes, a real service, a person in Slack."""

import sys
from pathlib import Path

import pytest

from tests.bots.conftest import Command
from tests.bots.restarts import setup
from tests.fakes.processes import PATIENCE, started

AGENT = Path(__file__).with_name("scripted_agents.py")


@pytest.mark.parametrize(
    ("system", "theirs", "edits", "ran", "said"),
    [
        ("langgraph", "langchain.agents", True, "1042: 9.5\n", "refunded 9.5 for order 1042"),
        ("openai", "agents.testing", False, "1042: 25.0\n", "Done"),
        ("pydantic_ai", "pydantic_ai", True, "1042: 9.5\n", "Done: refunded 9.5 for order 1042"),
    ],
)
async def test_an_agent_that_was_killed_finds_its_one_card_decided_and_runs_the_tool_once(
    command: Command, tmp_path: Path, system: str, theirs: str, edits: bool, ran: str, said: str
) -> None:
    line: list[str | Path] = [sys.executable, AGENT, system]
    async with setup(command) as there:
        signed_in = {"SAYSO_URL": there.url, "SAYSO_KEY": there.key}
        known = (f"sayso_{system}", theirs)
        async with started(line, tmp_path, imports=known, **signed_in) as first:
            await there.until(there.cards, within=PATIENCE)
            await first.kill()
        ann = there.slack.person("U1", name="ann")
        [card] = there.cards()
        if edits:
            seen = await ann.press(card, "Edit and allow…")
            await there.until(lambda: seen.views)
            await ann.fill(ann.view, {"amount": "9.5"})
            assert (await ann.submit(ann.view)).errors == {}
        else:
            assert "Edit and allow…" not in there.slack.controls(card)
            assert (await ann.press(card, "Allow")).acked
        assert not (tmp_path / "refunds.txt").exists()
        async with started(line, tmp_path, imports=known, **signed_in) as second:
            code, out, error = await second.ended()
        assert (code, said in out) == (0, True), error
        assert (tmp_path / "refunds.txt").read_text() == ran
        assert (len(there.cards()), there.posts()) == (1, 1)
