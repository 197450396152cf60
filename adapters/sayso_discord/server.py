"""The address that Discord posts to in HTTP mode. Nothing is read from a body before its signature is right."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sayso import store, unsigned
from sayso_discord import parse

Handle = Callable[[Any], Awaitable[dict[str, Any] | None]]

_STAMP, _SIGNATURE = "X-Signature-Timestamp", "X-Signature-Ed25519"
_PING, _PONG = 1, {"type": 1}


def add_routes(
    routes: web.Application,
    handle: Handle,
    answered: Callable[[Any], None],
    key: str,
    now: Callable[[], float],
    records: store.Store | None = None,
) -> None:
    """Serve `/discord/interactions`; *answered* hears when a response has left, *now* is in seconds since 1970.

    What is not signed is noted in *records*.
    """
    gate = _Gate(key, now, unsigned.Unsigned("Discord", now, records))

    async def interactions(request: web.Request) -> web.Response:
        body = await gate.verified(request)
        payload = _object(body)
        answer = _PONG if payload.get("type") == _PING else await handle(payload)
        # without an answer it was delivered twice
        response = web.json_response(answer) if answer is not None else web.Response(status=202)
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:
            answered(payload)
        return response

    routes.router.add_post("/discord/interactions", interactions)


class _Gate:
    """Lets in what Discord signed."""

    def __init__(self, key: str, now: Callable[[], float], others: unsigned.Unsigned) -> None:
        self._key = key
        self._now = now
        self._others = others

    async def verified(self, request: web.Request) -> bytes:
        """The body, where its signature is right; nothing of it is read where that cannot be."""
        now = self._now()
        stamps, signatures = request.headers.getall(_STAMP, []), request.headers.getall(_SIGNATURE, [])
        if len(stamps) != 1 or len(signatures) != 1:
            raise web.HTTPUnauthorized(text="not signed by Discord")
        if not parse.plausible(stamps[0], signatures[0], now):
            await self._others.refused("its time is not near the one here: set this machine's clock")
            raise web.HTTPUnauthorized(text="not signed by Discord")
        # the signature needs the body, which is bounded; whoever sends none is not listened to
        body = await request.read()
        if not parse.verify(self._key, stamps[0], signatures[0], body, now):
            # Discord posts wrong ones on purpose, to see that they are refused
            await self._others.refused("copy DISCORD_PUBLIC_KEY again from General Information, if this goes on")
            raise web.HTTPUnauthorized(text="not signed by Discord")
        await self._others.taken()
        return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        payload: Any = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise web.HTTPBadRequest(text="not a payload")
    return payload  # pyright: ignore[reportUnknownVariableType]
