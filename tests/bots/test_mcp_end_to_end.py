"""MCP clients and people in Slack: the official client, `sayso mcp` and `sayso serve` as processes that are killed."""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp
import mcp_types as types
import pytest
from mcp.client.streamable_http import streamable_http_client

from tests.bots.conftest import Command
from tests.bots.restarts import Setup, setup, soon
from tests.fakes import processes
from tests.fakes.slack import Person

LS = {"tool": "Bash", "input": {"command": "ls"}}


@pytest.fixture
async def there(command: Command) -> AsyncGenerator[Setup, None]:
    async with setup(command) as built:
        yield built


@pytest.fixture
def ann(there: Setup) -> Person:
    return there.slack.person("U1", name="ann")


@asynccontextmanager
async def started(there: Setup, *options: str) -> AsyncGenerator[mcp.Client, None]:
    """`sayso mcp` as a client starts it; its process id is in a file."""
    line = shlex.join([sys.executable, "-m", "sayso_bots", "mcp", *options])
    how = mcp.StdioServerParameters(
        command="/bin/sh",
        args=["-c", f"echo $$ > mcp.pid; exec {line}"],
        env=processes.environment({"SAYSO_URL": there.url, "SAYSO_KEY": there.key}),
        cwd=there.command.folder,
    )
    async with mcp.Client(how) as client:
        yield client


async def ended(there: Setup, call: asyncio.Task[Any], number: signal.Signals) -> None:
    """The server of *call* gets a signal, and the client sees that it is gone."""
    os.kill(int((there.command.folder / "mcp.pid").read_text()), number)
    with contextlib.suppress(mcp.MCPError):
        await soon(call)


def calling(client: mcp.Client, name: str, /, **arguments: Any) -> asyncio.Task[types.CallToolResult]:
    return asyncio.create_task(client.call_tool(name, arguments))


async def told(call: asyncio.Task[types.CallToolResult]) -> dict[str, Any]:
    answered = await soon(call)
    assert not answered.is_error, answered.content
    read: dict[str, Any] = answered.structured_content
    return read


async def press(there: Setup, ann: Person, id: str, label: str) -> None:
    """Ann presses a button, once the card is there."""
    await there.until(lambda: there.cards(id))
    assert (await ann.press(there.cards(id)[0], label)).acked


async def test_a_call_outlives_the_service_and_a_request_outlives_its_server(there: Setup, ann: Person) -> None:
    async with started(there, "--patience", "1s") as client:
        pending = await told(calling(client, "ask_choice", title="Which?", options=["A", "B"]))
        assert pending["outcome"] == "pending"
        cut = calling(client, "ask_permission", **LS, id="ls-1")
        await there.until(lambda: there.cards("ls-1"))
        await ended(there, cut, signal.SIGKILL)
    async with started(there) as client:
        again = calling(client, "ask_permission", **LS, id="ls-1")
        waiting = [calling(client, "get_decision", request_id=id) for id in ("ls-1", pending["request_id"])]
        await there.restart()
        await press(there, ann, "ls-1", "Allow")
        await press(there, ann, pending["request_id"], "2 · B")
        # both calls wait for one allow, and one of them gets it
        both = [await told(waiting[0]), await told(again)]
        assert sorted(one["allowed"] for one in both) == [False, True]
        assert [one["input"] for one in both if one["allowed"]] == [{"command": "ls"}]
        assert (await told(waiting[1]))["choices"] == ["B"]
        left = calling(client, "ask_permission", **LS)
        await there.until(lambda: len(there.cards()) == 3)
        await ended(there, left, signal.SIGTERM)
    # nobody can come back for the last one, so its card says that the agent has gone
    await there.until(lambda: all(there.slack.controls(card) in ([], ["Details"]) for card in there.cards()))
    assert there.posts() == 3


@asynccontextmanager
async def over_http(there: Setup) -> AsyncGenerator[mcp.Client, None]:
    """A client of the service itself."""
    headers = {"Authorization": f"Bearer {there.key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as wire,
        mcp.Client(streamable_http_client(f"{there.url}/mcp", http_client=wire)) as client,
    ):
        yield client


async def asked_once(there: Setup) -> None:
    """A client that asks, and goes with its answer."""
    async with over_http(there) as client:
        await client.call_tool("ask_permission", {**LS, "id": "later"})


async def test_the_service_itself_takes_mcp_clients_and_holds_no_session_of_theirs(there: Setup, ann: Person) -> None:
    heard: list[str] = []

    async def heard_of(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    async with over_http(there) as client:
        choice = {"title": "Which database?", "options": ["PostgreSQL", "SQLite"], "id": "db"}
        call = asyncio.create_task(client.call_tool("ask_choice", choice, progress_callback=heard_of))
        await there.until(lambda: heard)
        await press(there, ann, "db", "2 · SQLite")
        assert (await told(call))["choices"] == ["SQLite"]
        assert {one.partition(": ")[0] for one in heard} == {"waiting for a person to decide request db"}
    cut = asyncio.create_task(asked_once(there))
    await there.until(lambda: there.cards("later"))
    await there.restart()
    # a client of this SDK ends with the connection of a call
    with contextlib.suppress(BaseExceptionGroup, mcp.MCPError):
        await soon(cut)
    async with over_http(there) as client:
        call = calling(client, "get_decision", request_id="later")
        await press(there, ann, "later", "Allow")
        assert (await told(call))["allowed"]
    assert there.posts() == 2
