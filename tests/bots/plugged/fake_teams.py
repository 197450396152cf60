"""The platform of the third chat, over loopback: rooms, cards with buttons, people who press."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.conftest import until

TOKEN, SECRET = "tms-fake", "known to the platform and to the service"

Json = dict[str, Any]


@dataclass
class FakeTeams:
    """Remembers cards; whoever comes without the token is sent away."""

    url: str = ""
    rooms: set[str] = field(default_factory=lambda: {"ops"})
    messages: dict[str, Json] = field(default_factory=dict[str, Json])

    async def card(self) -> tuple[str, Json]:
        """The newest card, once one is there."""
        await until(lambda: self.messages)
        return list(self.messages.items())[-1]

    async def press(self, service: str, label: str, user: str) -> int:
        """Press a button of the newest card; the status of the service's answer."""
        id, shown = await self.card()
        press = {"token": shown["buttons"][label], "user": user, "room": shown["room"], "message": id}
        body = json.dumps(press).encode()
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        headers = {"Signature": signature}
        async with (
            aiohttp.ClientSession(service) as session,
            session.post("/teams/presses", data=body, headers=headers) as response,
        ):
            return response.status

    async def _take(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["rooms", room] if room not in self.rooms:
                return web.Response(status=404)
            case "POST", ["messages"]:
                id = str(len(self.messages) + 1)
                self.messages[id] = await request.json()
                return web.json_response({"id": id})
            case "PUT", ["messages", id]:
                self.messages[id] |= await request.json()
            case _:
                pass
        return web.json_response({})


@asynccontextmanager
async def running() -> AsyncGenerator[FakeTeams]:
    fake = FakeTeams()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake._take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
