"""The real Claude Code CLI asks through hooks that are not about a tool call, with the settings we print."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import jsonschema
import pytest
import pytest_asyncio

from tests.adapters import claude_service
from tests.adapters.claude_scene import Kind, Scene, command_on_path
from tests.adapters.claude_service import Json, Service
from tests.fakes import anthropic, claude_runs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.once]

ELICITOR = Path(__file__).parents[2] / "fakes" / "elicitor.py"
DONE = anthropic.Text("done")
SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "title": "Region", "enum": ["eu", "us"]},
        "nodes": {"type": "integer", "minimum": 1, "maximum": 5},
        "owner": {"type": "string", "format": "email"},
    },
    "required": ["region", "nodes"],
}
LINK = "https://login.example/x"
ASKED = {
    "form": {"mode": "form", "message": "Where shall it run?", "requestedSchema": SCHEMA},
    "link": {"mode": "url", "message": "Sign in there", "url": LINK, "elicitationId": "e-1"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cli(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[claude_runs.Cli]:
    """A process with a tool server that asks its user."""
    box = {"type": "stdio", "command": sys.executable, "args": [str(ELICITOR), json.dumps(ASKED)]}
    words = ("--mcp-config", json.dumps({"mcpServers": {"box": box}}), "--strict-mcp-config")
    folder = tmp_path_factory.mktemp("agent")
    async with claude_runs.opened(folder, *words, **command_on_path(folder)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path) as found:
        yield found


@asynccontextmanager
async def started(
    cli: claude_runs.Cli, service: Service, kind: Kind, *events: str, turns: Sequence[anthropic.Turn]
) -> AsyncGenerator[asyncio.Task[str]]:
    """A run that is under way, and what it said last once it is over."""
    event, *also = events
    scene = Scene(cli.folder, service.url, service.key, kind, event, tuple(also), cli=cli)
    scene.permissions = {"allow": ["mcp__box__ask"]}
    task = asyncio.create_task(scene.said(turns, "make it so"))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def told(cli: claude_runs.Cli) -> list[Json]:
    """What the tool server got."""
    return [json.loads(result.text) for result in cli.model.tool_results()]


def asks(which: str) -> anthropic.ToolUse:
    return anthropic.ToolUse("mcp__box__ask", {"which": which})


async def test_a_prompt_a_tool_servers_form_and_the_end_are_decided_by_people(
    cli: claude_runs.Cli, service: Service
) -> None:
    turns: list[anthropic.Turn] = [asks("form"), DONE, anthropic.Text("now it is done")]
    async with started(cli, service, "command", "UserPromptSubmit", "Elicitation", "Stop", turns=turns) as run:
        prompt = await service.answer(verdict="allow")
        form = await service.answer(count=2, values={"region": "eu", "nodes": 3})
        end = await service.answer(count=3, verdict="deny", reason="the tests fail")
        again = await service.answer(count=4, verdict="allow")
        assert await run == "now it is done"
        read = json.dumps(cli.model.conversation()[-1]["messages"])
    assert prompt.request.input == {"prompt": "make it so"}
    assert "make it so" in read
    (found,) = told(cli)
    assert found == {"action": "accept", "content": {"region": "eu", "nodes": 3}}
    jsonschema.validate(found["content"], SCHEMA)
    assert (form.request.kind, form.request.title) == ("form", "Where shall it run?")
    assert form.request.context["Tool server"] == "box"
    # an agent that may not stop goes on and reads why
    assert end.request.body == "It said last:\n\ndone"
    assert "the tests fail" in read
    assert "Denied before" in again.request.context


async def test_a_person_declines_a_form_consents_to_a_link_and_says_nothing_about_the_end(
    cli: claude_runs.Cli, service: Service
) -> None:
    turns: list[anthropic.Turn] = [asks("form"), asks("link"), DONE]
    async with started(cli, service, "http", "Elicitation", "Stop", turns=turns) as run:
        await service.answer(verdict="deny")
        link = await service.answer(count=2, verdict="allow")
        await service.desk.cancel((await service.asked(3)).id, reason="nobody is here")
        assert await run == "done"
    assert link.request.input == {"url": LINK}, "as text, and not as a link"
    assert [found["action"] for found in told(cli)] == ["decline", "accept"]
    assert await service.count() == 3


async def test_a_prompt_that_was_denied_never_reaches_the_model(cli: claude_runs.Cli, service: Service) -> None:
    async with started(cli, service, "http", "UserPromptSubmit", turns=[DONE]) as run:
        await service.answer(verdict="deny", reason="not on a Friday")
        await run
        assert cli.model.conversation() == []
