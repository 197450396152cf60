"""The HTTP face of the fake: reads calls as discord.py writes them, counts rates, misbehaves on demand, keeps a record.

Rule: decides only about tokens, rates and planned faults; what a route does is in the modules it was given.
"""

import asyncio
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from tests.fakes.discord import calls, spec
from tests.fakes.discord.calls import WITHOUT_TOKEN, Answer, Call, Handler
from tests.fakes.discord.errors import Broken, Json, Refused
from tests.fakes.discord.posting import File
from tests.fakes.discord.world import World

_LARGEST = 80_000_000  # bytes; large enough that a refusal always comes from the rules, not from the web server
_JSON = {"Content-Type": "application/json"}  # exactly this: discord.py reads anything else as text
_STATUSES = {"500", "502", "503", "504"}


@dataclass
class Faults:
    """What goes wrong next, per operation; `retry_after` is in seconds."""

    retry_after: float = 0.05
    _planned: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def plan(self, operation: str, how: str, times: int) -> None:
        """The next *times* calls of *operation* fail in this way."""
        if operation not in calls.ROUTES:
            raise LookupError(f"no operation {operation!r}, there are {sorted(calls.ROUTES)}")
        self._planned[operation] += [how] * times

    def next(self, operation: str) -> str:
        """The fault of this call, or an empty string."""
        planned = self._planned.get(operation)
        return planned.pop(0) if planned else ""


