"""How payloads reach the app: Socket Mode connections or signed HTTP posts, and what came back in time.

Rule: an interaction is sent once and is lost when nobody acknowledges it; an event is sent up to four times.
"""

import asyncio
import hashlib
import hmac
import json
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from tests.fakes.slack.controls import Json
from tests.fakes.slack.world import APP, World

_MOST_CONNECTIONS = 10
_EVENT_RETRIES = 3  # Events API: at once, after a minute, after five minutes; here as soon as the app can be reached


@dataclass(frozen=True)
class Delivery:
    """One payload and what became of it: acknowledged within the deadline, after how many seconds, with what."""

    payload: Json
    acked: bool
    seconds: float
    answer: Json | None = None
    why: str = ""
    attempt: int = 0


class Route(Protocol):
    """One way to the app."""

    async def reachable(self) -> None:
        """Return when the app can be reached; TimeoutError when it does not come back."""

    async def send(self, kind: str, payload: Json, attempt: int, reason: str) -> Delivery:
        """Deliver once."""
        ...


class Post:
    """The post office: picks the route, repeats events, records every delivery."""

    def __init__(self, world: World, route: Route) -> None:
        self._world = world
        self.route = route
        self.sent: list[Delivery] = []

    async def interaction(self, payload: Json) -> Delivery:
        """Send a click, submission or shortcut, once."""
        return self._record(await self.route.send("interactive", payload, 0, ""))

    async def command(self, payload: Json) -> Delivery:
        """Send a slash command, once."""
        return self._record(await self.route.send("slash_commands", payload, 0, ""))

    async def event(self, payload: Json) -> Delivery:
        """Send an event until it is acknowledged or the retries are used up."""
        done = self._record(await self.route.send("events_api", payload, 0, ""))
        for attempt in range(1, _EVENT_RETRIES + 1):
            if done.acked:
                break
            # The real waits are minutes; a test only needs "later, when the app is back".
            await self.route.reachable()
            done = self._record(await self.route.send("events_api", payload, attempt, done.why))
        return done

    def _record(self, done: Delivery) -> Delivery:
        self.sent.append(done)
        self._world.changed()
        return done


class Sockets:
    """The Socket Mode end: each payload goes to one connection, picked by chance."""

    def __init__(self, world: World, ack_within: float) -> None:
        self._world = world
        self._ack_within = ack_within
        self._links: set[str] = set()
        self._expected: dict[str, asyncio.Future[Json]] = {}
        self.open: list[web.WebSocketResponse] = []
        self.late_acks: list[Json] = []

    def link(self) -> str:
        """The address of one new connection, for `apps.connections.open`."""
        ticket = f"{self._world.number()}"
        self._links.add(ticket)
        return f"{self._world.base_url.replace('http', 'ws', 1)}/link?ticket={ticket}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The websocket handler."""
        if request.query.get("ticket") not in self._links:
            return web.Response(status=403)
        self._links.discard(request.query["ticket"])
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        if len(self.open) >= _MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            return socket
        await self._hello(socket)
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._acked(json.loads(frame.data))
        finally:
            self.open = [other for other in self.open if other is not socket]
            self._world.changed()
        return socket

    async def reachable(self) -> None:
        """Wait for a connection."""
        await self._world.until(lambda: self.open)

    async def send(self, kind: str, payload: Json, attempt: int, reason: str) -> Delivery:
        """One envelope to one connection; an ack on any connection counts."""
        if not self.open:
            return Delivery(payload, acked=False, seconds=0.0, why="no connection", attempt=attempt)
        envelope_id, started = f"envelope-{self._world.number()}", time.monotonic()
        envelope: Json = {"type": kind, "envelope_id": envelope_id, "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        expected = self._expected[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            # Slack promises no order and no affinity: two clicks on one card may land on two replicas of the app.
            await self._world.chance.choice(self.open).send_json(envelope)
            ack = await asyncio.wait_for(expected, self._ack_within)
        except TimeoutError:
            return Delivery(payload, acked=False, seconds=self._ack_within, why="timeout", attempt=attempt)
        except ConnectionError:
            return Delivery(payload, acked=False, seconds=0.0, why="connection_failed", attempt=attempt)
        finally:
            del self._expected[envelope_id]
        return Delivery(payload, True, time.monotonic() - started, ack.get("payload"), "", attempt)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to come back on a new address, as Slack does every few hours."""
        for socket in list(self.open):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "fake"}})

    async def close(self) -> None:
        """Close every connection without a word before."""
        for socket in list(self.open):
            await socket.close()

    async def _hello(self, socket: web.WebSocketResponse) -> None:
        self.open.append(socket)
        debug: Json = {"host": "fake", "approximate_connection_time": 3600}
        hello: Json = {"type": "hello", "num_connections": len(self.open), "connection_info": {"app_id": APP}}
        await socket.send_json({**hello, "debug_info": debug})
        self._world.changed()

    def _acked(self, ack: Json) -> None:
        # After a reconnect the SDK acks on its new socket, so an ack is matched by envelope, not by connection.
        expected = self._expected.get(ack["envelope_id"])
        if expected is None or expected.done():
            self.late_acks.append(ack)
        else:
            expected.set_result(ack)
        self._world.changed()


class Http:
    """The HTTP end: posts to the app's request URLs, signed with the signing secret."""

    def __init__(self, base: str, secret: str, ack_within: float, session: aiohttp.ClientSession) -> None:
        self._base = base.rstrip("/")
        self._secret = secret
        self._within = aiohttp.ClientTimeout(total=ack_within)
        self._session = session
        self.paths = {
            "interactive": "/slack/interactions",
            "events_api": "/slack/events",
            "slash_commands": "/slack/commands",
        }

    async def reachable(self) -> None:
        """A post tells; there is nothing to wait for."""

    async def send(self, kind: str, payload: Json, attempt: int, reason: str) -> Delivery:
        """One post: a form field for interactions, a form for commands, JSON for events."""
        body, content_type = json.dumps(payload), "application/json"
        if kind != "events_api":
            fields: Json = {"payload": body} if kind == "interactive" else payload
            body, content_type = urllib.parse.urlencode(fields), "application/x-www-form-urlencoded"
        headers = {"Content-Type": content_type, **self.signature(body)}
        if attempt:
            headers |= {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason}
        started = time.monotonic()
        try:
            status, answer = await self._exchange(self._base + self.paths[kind], body, headers)
        except TimeoutError:
            return Delivery(payload, False, time.monotonic() - started, None, "http_timeout", attempt)
        except aiohttp.ClientError:
            return Delivery(payload, False, time.monotonic() - started, None, "connection_failed", attempt)
        why = "" if status == 200 else f"http_error {status}"
        return Delivery(payload, status == 200, time.monotonic() - started, answer, why, attempt)

    def signature(self, body: str, *, age: float = 0.0) -> dict[str, str]:
        """The two signature headers; uses the real time because the app under test compares with it."""
        stamp = str(int(time.time() - age))
        digest = hmac.new(self._secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}

    async def _exchange(self, url: str, body: str, headers: dict[str, str]) -> tuple[int, Json | None]:
        async with self._session.post(url, data=body, headers=headers, timeout=self._within) as response:
            text = await response.text()
        answer: Any = json.loads(text) if text.startswith("{") else None
        return response.status, answer
