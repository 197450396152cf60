"""The real Claude Code CLI asks through hooks that are not about a tool call, with the settings we print."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from tests.adapters import claude_service
from tests.adapters.claude_scene import Kind, Scene
from tests.adapters.claude_service import Json, Service
from tests.fakes import anthropic, claude_cli

pytestmark = pytest.mark.once

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


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path) as found:
        yield found


@dataclass
class Run:
    """A run of the CLI that is under way."""

    model: anthropic.FakeAnthropic
    task: asyncio.Task[claude_cli.CliResult]

    async def result(self) -> str:
        """The last thing that it said, once the run is over."""
        return str((await self.task).result["result"])

    def told(self) -> list[Json]:
        """What the tool server got."""
        return [json.loads(result.text) for result in self.model.tool_results()]


@asynccontextmanager
async def started(
    folder: Path, service: Service, kind: Kind, event: str, *also: str, turns: Sequence[anthropic.Turn]
) -> AsyncGenerator[Run, None]:
    """A run with a tool server that asks its user."""
    box = {"type": "stdio", "command": sys.executable, "args": [str(ELICITOR), json.dumps(ASKED)]}
    scene = Scene(folder, service.url, service.key, kind, event, also, permissions={"allow": ["mcp__box__ask"]})
    async with anthropic.serve() as model:
        model.script(turns)
        options = scene.options(model.url)
        options["extra_args"] = ["--mcp-config", json.dumps({"mcpServers": {"box": box}}), "--strict-mcp-config"]
        task = asyncio.create_task(claude_cli.run_cli("make it so", **options, timeout=40))
        try:
            yield Run(model, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def asks(which: str) -> anthropic.ToolUse:
    return anthropic.ToolUse("mcp__box__ask", {"which": which})


async def test_a_prompt_a_tool_servers_form_and_the_end_are_decided_by_people(tmp_path: Path, service: Service) -> None:
    turns: list[anthropic.Turn] = [asks("form"), DONE, anthropic.Text("now it is done")]
    async with started(tmp_path, service, "command", "UserPromptSubmit", "Elicitation", "Stop", turns=turns) as run:
        prompt = await service.answer(verdict="allow")
        form = await service.answer(count=2, values={"region": "eu", "nodes": 3})
        end = await service.answer(count=3, verdict="deny", reason="the tests fail")
        again = await service.answer(count=4, verdict="allow")
        assert await run.result() == "now it is done"
        read = json.dumps(run.model.conversation()[-1]["messages"])
    assert prompt.request.input == {"prompt": "make it so"}
    assert "make it so" in read
    (found,) = run.told()
    assert found == {"action": "accept", "content": {"region": "eu", "nodes": 3}}
    jsonschema.validate(found["content"], SCHEMA)
    assert (form.request.kind, form.request.title) == ("form", "Where shall it run?")
    assert form.request.context["Tool server"] == "box"
    # an agent that may not stop goes on and reads why
    assert end.request.body == "It said last:\n\ndone"
    assert "the tests fail" in read
    assert "Denied before" in again.request.context


async def test_a_person_declines_a_form_consents_to_a_link_and_says_nothing_about_the_end(
    tmp_path: Path, service: Service
) -> None:
    turns: list[anthropic.Turn] = [asks("form"), asks("link"), DONE]
    async with started(tmp_path, service, "http", "Elicitation", "Stop", turns=turns) as run:
        await service.answer(verdict="deny")
        link = await service.answer(count=2, verdict="allow")
        await service.desk.cancel((await service.asked(3)).id, reason="nobody is here")
        assert await run.result() == "done"
    assert link.request.input == {"url": LINK}, "as text, and not as a link"
    assert [found["action"] for found in run.told()] == ["decline", "accept"]
    assert await service.count() == 3


async def test_a_prompt_that_was_denied_never_reaches_the_model(tmp_path: Path, service: Service) -> None:
    async with started(tmp_path, service, "http", "UserPromptSubmit", turns=[DONE]) as run:
        await service.answer(verdict="deny", reason="not on a Friday")
        await run.task
        assert run.model.conversation() == []
