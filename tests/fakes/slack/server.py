"""The HTTP face of the fake: reads calls as slack_sdk writes them, misbehaves on demand, keeps a record.

Rule: decides only about tokens, scopes, rates and planned faults; what a method means is in `api`.
"""

import asyncio
import json
import math
import time
from collections import defaultdict
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from tests.fakes.slack.api import Method
from tests.fakes.slack.chat import Chat
from tests.fakes.slack.controls import Json
from tests.fakes.slack.delivery import Sockets
from tests.fakes.slack.limits import Refused
from tests.fakes.slack.passes import Passes
from tests.fakes.slack.world import World

_JSON_FIELDS = ("blocks", "attachments", "metadata", "view", "files")
_LARGEST = 20_000_000  # bytes; large enough that a refusal always comes from the rules, not from the web server


@dataclass(frozen=True)
class Call:
    """One call as it arrived, `at` seconds by the fake's clock."""

    method: str
    payload: Json
    at: float


@dataclass
class Faults:
    """What goes wrong next, per method: 429, 500, reset, hang, lost or mute (both done, and then a reset or a hang
    instead of the answer), or an error code."""

    retry_after: int = 1
    _planned: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def plan(self, method: str, how: str, times: int) -> None:
        """The next *times* calls of *method* fail in this way."""
        self._planned[method] += [how] * times

    def next(self, method: str) -> str:
        """The fault of this call, or an empty string."""
        planned = self._planned.get(method)
        return planned.pop(0) if planned else ""


@dataclass(frozen=True)
class Tokens:
    """The secrets of the installed app."""

    bot: str
    app: str


class Server:
    """Routes: `/api/METHOD`, `/response/KEY`, `/upload/ID` and the socket address `/link`."""

    def __init__(self, world: World, passes: Passes, chat: Chat, sockets: Sockets, tokens: Tokens) -> None:
        self._world = world
        self._passes = passes
        self._chat = chat
        self._sockets = sockets
        self._tokens = tokens
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.methods: dict[str, Method] = {}
        self.scopes: set[str] = set()
        self.calls: list[Call] = []
        self.refusals: list[tuple[str, Json]] = []
        self.faults = Faults()
        self.per_minute: dict[str, int] = {}
        self._let_through: dict[str, list[float]] = defaultdict(list)

    async def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/response/{key}", self._response)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_get("/link", self._sockets.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._world.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Let hanging calls go and close everything."""
        self._stopping.set()
        await self._sockets.close()
        if self._runner:
            await self._runner.cleanup()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method, args = request.match_info["method"], await _arguments(request)
        self._note(method, args)
        fault = self.faults.next(method)
        if fault in ("429", "500", "reset", "hang"):
            return await self._misbehave(request, fault)
        try:
            if fault not in ("", "lost", "mute"):
                raise Refused(fault)
            self._admit(method, request.headers.get("Authorization", ""), args)
            answer = {"ok": True, **self._run(method, args)}
        except Refused as refused:
            self.refusals.append((method, refused.answer))
            answer = refused.answer
        self._world.changed()
        if fault in ("lost", "mute"):
            return await self._misbehave(request, "reset" if fault == "lost" else "hang")
        if answer.get("error") == "ratelimited":
            return self._ratelimited()
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        date = formatdate(time.time() + self._world.clock_off, usegmt=True)
        return web.json_response(answer, headers={**headers, "Date": date})

    def _note(self, method: str, args: Json) -> None:
        self.calls.append(Call(method, args, self._world.clock()))
        self._world.changed()

    def _admit(self, method: str, authorization: str, args: Json) -> None:
        token = authorization.removeprefix("Bearer ") or args.get("token", "")
        if not token:
            raise Refused("not_authed")
        wanted = self._tokens.app if method == "apps.connections.open" else self._tokens.bot
        if token != wanted:
            raise Refused(
                "invalid_auth" if token not in (self._tokens.app, self._tokens.bot) else "not_allowed_token_type"
            )
        _, scope = self.methods.get(method, (None, None))
        if scope and scope not in self.scopes:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))
        self._in_time(method)

    def _in_time(self, method: str) -> None:
        """Only calls that were let through count; Retry-After says when the oldest of them leaves the minute."""
        if method not in self.per_minute:
            return
        now = self._world.clock()
        let_through = self._let_through[method] = [at for at in self._let_through[method] if at > now - 60]
        if len(let_through) >= self.per_minute[method]:
            self.faults.retry_after = max(1, math.ceil(let_through[0] + 60 - now)) if let_through else 60
            raise Refused("ratelimited")
        let_through.append(now)

    def _run(self, method: str, args: Json) -> Json:
        if method == "apps.connections.open":
            return {"url": self._sockets.link()}
        if method not in self.methods:
            raise Refused("unknown_method")
        return self.methods[method][0](args)

    async def _response(self, request: web.Request) -> web.StreamResponse:
        args = await _arguments(request)
        self._note("response_url", args)
        if fault := self.faults.next("response_url"):
            return await self._misbehave(request, fault)
        try:
            self._chat.respond(self._passes.spend(request.match_info["key"]), args)
        except Refused as refused:
            self.refusals.append(("response_url", refused.answer))
            return web.json_response(refused.answer, status=_status(refused.error))
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        upload = self._world.uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404)
        upload["content"] = await request.read()
        return web.Response(text=f"OK - {len(upload['content'])}")

    async def _misbehave(self, request: web.Request, fault: str) -> web.StreamResponse:
        if fault == "429":
            return self._ratelimited()
        if fault == "500":
            return web.Response(status=500, text="<html>Server Error</html>", content_type="text/html")
        if fault == "hang":
            await self._stopping.wait()
        # Aborted, not closed: the client sees the connection die and cannot know whether the call was done.
        if request.transport:
            request.transport.abort()
        return web.Response()

    def _ratelimited(self) -> web.StreamResponse:
        headers = {"Retry-After": str(self.faults.retry_after)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


async def _arguments(request: web.Request) -> Json:
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        body: Any = await request.json()
        return {**args, **body}
    if request.method == "POST":
        args |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    for name in _JSON_FIELDS:
        if isinstance(args.get(name), str):
            args[name] = json.loads(args[name])
    return args


def _status(error: str) -> int:
    if error == "channel_is_archived":
        return 410
    return 404 if error.endswith("_url") else 400
