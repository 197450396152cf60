"""What our TypeScript for Anvia does to an agent that is a process: people press buttons, the agent goes on.

Without the package itself: a stand-in for its runtime makes the tool calls, of the same shape and in the same order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bots.conftest import Command, Running
from tests.bots.restarts import Setup, request_of, setup
from tests.fakes import node
from tests.fakes.processes import started
from tests.fakes.slack import Message, Person

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "bots" / "examples" / "anvia"
FAKES = ROOT / "tests" / "fakes"
DEPLOY = {"name": "deploy", "arguments": {"command": "make deploy"}}


def program() -> Path:
    """The agent, with our TypeScript and the stand-in for the runtime."""
    manifest = EXAMPLE / "package.json"
    packages = node.installed(manifest)
    sources = [manifest, FAKES / "anvia.mts", *sorted(EXAMPLE.glob("*.ts"))]
    return node.bundled(FAKES / "anvia_agent.mts", sources, ROOT, packages)


@asynccontextmanager
async def agent(folder: Path, url: str, key: str, calls: Sequence[Any], **plan: Any) -> AsyncGenerator[Running]:
    given = json.dumps({"calls": calls, **plan})
    async with started(
        ["node", await asyncio.to_thread(program), given], folder, SAYSO_URL=url, SAYSO_KEY=key
    ) as running:
        yield running


def asks(there: Setup, calls: Sequence[Any], **plan: Any) -> Any:
    return agent(there.command.folder, there.url, there.key, calls, **plan)


async def card(there: Setup, number: int) -> Message:
    """The card posted as this one, from 1 on."""
    await there.until(lambda: len(there.cards()) >= number)
    return there.cards()[number - 1]


async def in_window(there: Setup, ann: Person, number: int, label: str, answers: dict[str, str]) -> None:
    """What *ann* fills into the window behind a button."""
    seen = await ann.press(await card(there, number), label)
    await there.until(lambda: seen.views)
    await ann.fill(ann.view, answers)
    assert (await ann.submit(ann.view)).errors == {}


async def printed(running: Running) -> list[str]:
    code, out, error = await running.ended()
    assert (code, error) == (0, "")
    return out.splitlines()


async def test_a_person_allows_denies_answers_and_stops_what_an_anvia_agent_does(command: Command) -> None:
    refunds = [{"name": "refund", "arguments": {"amount": amount}} for amount in (5, 500)]
    async with setup(command) as there, asks(there, [DEPLOY, *refunds, DEPLOY, DEPLOY, DEPLOY]) as running:
        ann = there.slack.person("U1", name="ann")
        assert "Edit and allow…" not in there.slack.controls(await card(there, 1))
        await ann.press(await card(there, 1), "Allow")
        asked = there.slack.visible_text(await card(there, 2))
        assert all(text in asked for text in ("refund", "500", "more than 100", "support"))
        await in_window(there, ann, 2, "Deny with reason…", {"Why not? The agent reads this.": "not on a Friday"})
        await in_window(there, ann, 3, "Answer instead…", {"Your answer": "It is deployed already"})
        await in_window(there, ann, 4, "Deny and stop…", {})
        first, small, large, answered, ended = await printed(running)
        assert len(there.cards()) == 4
        async with there.stored() as store:
            ticket = await store.load(request_of(there.cards()[1]) or "")
    assert (first, small, answered) == ("result ran make deploy", "result refunded 5", "result It is deployed already")
    assert large.endswith("Do not run it and do not work around it. Reason: not on a Friday")
    assert ended.startswith("cancelled The tool call was denied by ann.")
    assert ended.endswith("End this run now.")
    source, told = ticket.request.source, ticket.request.metadata
    assert (source.agent, source.session, told["metadata"]) == ("support", "s-1", {"tenant": "acme"})


async def test_what_a_person_edits_runs_or_nothing_does(command: Command) -> None:
    async with setup(command) as there:
        ann = there.slack.person("U1", name="ann")
        async with asks(there, [DEPLOY, DEPLOY], edits=True, applied=True) as running:
            await in_window(there, ann, 1, "Edit and allow…", {"command": "make staging"})
            await ann.press(await card(there, 2), "Deny")
            edited, denied, _ = await printed(running)
        assert edited == "result ran make staging"
        assert "was denied by ann" in denied
        # without the middleware only what nobody edited can run
        async with asks(there, [DEPLOY, DEPLOY], edits=True) as running:
            await in_window(there, ann, 3, "Edit and allow…", {"command": "make staging"})
            await ann.press(await card(there, 4), "Allow")
            not_applied, as_asked, _ = await printed(running)
        assert not_applied == "result This was not run: its input is not the one that was allowed."
        assert as_asked == "result ran make deploy"
        async with agent(command.folder, there.url, "sayso_x", [DEPLOY]) as running:
            [refused, _] = await printed(running)
        assert (refused.startswith("result Nobody could be asked: "), len(there.cards())) == (True, 4)


async def test_people_answer_the_questions_of_an_anvia_agent(command: Command) -> None:
    one = {"question": "Which database?", "choices": ["PostgreSQL", {"label": "The small one", "value": "sqlite"}]}
    two = {"questions": [{"id": "where", **one}, {"question": "Which size?", "choices": ["S", "L"]}]}
    asked = [{"name": "ask_question", "arguments": given} for given in (one, one, two, one, {"question": "Why?"})]
    async with setup(command) as there, asks(there, asked) as running:
        ann = there.slack.person("U1", name="ann")
        await ann.press(await card(there, 1), "2 · The small one")
        await in_window(there, ann, 2, "Other…", {"Your answer": "DuckDB"})
        await in_window(there, ann, 3, "Fill in", {"Which database?": "2 · The small one", "Which size?": "1 · S"})
        await ann.press(await card(there, 4), "Decline")
        *answered, declined, refused, end = await printed(running)
    assert [json.loads(line.removeprefix("result "))["answers"] for line in answered] == [
        [{"questionId": "question_1", "answer": "sqlite", "choice": "sqlite"}],
        [{"questionId": "question_1", "answer": "DuckDB", "custom": True}],
        [
            {"questionId": "where", "answer": "sqlite", "choice": "sqlite"},
            {"questionId": "question_2", "answer": "S", "choice": "S"},
        ],
    ]
    assert "Do not assume an answer" in declined
    assert "Nobody could be asked: Why? needs 1 to 100 options" in refused
    assert end == "done"


async def test_an_agent_hears_of_a_service_that_was_killed_meanwhile_and_withdraws_what_it_asked(
    command: Command,
) -> None:
    async with setup(command) as there, asks(there, [DEPLOY, DEPLOY, DEPLOY], concurrency=2) as running:
        ann = there.slack.person("U1", name="ann")
        asked = await card(there, 2)
        await there.restart()
        assert (await ann.press(asked, "Allow")).acked
        assert await running.line("result") == "result ran make deploy"
        await card(there, 3)
        running.process.terminate()
        [said] = await printed(running)
        assert said.startswith("cancelled The run was cancelled before anybody decided")
        await there.until(lambda: all(set(there.slack.controls(one)) <= {"Details"} for one in there.cards()))
        outcomes = [there.slack.visible_text(one) for one in there.cards()]
        assert (["Withdrawn" in one for one in outcomes], there.posts()) == ([True, False, True], 3)


async def test_a_service_that_is_not_there_allows_nothing(tmp_path: Path) -> None:
    async with agent(tmp_path, "http://127.0.0.1:9", "none", [DEPLOY], patience=100) as running:
        said = await printed(running)
    assert said == ["result Nobody could be asked: sayso is not there. Do not go ahead.", "done"]
