"""The real Claude Code CLI asks through hooks that are not about a tool call, with the settings we print."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import claude_agent_sdk
import jsonschema
import pytest
from claude_agent_sdk import types

from tests.adapters import claude_service
from tests.adapters.claude_scene import Kind, Scene, touch
from tests.adapters.claude_service import Json, Service
from tests.fakes import anthropic, claude_cli

pytestmark = pytest.mark.once

ELICITOR = Path(__file__).parents[2] / "fakes" / "elicitor.py"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path) as found:
        yield found


@dataclass
class Run:
    """A run of the CLI that is under way."""

    model: anthropic.FakeAnthropic
    task: asyncio.Task[claude_cli.CliResult]

    async def read(self) -> str:
        """All that the model read in the last request, once the run is over."""
        await self.task
        return json.dumps(self.model.conversation()[-1]["messages"])


@asynccontextmanager
async def started(scene: Scene, turns: Sequence[anthropic.Turn], *extra: str) -> AsyncGenerator[Run, None]:
    async with anthropic.serve() as model:
        model.script(turns)
        options = scene.options(model.url)
        options["extra_args"] = extra
        task = asyncio.create_task(claude_cli.run_cli("make it so", **options, timeout=40))
        try:
            yield Run(model, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


DONE = anthropic.Text("done")


async def test_an_agent_that_may_not_stop_goes_on_and_reads_why(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, "command", "Stop")
    async with started(scene, [DONE, anthropic.Text("now it is done")]) as run:
        ticket = await service.answer(verdict="deny", reason="the tests fail")
        assert ticket.request.body == "It said last:\n\ndone"
        again = await service.answer(count=2, verdict="allow")
        assert "the tests fail" in await run.read()
        assert run.task.result().result["result"] == "now it is done"
    assert "Denied before" in again.request.context


async def test_nobody_answers_and_the_agent_may_stop(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, event="Stop")
    async with started(scene, [DONE]) as run:
        ticket = await service.asked()
        await service.desk.cancel(ticket.id, reason="nobody is here")
        assert (await run.task).result["result"] == "done"
    assert await service.count() == 1


async def test_a_prompt_that_was_denied_never_reaches_the_model(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, event="UserPromptSubmit")
    async with started(scene, [DONE]) as run:
        ticket = await service.answer(verdict="deny", reason="not on a Friday")
        await run.task
        assert run.model.conversation() == []
    assert ticket.request.input == {"prompt": "make it so"}


async def test_a_prompt_that_was_allowed_reaches_the_model(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service.url, service.key, "command", "UserPromptSubmit")
    async with started(scene, [DONE]) as run:
        await service.answer(verdict="allow")
        assert "make it so" in await run.read()


@pytest.mark.parametrize(("event", "allowed"), [("PreToolUse", ["Bash"]), ("PermissionRequest", [])])
async def test_deny_and_stop_runs_nothing_and_ends_the_turn(
    tmp_path: Path, service: Service, event: str, allowed: list[str]
) -> None:
    scene = Scene(tmp_path, service.url, service.key, event=event, permissions={"allow": allowed})
    async with started(scene, [touch(), DONE]) as run:
        await service.answer(verdict="stop", reason="wrong branch")
        await run.task
        assert len(run.model.conversation()) == 1
    assert scene.files() == []


SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "title": "Region", "enum": ["eu", "us"]},
        "nodes": {"type": "integer", "minimum": 1, "maximum": 5},
        "owner": {"type": "string", "format": "email"},
    },
    "required": ["region", "nodes"],
}
FORM = {"mode": "form", "message": "Where shall it run?", "requestedSchema": SCHEMA}


def asking(asked: Json) -> Sequence[str]:
    server = {"type": "stdio", "command": sys.executable, "args": [str(ELICITOR), json.dumps(asked)]}
    return ["--mcp-config", json.dumps({"mcpServers": {"box": server}}), "--strict-mcp-config"]


CALL = anthropic.ToolUse("mcp__box__ask", {})


def elicited(tmp_path: Path, service: Service, kind: Kind = "http") -> Scene:
    return Scene(tmp_path, service.url, service.key, kind, "Elicitation", permissions={"allow": ["mcp__box__ask"]})


async def told(run: Run) -> Json:
    """What the tool server got."""
    await run.task
    (result,) = run.model.tool_results()
    found: Json = json.loads(result.text)
    return found


async def test_a_tool_servers_form_is_filled_in_by_a_person(tmp_path: Path, service: Service) -> None:
    async with started(elicited(tmp_path, service, "command"), [CALL, DONE], *asking(FORM)) as run:
        ticket = await service.answer(values={"region": "eu", "nodes": 3})
        found = await told(run)
    assert found == {"action": "accept", "content": {"region": "eu", "nodes": 3}}
    jsonschema.validate(found["content"], SCHEMA)
    assert (ticket.request.kind, ticket.request.title) == ("form", "Where shall it run?")
    assert ticket.request.context["Tool server"] == "box"


async def test_a_person_declines_a_tool_servers_form(tmp_path: Path, service: Service) -> None:
    async with started(elicited(tmp_path, service), [CALL, DONE], *asking(FORM)) as run:
        await service.answer(verdict="deny")
        assert (await told(run))["action"] == "decline"


async def test_a_link_is_shown_as_text_and_consent_goes_back(tmp_path: Path, service: Service) -> None:
    link = {"mode": "url", "message": "Sign in there", "url": "https://login.example/x", "elicitationId": "e-1"}
    async with started(elicited(tmp_path, service), [CALL, DONE], *asking(link)) as run:
        ticket = await service.answer(verdict="allow")
        assert (await told(run))["action"] == "accept"
    assert ticket.request.input == {"url": "https://login.example/x"}


QUESTIONS = {
    "questions": [
        {
            "question": "Which region?",
            "header": "Region",
            "options": [{"label": "eu", "description": "Frankfurt"}, {"label": "us", "description": "Ohio"}],
            "multiSelect": False,
        }
    ]
}


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
async def test_the_agents_own_question_is_a_choice_and_the_hook_answers_it(
    tmp_path: Path, service: Service, event: str
) -> None:
    async def never(*_: Any) -> types.PermissionResult:
        # it makes the CLI offer the tool; of two who are asked, the one who waits longest loses
        await asyncio.Event().wait()
        raise AssertionError

    scene = Scene(tmp_path, service.url, service.key, event=event)
    async with anthropic.serve() as model:
        model.script([anthropic.ToolUse("AskUserQuestion", QUESTIONS), DONE])
        given = scene.options(model.url)
        given["home"].mkdir()
        env = {**claude_cli.cli_env(given["home"], model.url), **given.get("env", {})}
        options = types.ClaudeAgentOptions(
            cwd=scene.cwd, env=env, settings=json.dumps(given.get("settings")), setting_sources=[], can_use_tool=never
        )
        async with claude_agent_sdk.ClaudeSDKClient(options) as client:
            await client.query("go")
            ticket = await service.answer(choice="eu")
            async with asyncio.timeout(20):
                _ = [message async for message in client.receive_response()]
            (result,) = model.tool_results()
            assert (ticket.request.kind, ticket.request.title) == ("choice", "Which region?")
            assert '"Which region?"="eu"' in result.text
    assert await service.count() == 1
