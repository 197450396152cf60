"""A service with Claude Code's door only, on loopback, and people who answer at its desk."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

import sayso
from sayso import clock, model, stores
from sayso.desk import keys, token_secret
from sayso.desk.upkeep import attendance
from sayso.machine import people
from sayso.stores import Query
from sayso.testing.clock import ManualClock
from sayso_claude import server
from sayso_http.server import auth, responses
from tests.conftest import until

Json = dict[str, Any]

ANN = people.Actor(account="test:ann", name="Ann", member=True)


@dataclass
class Service:
    """One running service; `key` is an agent's."""

    url: str
    key: str
    desk: sayso.Desk
    runner: web.AppRunner

    async def asked(self, count: int = 1) -> model.Ticket:
        """The open request, or else the newest, once there have been *count*."""
        async with asyncio.timeout(20):
            changes = self.desk.store.changes()
            while len(found := await self.desk.store.list(Query())) < count:
                await anext(changes)
        return next((ticket for ticket in found if ticket.decision is None), found[0])

    async def count(self) -> int:
        return len(await self.desk.store.list(Query()))

    async def answer(self, *, count: int = 1, **answer: Any) -> model.Ticket:
        """Ann answers the open one of *count* requests."""
        ticket = await self.asked(count)
        return await self.desk.answer(ticket.id, model.Answer(**answer), ANN)

    async def decided(self, id: str) -> model.Decision:
        async with asyncio.timeout(20):
            return await self.desk.wait(id)

    async def post(self, payload: Json | bytes, query: str = "", **headers: str) -> tuple[int, Json]:
        """A hook call; header names with underscores."""
        status, body = await self.post_raw(payload, query, **headers)
        return status, json.loads(body)

    async def post_raw(self, payload: Json | bytes, query: str = "", **headers: str) -> tuple[int, bytes]:
        """As `post`, with the very bytes of the answer."""
        named = {
            "Authorization": f"Bearer {self.key}",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/claude/hooks?{query}", data=io.BytesIO(body), headers=named) as response,
        ):
            return response.status, await response.read()

    async def waiting(self) -> None:
        """Somebody waits for the newest request."""
        await self.asked()
        await until(lambda: self.desk.store.waiting)

    async def missed(self, now: ManualClock) -> None:
        """The service has seen that its only caller hung up."""
        server = self.runner.server
        assert server
        await until(lambda: all(held.transport is None for held in server.connections))
        now.advance(attendance.LOOK)
        await until(lambda: not self.desk.store.waiting)


@asynccontextmanager
async def serve(
    folder: Path,
    *,
    port: int = 0,
    now: clock.Clock | None = None,
    key: str = "",
    cancelling: bool = False,
    **options: Any,
) -> AsyncGenerator[Service, None]:
    """Serve over the database in *folder*; with *key* it was served before."""
    store = await stores.connect(f"sqlite:///{folder}/sayso.db")
    desk = sayso.Desk(store, await token_secret.mint(store), clock=now)
    known = keys.Keys(store)
    secret = key or await known.add("agent", "agent", desk.clock.now(), "bob")
    app = web.Application(middlewares=[responses.errors_as_json])
    given: Json = {"authenticate": auth.authenticate(known), **options}
    server.add_routes(app, desk, **given)
    runner = web.AppRunner(app, handler_cancellation=cancelling)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield Service(f"http://127.0.0.1:{runner.addresses[0][1]}", secret, desk, runner)
    finally:
        await runner.cleanup()
        await store.close()


def call(event: str = "PreToolUse", tool: str = "Bash", input: Json | None = None, **more: Any) -> Json:
    """What Claude Code sends before a tool, or for a permission."""
    common = {"session_id": "s-1", "transcript_path": "/t", "cwd": "/home/dev/shop", "prompt_id": "p-1"}
    named: Json = {"tool_use_id": "toolu_1"} if event == "PreToolUse" else {"permission_suggestions": []}
    content = {"tool_name": tool, "tool_input": {"command": "make deploy"} if input is None else input}
    return {**common, "permission_mode": "default", "hook_event_name": event, **content, **named, **more}
