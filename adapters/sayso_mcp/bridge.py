"""Serves the MCP SDK's ASGI application from aiohttp, one call at a time. It knows neither MCP nor the product."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web

from sayso.desk.upkeep import attendance

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


async def serve(app: App, request: web.Request, most_bytes: int, **extra: Any) -> web.StreamResponse:
    """What *app* answers; *extra* goes into its scope. It hears of a client that has gone.

    Raises:
        HTTPRequestEntityTooLarge: the body has more than *most_bytes*.
    """
    try:
        body = await request.clone(client_max_size=most_bytes).read()
    except ConnectionError:
        return web.Response(status=499)  # nobody reads it
    call = _Call(request, body)
    await app({**_scope(request), **extra}, call.receive, call.send)
    return call.answer()


def _scope(request: web.Request) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.raw_path.encode(),
        "query_string": request.query_string.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": None,
        "server": None,
    }


class _Call:
    def __init__(self, request: web.Request, body: bytes) -> None:
        self._request = request
        self._body: bytes | None = body
        self._response: web.StreamResponse | None = None
        self._ended = False

    async def receive(self) -> Message:
        if (body := self._body) is not None:
            self._body = None
            return {"type": "http.request", "body": body, "more_body": False}
        while not self._ended and not attendance.is_gone(self._request):  # noqa: ASYNC110 (aiohttp has no event for it)
            await asyncio.sleep(attendance.LOOK)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        # one that has gone is heard of by `receive`
        with contextlib.suppress(ConnectionError):
            await (self._begin if message["type"] == "http.response.start" else self._go_on)(message)

    async def _begin(self, message: Message) -> None:
        response = self._response = web.StreamResponse(status=message["status"])
        for name, value in message.get("headers", ()):
            # how it is framed on the wire is aiohttp's own business
            if name not in (b"connection", b"transfer-encoding"):
                response.headers.add(name.decode("latin-1"), value.decode("latin-1"))
        # at once: a client counts how long it waits for the first byte
        await response.prepare(self._request)

    async def _go_on(self, message: Message) -> None:
        self._ended = not message.get("more_body")
        response = self.answer()
        if body := message.get("body"):
            await response.write(body)
        if self._ended:
            await response.write_eof()

    def answer(self) -> web.StreamResponse:
        """What was answered; a client that left before that gets nothing."""
        return self._response or web.Response(status=499)
