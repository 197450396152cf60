"""An MCP client and server in one process, at a desk in memory, and people who answer there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import mcp
import mcp_types as types

import sayso
from sayso import model
from sayso.cards import tokens
from sayso.machine import people
from sayso.stores import Query, memory
from sayso_mcp import settings, tools
from tests.conftest import until

ANN = people.Actor(account="test:ann", name="Ann", member=True)
Json = dict[str, Any]


@dataclass
class Scene:
    """One client of one server."""

    client: mcp.Client
    desk: sayso.Desk
    tools: tools.Tools
    progress: list[str | None] = field(default_factory=list[str | None])

    async def call(self, name: str, /, **arguments: Any) -> types.CallToolResult:
        """What the tool answers."""

        async def heard(progress: float, total: float | None, message: str | None) -> None:
            self.progress.append(message)

        return await self.client.call_tool(name, arguments, progress_callback=heard)

    async def told(self, name: str, /, **arguments: Any) -> Json:
        """The structured part of what the tool answers."""
        answered = await self.call(name, **arguments)
        assert not answered.is_error, answered.content
        told: Json = answered.structured_content
        return told

    def calling(self, name: str, /, **arguments: Any) -> asyncio.Task[Json]:
        """The same, while a test goes on."""
        return asyncio.create_task(self.told(name, **arguments))

    async def asked(self) -> model.Ticket:
        """The newest request, once somebody waits for it."""
        await until(lambda: self.desk.store.waiting)
        (newest,) = await self.desk.store.list(Query(limit=1))
        return newest

    async def tickets(self) -> Sequence[model.Ticket]:
        """All requests."""
        return await self.desk.store.list(Query())

    async def answer(self, **answer: Any) -> model.Ticket:
        """Ann answers the newest request."""
        return await self.desk.answer((await self.asked()).id, model.Answer(**answer), ANN)


@asynccontextmanager
async def scene(given: settings.Settings | None = None, mode: Any = "auto", **more: Any) -> AsyncGenerator[Scene]:
    """A client that is connected."""
    store = memory.MemoryStore()
    desk = sayso.Desk(store, tokens.TokenMaker(b"s" * 32))
    served = tools.Tools(lambda _: desk, given, **more)
    async with mcp.Client(served.server(), mode=mode) as client:
        yield Scene(client, desk, served)
    await store.close()


def text(answered: types.CallToolResult) -> str:
    """All that a client reads which knows only text."""
    (block,) = answered.content
    assert isinstance(block, types.TextContent)
    return block.text
