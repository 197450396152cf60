"""The real CLI obeys (and, unguarded, ignores) its hooks as our Claude adapter expects; no product code takes part."""

import asyncio
import json
import shlex
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.fakes import anthropic, claude_cli

pytestmark = pytest.mark.once

Json = dict[str, Any]
Answer = Callable[[Json], Awaitable[Json]]


def before_tool(decision: str, **more: Any) -> Json:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": decision, **more}}


def on_request(behavior: str, **more: Any) -> Json:
    return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": behavior, **more}}}


ALLOWED = "touch allowed.txt"
OTHER = "touch other.txt"


class Scene:
    """Runs in which the model runs commands, with one hook; of them only `ALLOWED` is allowed beforehand."""

    def __init__(self, folder: Path, event: str) -> None:
        self.cwd, self.home = folder / "work", folder / "home"
        self.cwd.mkdir()
        self.event = event
        self.asked: list[Json] = []

    async def run(self, hook: Json, *commands: str) -> list[anthropic.ToolResult]:
        async with anthropic.serve() as fake:
            calls = [anthropic.ToolUse("Bash", {"command": one, "description": "make a file"}) for one in commands]
            fake.script([*calls, anthropic.Text("done")])
            result = await claude_cli.run_cli("go", **self.options(fake.url, hook), timeout=20)
            assert result.result.get("result") == "done", result
            return fake.tool_results()

    async def run_http(self, *steps: tuple[str, Json], **hook: Any) -> list[anthropic.ToolResult]:
        """Commands, and what the hook answers to each: one session, since each takes a second to start."""
        replies = iter([reply for _, reply in steps])

        async def answer(event: Json) -> Json:
            self.asked.append(event)
            return next(replies)

        async with serve_hook(answer) as url:
            return await self.run({"type": "http", "url": url, **hook}, *(command for command, _ in steps))

    def options(self, api_url: str, hook: Json) -> claude_cli.CliOptions:
        settings: Json = {"hooks": {self.event: [{"hooks": [hook]}]}, "permissions": {"allow": [f"Bash({ALLOWED})"]}}
        return {"home": self.home, "cwd": self.cwd, "api_url": api_url, "settings": settings}

    def files(self) -> list[str]:
        return sorted(path.name for path in self.cwd.iterdir())


@asynccontextmanager
async def serve_hook(answer: Answer) -> AsyncGenerator[str, None]:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(await answer(await request.json()))

    app = web.Application()
    app.router.add_post("/hook", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/hook"))


async def test_an_http_deny_stops_an_allowed_command_and_an_allow_runs_another_as_it_was_or_changed(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, "PreToolUse")
    changed = before_tool("allow", updatedInput={"command": "touch changed.txt"})
    results = await scene.run_http(
        (ALLOWED, before_tool("deny", permissionDecisionReason="Ada said no")),
        (OTHER, before_tool("allow")),
        ("touch third.txt", changed),
    )
    assert scene.files() == ["changed.txt", "other.txt"]
    assert results[0] == ("toolu_1", "PreToolUse:Bash hook error: Ada said no", True)
    assert [(r.tool_use_id, r.is_error) for r in results[1:]] == [("toolu_2", False), ("toolu_3", False)]
    fields = {"session_id", "transcript_path", "cwd", "prompt_id", "permission_mode", "hook_event_name"}
    for asked in scene.asked:
        assert fields | {"tool_name", "tool_input", "tool_use_id"} <= asked.keys()


async def test_an_unreadable_decision_runs_an_allowed_command_and_no_other(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "PreToolUse")
    results = await scene.run_http((ALLOWED, before_tool("Deny")), (OTHER, before_tool("Allow")))
    assert scene.files() == ["allowed.txt"]
    assert [r.is_error for r in results] == [False, True]


async def test_an_unreadable_decision_blocks_where_on_failure_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "PreToolUse")
    results = await scene.run_http((ALLOWED, before_tool("Deny")), onFailure="block")
    assert scene.files() == []
    assert 'blocking because onFailure is "block"' in results[0].text


async def test_a_command_hook_denies_with_json_on_stdout(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "PreToolUse")
    code = f"import json, sys; json.load(sys.stdin); print({json.dumps(before_tool('deny'))!r})"
    results = await scene.run({"type": "command", "command": shlex.join([sys.executable, "-c", code])}, ALLOWED)
    assert scene.files() == []
    assert results == [("toolu_1", "PreToolUse:Bash hook error: Blocked by hook", True)]


async def test_a_permission_request_over_http_names_no_call_and_a_deny_gives_the_model_the_bare_message(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, "PermissionRequest")
    denied = on_request("deny", message="Ada said no")
    results = await scene.run_http((OTHER, on_request("allow")), ("touch third.txt", denied))
    assert scene.files() == ["other.txt"]
    assert results[1] == ("toolu_2", "Ada said no", True)
    assert "permission_suggestions" in scene.asked[0]
    assert "tool_use_id" not in scene.asked[0]


async def test_a_killed_run_hangs_up_on_its_hook(tmp_path: Path) -> None:
    asked, hung_up = asyncio.Event(), asyncio.Event()

    async def wait(_: Json) -> Json:
        asked.set()
        try:
            return await asyncio.Future[Json]()
        finally:
            hung_up.set()

    async with anthropic.serve() as fake, serve_hook(wait) as url:
        fake.script([anthropic.ToolUse("Bash", {"command": "touch made.txt"})])
        options = Scene(tmp_path, "PreToolUse").options(fake.url, {"type": "http", "url": url})
        async with asyncio.timeout(20), claude_cli.start_cli("go", **options) as process:
            await asked.wait()
            process.kill()
            await hung_up.wait()
    assert fake.tool_results() == []


async def test_a_request_beyond_the_script_ends_the_run_with_an_error(tmp_path: Path) -> None:
    async with anthropic.serve() as fake:
        result = await claude_cli.run_cli("go", home=tmp_path / "home", cwd=tmp_path, api_url=fake.url, timeout=20)
    assert result.returncode == 1
    assert "the script has 0 turns" in result.result["result"]
