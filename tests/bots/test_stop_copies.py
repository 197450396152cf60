"""Stop over two real services on one PostgreSQL: from Slack, the inbox and a terminal, within two seconds in both."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from tests.bots.conftest import Command
from tests.bots.test_serve import Served, browser, serving
from tests.fakes.pg import pg_server, pg_url
from tests.fakes.slack import FakeSlack, Person

__all__ = ["pg_server", "pg_url"]  # fixtures

SETTINGS = """
[slack]
channel = "#ops"
[people.ann]
slack = "T1/U1"
[service]
owner = "ann"
stop = ["ann"]
[[rules]]
id = "reads"
match = { tool = "Read" }
effect = "allow"
"""
WITHIN = 20.0
# Of the promise; a card may need as long as the chat takes.
SECONDS = 2.0


@dataclasses.dataclass
class Town:
    """Two copies, the chat, and what agents call them by."""

    command: Command
    database: dict[str, str]
    copies: tuple[Served, Served]
    slack: FakeSlack
    ann: Person
    inbox: aiohttp.ClientSession
    keys: dict[str, str]
    calls: aiohttp.ClientSession

    async def ask(self, copy: Served, agent: str, **request: Any) -> dict[str, Any]:
        """An agent asks a copy."""
        return await self.call(copy, agent, "POST", "/v1/requests", {"kind": "permission", **request})

    async def call(self, copy: Served, agent: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A call with a key."""
        key = {"Authorization": f"Bearer {self.keys[agent]}"}
        async with self.calls.request(method, f"{copy.url}{path}", json=body, headers=key) as response:
            found: dict[str, Any] = await response.json()
            return {**found, "status": response.status}

    async def state(self, copy: Served, agent: str) -> str | None:
        """What becomes of a call that a rule allows: it is allowed at once, or people are asked."""
        # a card for each would keep Slack busy
        asked = await self.ask(copy, agent, tool="Read", input={"path": "a"}, route=["web"])
        return asked["decision"]["outcome"] if asked["decision"] else None

    async def until(self, agent: str, outcome: str | None) -> float:
        """Wait until both copies do that with what the rule allows; how long it took."""
        began = time.monotonic()
        async with asyncio.timeout(WITHIN):
            while [await self.state(copy, agent) for copy in self.copies] != [outcome, outcome]:
                pass
        return time.monotonic() - began


@pytest.fixture
async def town(command: Command, pg_url: str) -> AsyncGenerator[Town]:
    (command.folder / "sayso.toml").write_text(SETTINGS)
    database = {"SAYSO_DATABASE_URL": pg_url}
    keys = {name: command.key(name, role, **database) for name, role in {"bot": "agent", "other": "agent"}.items()}
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(FakeSlack(ack_within=WITHIN))
        slack.channel("C1", name="ops", members=["U1"])
        tokens = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
        }
        one = await stack.enter_async_context(serving(command, **database, **tokens))
        other = await stack.enter_async_context(serving(command, **database, **tokens))
        inbox = await stack.enter_async_context(browser(other))
        calls = await stack.enter_async_context(aiohttp.ClientSession())
        yield Town(command, database, (one, other), slack, slack.person("U1", name="ann"), inbox, keys, calls)


async def in_chat(town: Town, verb: str, agent: str | None) -> None:
    """`/sayso stop` in Slack, which either copy may take."""
    await town.ann.command("C1", "/sayso", f"{verb} agent {agent}" if agent else verb)


async def in_inbox(town: Town, verb: str, agent: str | None) -> None:
    """The page of the second copy."""
    async with town.inbox.get("/stops") as page:
        csrf = (await page.text()).partition('name="csrf" value="')[2].partition('"')[0]
    async with town.inbox.post(
        f"/{verb}", data={"csrf": csrf, "agent": agent or ""}, allow_redirects=False
    ) as response:
        assert response.status == 303


async def at_terminal(town: Town, verb: str, agent: str | None) -> None:
    """`sayso stop` beside the database."""
    line = (verb, *(("--agent", agent) if agent else ()))
    done = await asyncio.to_thread(town.command, *line, **town.database)
    assert done.returncode == 0, done.stderr


PLACES: dict[str, Callable[[Town, str, str | None], Awaitable[None]]] = {
    "chat": in_chat,
    "inbox": in_inbox,
    "terminal": at_terminal,
}


@pytest.mark.once
async def test_a_stop_from_anywhere_holds_in_both_services_within_two_seconds(town: Town) -> None:
    await everything_is_stopped(town)
    # one agent alone: the other goes on
    await one_agent_is_stopped(town)
    # the connections of a copy are not those of another program
    later = town.copies[1].running
    later.process.terminate()
    assert "another program" not in (await later.ended())[2]


async def everything_is_stopped(town: Town) -> None:
    one, other = town.copies
    given = await town.ask(one, "bot", tool="Read", input={"path": "b"}, id="given")
    assert given["decision"]["outcome"] == "allowed"
    await town.ask(other, "bot", tool="Bash", input={"command": "make deploy"}, id="open")
    await town.slack.until(lambda: town.slack.messages("C1"), within=WITHIN)
    for stop in PLACES.values():
        await stop(town, "stop", None)
        # what was said is stored by now; a chat is told at once and works on
        assert await town.until("bot", None) < SECONDS
        assert await town.state(one, "other") is None
        refused = await town.call(other, "bot", "POST", "/v1/requests/given/use")
        assert (refused["status"], refused["error"]["code"]) == (409, "not_usable")
        began = time.monotonic()
        await town.slack.until(lambda: "stopped by" in card(town), within=WITHIN)
        assert time.monotonic() - began < SECONDS
        assert "Allow" not in town.slack.controls(town.slack.messages("C1")[0])
        await at_terminal(town, "resume", None)
        assert await town.until("bot", "allowed") < SECONDS
        await town.slack.until(lambda: "stopped by" not in card(town), within=WITHIN)
    assert (await town.call(one, "bot", "POST", "/v1/requests/given/use"))["status"] == 200


async def one_agent_is_stopped(town: Town) -> None:
    for stop in PLACES.values():
        await stop(town, "stop", "bot")
        assert await town.until("bot", None) < SECONDS
        assert [await town.state(copy, "other") for copy in town.copies] == ["allowed", "allowed"]
        listed = await asyncio.to_thread(town.command, "stop", "--agent", "bot", "--json", **town.database)
        assert [one["agent"] for one in json.loads(listed.stdout)] == ["bot"]
        await stop(town, "resume", "bot")
        assert await town.until("bot", "allowed") < SECONDS


def card(town: Town) -> str:
    """What stands on the card of the open request."""
    return town.slack.visible_text(town.slack.messages("C1")[0])