class Rates:
    """Fixed windows per operation and major parameter; `limits` has calls and seconds, `global` counts all together."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.limits: dict[str, tuple[int, float]] = {}
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def take(self, call: Call) -> tuple[dict[str, str], str]:
        """Count a call: the headers of its answer, and the scope of the limit it broke, if any."""
        if call.operation not in WITHOUT_TOKEN and "global" in self.limits:
            headers, over = self._count("global", "", *self.limits["global"])
            if over:
                return headers, "global"
        limit, seconds = self.limits.get(call.operation, (1000, 1.0))
        headers, over = self._count(call.operation, call.major, limit, seconds)
        return headers, "user" if over and call.operation in self.limits else ""

    def _count(self, name: str, major: str, limit: int, seconds: float) -> tuple[dict[str, str], bool]:
        now = self._world.clock()
        start, used = self._windows.get((name, major), (now, 0))
        if now - start >= seconds:
            start, used = now, 0
        self._windows[name, major] = (start, used + 1)
        left, reset = max(0, limit - used - 1), start + seconds
        # Unlimited operations must not look exhausted under a clock that stands still.
        left = left if name in self.limits else limit - 1
        headers = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(left), "X-RateLimit-Bucket": name}
        headers |= {"X-RateLimit-Reset": f"{reset:.3f}", "X-RateLimit-Reset-After": f"{max(0.0, reset - now):.3f}"}
        return headers, used >= limit


class Server:
    """Routes: `/api/v10/...`, `/cdn/...` and the websocket `/gateway/`, all on one loopback port."""

    def __init__(self, world: World, token: str, handlers: dict[str, Handler]) -> None:
        self._world = world
        self._token = token
        self._handlers = handlers
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.gateway: Any = None
        self.calls: list[Call] = []
        self.refusals: list[tuple[str, Json]] = []
        self.faults = Faults()
        self.rates = Rates(world)

    async def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_get("/gateway/", self.gateway)
        app.router.add_get("/gateway/resume/", self.gateway)
        app.router.add_get("/cdn/{tail:.*}", self._file)
        app.router.add_route("*", "/api/v10/{tail:.*}", self._api)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._world.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Let hanging calls go and close everything."""
        self._stopping.set()
        if self._runner:
            await self._runner.cleanup()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        call = await self._read(request)
        self.calls.append(call)
        self._world.changed()
        fault = self.faults.next(call.operation)
        if fault in ("reset", "hang"):
            return await self._vanish(request, fault)
        headers, scope = self.rates.take(call)
        headers["Date"] = formatdate(time.time() + self._world.clock_off, usegmt=True)
        scope = fault.partition(" ")[2] or "user" if fault.startswith("429") else scope
        if scope:
            return self._ratelimited(call, headers, scope)
        if fault in _STATUSES:
            return _answer(int(fault), {"message": f"{fault}: Server Error", "code": 0}, headers)
        status, answer = self._run(call, fault)
        self._world.changed()
        if fault in ("lost", "mute"):
            return await self._vanish(request, "reset" if fault == "lost" else "hang")
        return _answer(status, answer, headers)

    def _run(self, call: Call, fault: str) -> Answer:
        try:
            if fault.isdigit():
                raise Refused(int(fault))
            if call.operation not in WITHOUT_TOKEN and call.token != f"Bot {self._token}":
                raise Refused(0, status=401, message="401: Unauthorized")
            if call.operation not in self._handlers:
                raise Refused(0)
            status, answer = self._handlers[call.operation](call)
        except Refused as refused:
            self.refusals.append((call.operation or call.path, refused.answer))
            return refused.status, refused.answer
        except Broken:
            broken: Json = {"message": "500: Internal Server Error", "code": 0}
            self.refusals.append((call.operation, broken))
            return 500, broken
        except Exception as error:
            # On record, so that a test that looks for refusals sees it even where the client hides the 500.
            self.refusals.append((call.operation, {"message": f"the fake stumbled over this: {error!r}"}))
            raise
        # Answered as our rules say, but on record: no good test sends what Discord's own description forbids.
        if complaints := spec.problems_of_request(call.operation, call.body):
            self.refusals.append((call.operation, {"message": "against the API description", "errors": complaints}))
        return status, answer

    async def _read(self, request: web.Request) -> Call:
        path = request.path.removeprefix("/api/v10")
        operation, params = calls.route(request.method, path)
        body, files = await _body(request)
        token = request.headers.get("Authorization", "")
        return Call(operation, path, params, dict(request.query), body, self._world.clock(), files, token)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        content = self._world.files.get(request.path)
        return web.Response(status=404) if content is None else web.Response(body=content)

    async def _vanish(self, request: web.Request, how: str) -> web.StreamResponse:
        if how == "hang":
            await self._stopping.wait()
        # Aborted, not closed: the client sees the connection die and cannot know whether the call was done.
        if request.transport:
            request.transport.abort()
        return web.Response()

    def _ratelimited(self, call: Call, headers: dict[str, str], scope: str) -> web.StreamResponse:
        if scope == "cloudflare":
            return web.Response(status=429, text="error code: 1015", content_type="text/html")
        wait = float(headers["X-RateLimit-Reset-After"]) if call.operation in self.rates.limits else 0.0
        wait = wait or self.faults.retry_after
        answer: Json = {"message": "You are being rate limited.", "retry_after": wait, "global": scope == "global"}
        self.refusals.append((call.operation, answer))
        more = {"Via": "1.1 google", "Retry-After": f"{wait:.3f}", "X-RateLimit-Scope": scope}
        more |= {"X-RateLimit-Global": "true"} if scope == "global" else {"X-RateLimit-Remaining": "0"}
        return _answer(429, answer, {**headers, **more})


def _answer(status: int, answer: Any, headers: dict[str, str]) -> web.Response:
    if status == 204:
        return web.Response(status=204, headers=headers)
    return web.Response(status=status, body=json.dumps(answer).encode(), headers={**headers, **_JSON})


async def _body(request: web.Request) -> tuple[Json, list[File]]:
    if request.content_type != "multipart/form-data":
        raw = await request.read()
        return (json.loads(raw) if raw else {}), []
    body: Json = {}
    files: list[File] = []
    for name, part in (await request.post()).items():
        if name == "payload_json":
            body = json.loads(part.file.read() if isinstance(part, web.FileField) else part)
        elif isinstance(part, web.FileField):
            key = name.removeprefix("files[").removesuffix("]")
            files.append(File(key, part.filename, part.file.read(), part.content_type))
    return body, files
