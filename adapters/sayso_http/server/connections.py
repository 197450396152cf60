"""Whom the service listens to, and for how long: a limited number of connections, each with its times.

The rule: a caller that has said nothing yet costs next to nothing, and makes room for the next one. If there is no room
left, the connection is closed that has been idle the longest; one that is being answered stays.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import http_exceptions, typedefs, web

from sayso import errors
from sayso_http.server import encoded, files, responses
from sayso_http.wire_errors import Failed, Failure, Slow

# Bytes that are sent to somebody who does not read them.
_SENT_AHEAD = 262_144
# Seconds: aiohttp's own limit is never reached.
_NEVER = 3_600.0
# Seconds in which the rest of a body that nobody wanted may still come, so that its sender reads the answer.
_LINGER = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and the seconds that each of their parts may take."""

    total: int = 10_000
    per_address: int = 2_000
    head: float = 15.0
    """From the first byte of a request, or from connecting, to the end of its headers."""
    body: float = 30.0
    """From the end of the headers to the end of the body."""
    idle: float = 75.0
    """Between two requests; a proxy in front should keep its connections for less."""


# What a connection can end with without a fault of ours.
_THEIRS = (Slow, ConnectionError, web.RequestPayloadError, http_exceptions.HttpProcessingError)


class Connections:
    """The connections of one listener."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open = 0
        # in the order in which they last did something: the first ones are closed first
        self._closable: dict[Connection, None] = {}
        self._of: dict[str, _Address] = {}

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open

    def admit(self, one: Connection) -> None:
        """Count a new connection; if there are too many, an idle one makes room. Raises `TooMany`."""
        here = self._of.get(one.address)
        if here and here.open >= self.limits.per_address:
            self._make_room(here.closable, "from this address")
        if self._open >= self.limits.total:
            self._make_room(self._closable, "now")
        self._open += 1
        self._of.setdefault(one.address, _Address({})).open += 1
        one.counted = True
        self.release(one)

    def release(self, one: Connection) -> None:
        """Let this one make room for others from now on."""
        self.hold(one)
        if one.counted:
            self._closable[one] = self._of[one.address].closable[one] = None

    def hold(self, one: Connection) -> None:
        """Keep this one: it is being answered."""
        self._closable.pop(one, None)
        if here := self._of.get(one.address):
            here.closable.pop(one, None)

    def remove(self, one: Connection) -> None:
        """Forget this one: it is closed."""
        self.hold(one)
        if not one.counted:
            return
        one.counted = False
        self._open -= 1
        here = self._of[one.address]
        here.open -= 1
        if not here.open:
            del self._of[one.address]

    def _make_room(self, closable: dict[Connection, None], scope: str) -> None:
        while closable:
            oldest = next(iter(closable))
            if oldest.asking:
                # its body came meanwhile
                self.hold(oldest)
                continue
            self.remove(oldest)
            oldest.abort()
            return
        raise errors.TooMany(f"there are too many connections {scope}", hint="try again in a moment", retry_after=5.0)


@dataclass(slots=True)
class _Address:
    closable: dict[Connection, None]
    open: int = 0


class Connection(web.RequestHandler):
    """One connection, with its times."""

    def __init__(self, manager: web.Server, connections: Connections, **options: Any) -> None:
        super().__init__(manager, **options)
        self.address = ""
        self.counted = False
        self._connections = connections
        self._pipe: asyncio.BaseTransport | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._request: web.BaseRequest | None = None
        self._started = False
        self._idle = False

    @property
    def asking(self) -> bool:
        """Whether a request is being answered that has come as a whole."""
        return self._request is not None and self._request.content.is_eof()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._pipe = transport
        self.address = _count_as(transport.get_extra_info("peername"))
        try:
            self._connections.admit(self)
        except errors.TooMany as error:
            _refuse(transport, error)
            return
        super().connection_made(transport)
        self._started = True
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_alarm()
        self._connections.remove(self)
        if self._started:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._started:
            return
        if self._request is None and self._idle:
            self._await_head()
        super().data_received(data)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""
        if self._started:
            super().eof_received()

    def begin(self, request: web.BaseRequest) -> None:
        """Begin a request, of which at least the headers have come."""
        self._request = request
        self._stop_alarm()
        if request.content.is_eof():
            self._connections.hold(self)
            return
        self._connections.release(self)
        self._alarm = _after(self._connections.limits.body, self._cut_body)

    def end(self) -> None:
        """End a request, of which the answer may still be on its way; a caller that does not read it is cut off."""
        self._request = None
        self._stop_alarm()
        self._idle = True
        self._connections.release(self)
        self._alarm = _after(self._connections.limits.idle, self.abort)

    def abort(self) -> None:
        """Close it at once."""
        if isinstance(self._pipe, asyncio.Transport):
            self._pipe.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer in our form what cannot even be read as HTTP; it does not belong in the log."""
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        hint = "send HTTP/1.1 with short headers"
        answer = responses.fail(status, Failure(code="bad_request", message="this is not valid HTTP", hint=hint))
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **given: Any) -> None:
        """Log what is our fault. What a caller did wrong is told to the caller, who could fill the log with it."""
        if not isinstance(given.get("exc_info"), _THEIRS):
            super().log_exception(*args, **given)

    def _await_head(self) -> None:
        self._stop_alarm()
        self._idle = False
        self._alarm = _after(self._connections.limits.head, self.abort)

    def _cut_body(self) -> None:
        self._alarm = None
        if self._request is not None and not self._request.content.is_eof():
            hint = f"send it within {self._connections.limits.body:g} seconds"
            self._request.content.set_exception(Slow("the body did not come in time", field="body", hint=hint))

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


@web.middleware
async def limit_time(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    """Give a request its times, and refuse a body that is not sent as it is."""
    connection = request.protocol
    if isinstance(connection, Connection):
        connection.begin(request)
    try:
        encoded.refuse(request)
        return await handler(request)
    finally:
        if isinstance(connection, Connection):
            connection.end()


async def serve(runner: web.AppRunner, listener: socket.socket, limits: Limits) -> asyncio.Server:
    """Serve the application of *runner*, which is set up, on *listener*."""
    manager = runner.server
    assert manager is not None
    loop = asyncio.get_running_loop()
    # connections take this over: without it the system would buffer megabytes for each that asks and never reads
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AHEAD)
    connections = Connections(replace(limits, total=min(limits.total, files.allowed_connections())))

    def make() -> Connection:
        # the idle time is ours, and bodies stay as they were sent
        return Connection(
            manager,
            connections,
            loop=loop,
            keepalive_timeout=limits.idle + _NEVER,
            access_log=None,
            auto_decompress=False,
            lingering_time=_LINGER,
        )

    return await loop.create_server(make, sock=listener, backlog=files.QUEUE)


def _refuse(transport: asyncio.BaseTransport, error: errors.TooMany) -> None:
    if not isinstance(transport, asyncio.WriteTransport):
        return
    body = Failed(error=Failure(code=error.code, message=error.message, hint=error.hint)).model_dump_json()
    head = (
        f"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
        f"Retry-After: {error.retry_after:.0f}\r\nConnection: close\r\n\r\n"
    )
    transport.write(head.encode() + body.encode())
    transport.close()


def _count_as(peer: Any) -> str:
    """Whom a connection counts for: an IPv4 address, or the network of an IPv6 one, which has addresses without end."""
    try:
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    except (ValueError, TypeError, IndexError):
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def _after(seconds: float, then: Callable[[], object]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, then)
