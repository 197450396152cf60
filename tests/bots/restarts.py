"""A setup whose service dies and comes back: `sayso serve` as a process; Slack, agents and the database outlive it.

The rule: nothing in here helps the service along, but that the leases of a dead one count as run out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import apsw
import asyncpg  # type: ignore[import-untyped]
import pytest

from sayso import clock, model, stores
from sayso.desk import keys
from sayso.stores import Store
from sayso_slack import channel
from tests.adapters.claude_service import call
from tests.bots.conftest import Command, Running
from tests.fakes.ports import free_port
from tests.fakes.slack import FakeSlack, Message

# asyncpg has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

WITHIN = 10.0
"""Seconds that any wait may last here: processes start, on a machine with few cores."""
SETTINGS = """
[slack]
channel = "#ops"
[people.ann]
slack = "T1/U1"
[policies.both]
approvers = ["anyone"]
quorum = 2
[policies.timed]
approvers = ["ann", "anyone"]
remind = ["1s", "2s", "4s"]
escalate = [{ after = "3s", add = ["ann"], route = ["slack:#dev"] }]
"""
# A worker that was killed holds its jobs until their lease ends, half a minute later.
_LAPSE = "update outbox set due_at = 0 where lease <> 0"
# One that was stopped hands them back, and they are due a moment later.
_MOMENT = "update outbox set due_at = 0 where lease = 0"

Found = TypeVar("Found")


@dataclass
class Setup:
    """One service at one address, with one agent key; channel C1 (#ops) is where its cards go."""

    command: Command
    slack: FakeSlack
    database: str
    port: int
    key: str = ""
    up: asyncio.Event = field(default_factory=asyncio.Event)
    crashes: int = 0
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)
    _running: Running | None = None

    @property
    def url(self) -> str:
        """Where agents find it, whenever it runs."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> Running:
        """The present process."""
        assert self._running is not None
        return self._running

    async def start(self, **more: str) -> None:
        """A new process, from the same settings; returns once it takes calls and clicks."""
        tokens = {"SLACK_BOT_TOKEN": self.slack.bot_token, "SLACK_APP_TOKEN": self.slack.app_token}
        given = {"SAYSO_PORT": str(self.port), "SAYSO_DATABASE_URL": self.database, "SLACK_API_URL": self.slack.api_url}
        self._running = await self._life.enter_async_context(self.command.started("serve", **given, **tokens, **more))
        try:
            await self._running.line("sayso listens on")
        except pytest.fail.Exception:
            pytest.fail(f"it did not start: {(await self._running.ended())[2]}")
        self.up.set()

    async def kill(self) -> None:
        """SIGKILL: no goodbye, nothing is finished."""
        self.up.clear()
        self.running.process.kill()
        await self.running.ended()
        await self._life.aclose()
        await self.slack.until(lambda: not self.slack.sockets.open, within=WITHIN)
        self.crashes += 1

    async def stopping(self) -> None:
        """SIGTERM; returns once it is seen to stop."""
        self.up.clear()
        self.running.process.terminate()
        await self.running.line("sayso stops", error=True)

    async def stopped(self) -> None:
        """It ends by itself, soon, and without complaint."""
        async with asyncio.timeout(WITHIN):
            code, _, said = await self.running.ended()
        assert (code, "Traceback" in said) == (0, False), said

    async def restart(self) -> None:
        """Killed, a minute passes, and it is started again."""
        await self.kill()
        await self.lapse()
        await self.start()

    async def lapse(self) -> None:
        """Let the leases of a dead process run out. Its own database shows the service nothing else of time."""
        await self._written(_LAPSE)

    async def moment(self) -> None:
        """Let what was handed back be due. What a process still holds is not."""
        await self._written(_MOMENT)

    async def _written(self, statement: str) -> None:
        if self.database.startswith("sqlite"):
            with contextlib.closing(self.locked()) as held:
                held.execute(statement)
                held.execute("commit")
            return
        connection = await asyncpg.connect(self.database)
        await connection.execute(statement)
        await connection.close()

    def locked(self) -> apsw.Connection:
        """The SQLite file, in a write transaction: whoever else writes waits until it is closed."""
        held = apsw.Connection(str(self.command.folder / self.database.removeprefix("sqlite:///")))
        held.set_busy_timeout(5000)
        held.execute("begin immediate")
        return held

    @asynccontextmanager
    async def stored(self) -> AsyncGenerator[Store]:
        """The database, beside the service."""
        path = self.database.replace("sqlite:///", f"sqlite:///{self.command.folder}/")
        store = await stores.connect(path)
        try:
            yield store
        finally:
            await store.close()

    def cards(self, id: str | None = None) -> list[Message]:
        """The cards of a request, or all of them, as they look now."""
        everywhere = [message for room in self.slack.world.channels for message in self.slack.messages(room)]
        return [message for message in everywhere if id in (None, request_of(message)) and request_of(message)]

    def posts(self) -> int:
        """How often a card was posted."""
        return [made.method for made in self.slack.calls].count("chat.postMessage")

    def activity(self) -> int:
        """How much has happened between the service and Slack; a moment to do something at."""
        return len(self.slack.calls) + len(self.slack.deliveries)

    async def until(self, true: Callable[[], object], within: float = WITHIN) -> None:
        """Wait for something to happen in Slack."""
        await self.slack.until(true, within=within)

    async def poll(self, request: dict[str, Any]) -> dict[str, Any]:
        """An agent without any library: it posts a request, and asks for its decision until there is one."""
        async with aiohttp.ClientSession(self.url, headers={"Authorization": f"Bearer {self.key}"}) as session:
            while True:
                await self.up.wait()
                # cut off, or refused while it starts: nothing is known, so it asks again
                with contextlib.suppress(aiohttp.ClientConnectionError, aiohttp.ContentTypeError):
                    async with session.post("/v1/requests", json=request) as made:
                        assert made.status in (200, 201)
                    async with session.get(f"/v1/requests/{request['id']}?wait=60") as found:
                        ticket: dict[str, Any] = await found.json()
                    if ticket.get("decision"):
                        decision: dict[str, Any] = ticket["decision"]
                        return decision

    async def hook(self) -> tuple[int, dict[str, Any]]:
        """Claude Code's hook before a tool, as a process; its exit code and what it prints."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sayso_bots", "hook", "claude-code"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "SAYSO_URL": self.url, "SAYSO_KEY": self.key},
        )
        try:
            out, _ = await process.communicate(json.dumps(call()).encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, json.loads(out)

    async def decision(self, id: str) -> model.Decision:
        """As it is stored, once it is."""
        async with self.stored() as store, asyncio.timeout(WITHIN):
            while (ticket := await store.load(id)).decision is None:
                await store.changed(id, ticket.version)
        return ticket.decision


async def soon(waiting: Awaitable[Found]) -> Found:
    """What an agent waits for, which must come."""
    async with asyncio.timeout(WITHIN):
        return await waiting


def request_of(message: Message) -> str | None:
    """The id of the request whose card this is."""
    metadata = message.metadata or {}
    if metadata.get("event_type") != channel.EVENT_TYPE:
        return None
    id: str = metadata["event_payload"]["request_id"]
    return id


@asynccontextmanager
async def setup(command: Command, database: str = "sqlite:///sayso.db", more: str = "") -> AsyncGenerator[Setup]:
    """Everything up, with Ann (U1) and Bob (U2) in #ops; *more* is added to the settings."""
    (command.folder / "sayso.toml").write_text(SETTINGS + more)
    port = free_port()
    async with FakeSlack() as slack, AsyncExitStack() as life:
        slack.channel("C1", name="ops", members=["U1", "U2"])
        there = Setup(command, slack, database, port, _life=life)
        async with there.stored() as store:
            there.key = await keys.Keys(store).add("bot", "agent", clock.SystemClock().now())
        await there.start()
        yield there
