"""An inbox on loopback, and a browser without a screen or script to use it: a cookie jar that reads forms."""

from __future__ import annotations

import html.parser
import io
import re
import socket
import urllib.parse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

import sayso
import sayso_web
from sayso import clock, model
from sayso.cards import tokens
from sayso.desk import keys
from sayso.machine import people
from sayso.stores import memory
from sayso_web import push_calls

ANN = people.Actor(account="test:ann", name="Ann", member=True)
MINT = tokens.TokenMaker(b"a secret of at least 32 characters")


@dataclass
class Reply:
    status: int
    text: str
    headers: dict[str, str]


@dataclass
class Browser:
    """One browser of one person."""

    url: str
    http: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> Reply:
        async with self.http.get(self.url + path, headers=_named(headers), allow_redirects=False) as answer:
            return Reply(answer.status, await answer.text(), dict(answer.headers))

    async def post(self, path: str, fields: dict[str, str] | list[tuple[str, str]], **headers: str) -> Reply:
        named = {"Origin": self.url, "Content-Type": "application/x-www-form-urlencoded", **_named(headers)}
        named = {name: value for name, value in named.items() if value}
        body = io.BytesIO(urllib.parse.urlencode(fields).encode())
        async with self.http.post(self.url + path, data=body, headers=named, allow_redirects=False) as answer:
            return Reply(answer.status, await answer.text(), dict(answer.headers))

    async def csrf(self) -> str:
        found = re.search('name="csrf" value="([0-9a-f]+)"', (await self.get("/")).text)
        assert found
        return found[1]

    async def press(self, token: str, **fields: str) -> Reply:
        submitted = {"submitted": "1"} if fields else {}
        named = {name.replace("__", "."): value for name, value in fields.items()}
        return await self.post("/press", {"csrf": await self.csrf(), "token": token, **submitted, **named})


@dataclass
class Service:
    """One running inbox."""

    url: str
    desk: sayso.Desk
    sessions: sayso_web.Sessions
    keys: keys.Keys
    runner: web.AppRunner
    _jars: list[aiohttp.ClientSession] = field(default_factory=list[aiohttp.ClientSession])

    def browser(self) -> Browser:
        jar = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._jars.append(jar)
        return Browser(self.url, jar)

    async def signed_in(self, person: str = "owner") -> Browser:
        browser = self.browser()
        link = await self.sessions.link(person, self.url)
        assert (await browser.post("/signin", {"code": link})).status == 303
        return browser

    async def token(self, id: str, action: tokens.Action, index: int = 0) -> str:
        return MINT.token(await self.desk.get(id), action, index)

    async def close(self) -> None:
        for jar in self._jars:
            await jar.close()
        await self.runner.cleanup()
        await self.desk.store.close()


def setup() -> sayso.Setup:
    """Policies by name; Ann is the only configured person."""
    policies = {
        "default": model.Policy(),
        "ann": model.Policy(approvers=("ann",)),
        "two": model.Policy(quorum=2),
    }
    return sayso.Setup(policies=policies, directory=people.Directory(people={"ann": people.Profile()}))


@asynccontextmanager
async def serving(
    now: clock.Clock | None = None,
    public: str | None = None,
    plots: sayso_web.Plots | None = None,
    devices: push_calls.Devices | None = None,
) -> AsyncGenerator[Service]:
    """An inbox on a free port; *now* is its clock, *public* its only origin where that is another one."""
    store = memory.MemoryStore()
    desk = sayso.Desk(store, MINT, setup(), now)
    sessions = sayso_web.Sessions(store, now)
    app, origins = web.Application(), set[str]()
    runner = web.AppRunner(app, shutdown_timeout=2)
    with _port() as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        origins.add(public or url)
        drawn = plots or sayso_web.Plots()
        sayso_web.add_routes(app, desk, sessions, origins=origins, plots=drawn, devices=devices)
        await runner.setup()
        await web.SockSite(runner, free).start()
        service = Service(url, desk, sessions, keys.Keys(store), runner)
        try:
            yield service
        finally:
            await service.close()


class Elements(html.parser.HTMLParser):
    """The structure of an HTML text: tags with attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.append(("!--", ()))

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("!", ()))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _port() -> socket.socket:
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    return free
