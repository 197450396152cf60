"""The address that Discord posts to in HTTP mode. Nothing is read from a body before its signature is right."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sayso_discord import parse

Handle = Callable[[Any], Awaitable[dict[str, Any] | None]]

_STAMP, _SIGNATURE = "X-Signature-Timestamp", "X-Signature-Ed25519"
_PING, _PONG = 1, {"type": 1}


def add_routes(
    routes: web.Application, handle: Handle, answered: Callable[[Any], None], key: str, now: Callable[[], float]
) -> None:
    """Serve `/discord/interactions`; *answered* hears when a response has left, *now* is in seconds since 1970."""

    async def interactions(request: web.Request) -> web.Response:
        stamps, signatures = request.headers.getall(_STAMP, []), request.headers.getall(_SIGNATURE, [])
        if len(stamps) != 1 or len(signatures) != 1 or not parse.plausible(stamps[0], signatures[0], now()):
            raise web.HTTPUnauthorized(text="not signed by Discord")
        # the signature needs the body, which is bounded; whoever sends none is not listened to
        body = await request.read()
        if not parse.verify(key, stamps[0], signatures[0], body, now()):
            raise web.HTTPUnauthorized(text="not signed by Discord")
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


def _object(body: bytes) -> dict[str, Any]:
    try:
        payload: Any = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise web.HTTPBadRequest(text="not a payload")
    return payload  # pyright: ignore[reportUnknownVariableType]
