"""A real service on loopback for the tests of `sayso_http`: every response it gives is held against its own OpenAPI."""

import contextlib
import io
import json
import socket
import tempfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import typedefs, web

import sayso
from sayso import clock, stores
from sayso.desk import Desk, Setup, keys, token_secret
from sayso.stores import Store
from sayso_http import callback_urls, client, health, server
from sayso_http.server import auth, hosts, responses
from tests.adapters.http import witness


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> Any:
        return self.json["error"]


@dataclass
class Service:
    store: Store
    front: Desk
    keys: keys.Keys
    ready: Mapping[str, health.Check] = field(default_factory=dict[str, health.Check])
    alive: Mapping[str, health.Check] = field(default_factory=dict[str, health.Check])
    port: int = 0
    lies: list[str] = field(default_factory=list[str])
    answers: int = 0
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    session: aiohttp.ClientSession | None = None
    runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        @web.middleware
        async def hold(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
            response = await handler(request)
            resource = request.match_info.route.resource
            if resource is not None:
                self.lies += witness.lies(resource.canonical, request.method.lower(), response)
            self.answers += 1
            return response

        app = web.Application(middlewares=[hold, responses.errors_as_json, hosts.known_hosts(["127.0.0.1"])])
        server.add_routes(
            app,
            self.front,
            authenticate=auth.authenticate(self.keys),
            ready=self.ready,
            alive=self.alive,
            check_callback=callback_urls.check_callback_url,
        )
        self.runner = web.AppRunner(app, shutdown_timeout=1)
        await self.runner.setup()
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        await web.SockSite(self.runner, listening).start()

    async def stop(self) -> None:
        assert self.runner is not None
        await self.runner.cleanup()

    async def key(self, name: str, role: str, person: str | None = None) -> str:
        self.secrets[name] = await self.keys.add(name, role, self.front.clock.now(), person)
        return self.secrets[name]

    def remote(self, name: str, **more: Any) -> client.RemoteDesk:
        return client.RemoteDesk(self.url, self.secrets[name], **more)

    async def call(
        self,
        method: str,
        path: str,
        key: str | None = None,
        body: Any = None,
        *,
        data: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One call as anybody might make it: *key* by its name, *body* as JSON or *data* as it is."""
        assert self.session is not None
        sent = {"Authorization": f"Bearer {self.secrets[key]}"} if key else {}
        if body is not None or data is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        content: Any = json.dumps(body) if body is not None else data
        if isinstance(content, str | bytes):
            content = io.BytesIO(content.encode() if isinstance(content, str) else content)
        async with self.session.request(
            method, self.url + path, data=content, headers=sent, allow_redirects=False
        ) as response:
            text = await response.text()
            return Answered(response.status, response.headers, text)


_ROLES = {"bot": "agent", "other": "agent", "ann": "approver", "bob": "approver", "op": "operator"}
_MADE: list[tuple[bytes, dict[str, str]]] = []
"""The file of a service that has its keys and no requests, and their secrets: a third of a start is to make it."""


def _file(folder: Path | str, content: bytes = b"") -> bytes:
    """What the database in a folder holds; with *content* that is written first."""
    file = Path(folder, "sayso.db")
    if content:
        file.write_bytes(content)
    return file.read_bytes()


async def _make_keys(folder: Path) -> dict[str, str]:
    store = await stores.connect(f"sqlite:///{folder}/sayso.db")
    await token_secret.mint(store)
    known, now = keys.Keys(store), clock.SystemClock().now()
    secrets = {
        name: await known.add(name, role, now, name if role == "approver" else None) for name, role in _ROLES.items()
    }
    await store.close()
    return secrets


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    *,
    setup: Setup | None = None,
    now: clock.Clock | None = None,
    ready: Mapping[str, health.Check] | None = None,
    alive: Mapping[str, health.Check] | None = None,
) -> AsyncGenerator[Service, None]:
    """A service with the keys `bot` and `other` (agents), `ann` and `bob` (approvers) and `op` (an operator)."""
    if not _MADE:
        with tempfile.TemporaryDirectory() as first:
            secrets = await _make_keys(Path(first))
            _MADE.append((_file(first), secrets))
    file, secrets = _MADE[0]
    _file(folder, file)
    store = await stores.connect(f"sqlite:///{folder}/sayso.db")
    front = Desk(store, await token_secret.mint(store), setup, now)
    service = Service(store, front, keys.Keys(store), ready or {}, alive or {}, secrets=dict(secrets))
    await service.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as service.session:
        try:
            yield service
        finally:
            await service.stop()
            await store.close()
    assert service.lies == []


def permission(id: str = "r1", **more: Any) -> dict[str, Any]:
    return {"id": id, "kind": "permission", "tool": "Bash", "input": {"command": "make deploy"}, **more}


RESTRICTED = Setup(
    policies={
        "default": sayso.Policy(approvers=("ann",)),
        "two": sayso.Policy(approvers=("ann", "bob"), quorum=2),
        "open": sayso.Policy(),
    },
    stoppers=("ann",),
)
