"""The real CLI obeys (and, unguarded, ignores) its hooks as our Claude adapter expects; no product code takes part."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.fakes import anthropic, claude_runs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.once]

Json = dict[str, Any]
Answer = Callable[[Json], Awaitable[Json]]


def before_tool(decision: str, **more: Any) -> Json:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": decision, **more}}


def on_request(behavior: str, **more: Any) -> Json:
    return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": behavior, **more}}}


ALLOWED = "touch allowed.txt"
OTHER = "touch other.txt"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cli(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[claude_runs.Cli]:
    async with claude_runs.opened(tmp_path_factory.mktemp("agent")) as opened:
        yield opened


class Scene:
    """A run in which the model runs commands, with one hook; of them only `ALLOWED` is allowed beforehand."""

    def __init__(self, cli: claude_runs.Cli, event: str) -> None:
        self.cli, self.event = cli, event
        self.asked: list[Json] = []
        cli.sweep()

    async def run(self, *steps: tuple[str, Json], done: bool = True, **hook: Any) -> list[anthropic.ToolResult]:
        """Commands, and what the hook answers to each."""
        replies = iter([reply for _, reply in steps])

        async def answer(event: Json) -> Json:
            self.asked.append(event)
            return next(replies)

        inputs = [{"command": command, "description": "make a file"} for command, _ in steps]
        calls = [anthropic.ToolUse("Bash", input, f"toolu_{number}") for number, input in enumerate(inputs, 1)]
        async with serve_hook(answer) as url:
            hooks = {self.event: [{"hooks": [{"type": "http", "url": url, **hook}]}]}
            settings: Json = {"hooks": hooks, "permissions": {"allow": [f"Bash({ALLOWED})"]}}
            said = await self.cli.run(*calls, *[anthropic.Text("done")] * done, settings=settings)
        assert ("done" if done else f"the script has {len(calls)} turns") in said
        return self.cli.model.tool_results()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.cli.cwd.iterdir())


@asynccontextmanager
async def serve_hook(answer: Answer) -> AsyncGenerator[str, None]:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(await answer(await request.json()))

    app = web.Application()
    app.router.add_post("/hook", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/hook"))


# a command as a hook, and a run that is killed: tests/adapters/claude/test_cli.py


async def test_an_http_deny_stops_an_allowed_command_an_allow_runs_another_and_what_is_unreadable_counts_as_neither(
    cli: claude_runs.Cli,
) -> None:
    scene = Scene(cli, "PreToolUse")
    changed = before_tool("allow", updatedInput={"command": "touch changed.txt"})
    results = await scene.run(
        (ALLOWED, before_tool("deny", permissionDecisionReason="Ada said no")),
        (OTHER, before_tool("allow")),
        ("touch third.txt", changed),
        (ALLOWED, before_tool("Deny")),
        ("touch fifth.txt", before_tool("Allow")),
    )
    assert scene.files() == ["allowed.txt", "changed.txt", "other.txt"]
    assert results[0] == ("toolu_1", "PreToolUse:Bash hook error: Ada said no", True)
    assert [(r.tool_use_id, r.is_error) for r in results[1:4]] == [(f"toolu_{n}", False) for n in (2, 3, 4)]
    assert results[4].is_error
    fields = {"session_id", "transcript_path", "cwd", "prompt_id", "permission_mode", "hook_event_name"}
    for asked in scene.asked:
        assert fields | {"tool_name", "tool_input", "tool_use_id"} <= asked.keys()


async def test_an_unreadable_decision_blocks_where_on_failure_says_so(cli: claude_runs.Cli) -> None:
    scene = Scene(cli, "PreToolUse")
    results = await scene.run((ALLOWED, before_tool("Deny")), onFailure="block")
    assert scene.files() == []
    assert 'blocking because onFailure is "block"' in results[0].text


async def test_a_permission_request_over_http_names_no_call_and_a_deny_gives_the_model_the_bare_message(
    cli: claude_runs.Cli,
) -> None:
    scene = Scene(cli, "PermissionRequest")
    denied = on_request("deny", message="Ada said no")
    # a request beyond the script ends the run with an error
    results = await scene.run((OTHER, on_request("allow")), ("touch third.txt", denied), done=False)
    assert scene.files() == ["other.txt"]
    assert results[1] == ("toolu_2", "Ada said no", True)
    assert "permission_suggestions" in scene.asked[0]
    assert "tool_use_id" not in scene.asked[0]
