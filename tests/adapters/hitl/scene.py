"""The door for hooks of the dashboard, on loopback, and agents that ask there as the dashboard's helper does.

The rule: an agent here knows nothing of sayso. It has a one-shot WebSocket server in a thread, posts, and waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import requests
from aiohttp import web
from websockets.sync.server import ServerConnection, serve

import sayso
from sayso import stores
from sayso.desk import courier, keys, timekeeper, token_secret
from sayso.machine import people
from sayso.stores import Query
from sayso_hitl import dial, server
from sayso_http.server import auth, hosts, responses
from tests.conftest import until

Json = dict[str, Any]

# Seconds that an agent waits where a test does not say: no failing test hangs for longer.
_LIMIT = 20.0

ANN = people.Actor(account="test:ann", name="Ann", member=True, person="ann")


@dataclass
class Agent:
    """One hook that asks one thing. It listens before it posts, unless it is *slow*; then only once it is told."""

    server: str
    session: Json = field(default_factory=lambda: {"source_app": "shop", "session_id": "s-1"})
    slow: bool = False
    port: int = 0
    may_listen: threading.Event = field(default_factory=threading.Event)
    heard: list[str] = field(default_factory=list[str])
    saved: Json | None = None
    _bound: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if not self.port:
            with socket.socket() as free:
                free.bind(("", 0))
                self.port = free.getsockname()[1]

    def event(self, kind: str, question: str, **more: Any) -> Json:
        asked = {"question": question, "type": kind, "choices": None, "timeout": 300, "requiresResponse": True}
        asked |= {name: more.pop(name) for name in ("choices", "timeout") if name in more}
        address = f"ws://localhost:{self.port}"
        event = {"hook_event_type": "HumanInTheLoop", "payload": {}, "timestamp": 1_700_000_000_000}
        return {**self.session, **event, "humanInTheLoop": {**asked, "responseWebSocketUrl": address}, **more}

    def ask(self, kind: str, question: str, **more: Any) -> Json | None:
        """What the person said, or None once the time is over; blocks."""
        event = self.event(kind, question, **{"timeout": _LIMIT, **more})
        limit = event["humanInTheLoop"]["timeout"]
        listening = threading.Thread(target=self._listen, args=(limit,), daemon=True)
        listening.start()
        assert self.slow or self._bound.wait(5)
        response = requests.post(f"{self.server}/events", json=event, timeout=10)
        response.raise_for_status()
        self.saved = response.json()
        listening.join(timeout=limit)
        return json.loads(self.heard[0]) if self.heard else None

    def question(self, question: str, **more: Any) -> str | None:
        said = self.ask("question", question, **more)
        return said.get("response") if said else None

    def permission(self, question: str, **more: Any) -> bool:
        said = self.ask("permission", question, **more)
        return said.get("permission", False) if said else False

    def choice(self, question: str, choices: list[str], **more: Any) -> str | None:
        said = self.ask("choice", question, choices=choices, **more)
        return said.get("choice") if said else None

    def _listen(self, limit: float) -> None:
        taken = threading.Event()

        def take(connection: ServerConnection) -> None:
            self.heard.append(connection.recv(decode=True))
            connection.close()
            taken.set()

        if self.slow:
            self.may_listen.wait(limit)
        # no event loop that would end under whoever is let in at the last moment
        with serve(take, "localhost", self.port) as listener:
            threading.Thread(target=listener.serve_forever).start()
            self._bound.set()
            taken.wait(limit)


@dataclass
class Scene:
    """The door, the desk behind it, and keys by the name of their role."""

    url: str
    desk: sayso.Desk
    keys: Json
    http: aiohttp.ClientSession

    def agent(self, **more: Any) -> Agent:
        return Agent(self.url, **more)

    async def call(self, method: str, path: str, body: Any = None, role: str = "", **headers: str) -> tuple[int, Any]:
        """Status and JSON of one call; *body* as JSON, or as it is where it is bytes."""
        if role:
            headers["Authorization"] = f"Bearer {self.keys[role]}"
        headers.setdefault("Content-Type", "application/json")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.request(method, self.url + path, data=io.BytesIO(content), headers=headers) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
            return response.status, await response.json()

    async def ticket(self, count: int = 1) -> sayso.Ticket:
        """The newest request, once there have been *count*."""
        async with asyncio.timeout(10):
            changes = self.desk.store.changes()
            while len(found := await self.desk.store.list(Query())) < count:
                await anext(changes)
        return found[0]

    async def answer(self, **answer: Any) -> sayso.Ticket:
        """Ann answers the newest request at the desk."""
        return await self.desk.answer((await self.ticket()).id, sayso.Answer(**answer), ANN)

    async def delivered(self) -> None:
        """Nothing is left to deliver."""
        async with asyncio.timeout(10):
            while await self.desk.store.next_job(["callback"]):  # noqa: ASYNC110 (an outbox wakes nobody when empty)
                await asyncio.sleep(0.002)

    async def status(self) -> Json:
        """That of the newest event, as an operator reads it."""
        code, [newest, *_] = await self.call("GET", "/events/recent", role="operator")
        assert code == 200
        found: Json = newest["humanInTheLoopStatus"]
        return found


@contextlib.asynccontextmanager
async def scene(setup: sayso.Setup | None = None) -> AsyncGenerator[Scene]:
    """Everything up: the door, a courier that dials, and a clock."""
    store = await stores.connect("memory://")
    desk = sayso.Desk(store, await token_secret.mint(store), setup or sayso.Setup(callbacks=True))
    made = keys.Keys(store)
    roles = {role: await made.add(role, role, desk.clock.now()) for role in ("agent", "approver", "operator")}
    app = web.Application(middlewares=[responses.errors_as_json, hosts.known_hosts(["localhost", "127.0.0.1"])])
    server.add_routes(app, desk, authenticate=auth.authenticate(made))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    dialer = dial.Dialer(store, desk.clock, patience=1.0)
    work = [
        asyncio.create_task(courier.Courier(desk, [], dialer).run()),
        asyncio.create_task(timekeeper.expire_due(desk, store, desk.clock)),
    ]
    try:
        async with aiohttp.ClientSession() as http:
            yield Scene(f"http://localhost:{runner.addresses[0][1]}", desk, roles, http)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await runner.cleanup()
        await store.close()


async def waiting(agent: Agent) -> Json:
    """What the server saved for an agent, once it has."""
    return await until(lambda: agent.saved or {})
