"""The address that Discord posts to in HTTP mode. Nothing is read from a body before its signature is right."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from aiohttp import web

from sayso.chat import received, unsigned
from sayso.chat.admission import Admission
from sayso.chat.received import Json
from sayso.stores import Store
from sayso_discord import parse

Handle = Callable[[Json], Awaitable[Json | None]]

_STAMP, _SIGNATURE = "X-Signature-Timestamp", "X-Signature-Ed25519"
# Discord posts wrong signatures on purpose, to see that they are refused.
_WRONG_KEY = "copy DISCORD_PUBLIC_KEY again from General Information, if this goes on"
_PING, _PONG = 1, {"type": 1}


def add_routes(
    routes: web.Application,
    handle: Handle,
    responded: Callable[[Json], None],
    key: str,
    seconds: Callable[[], float],
    store: Store | None = None,
) -> None:
    """Serve `/discord/interactions`; *responded* hears when a response has left, *seconds* is the time since 1970.

    Posts that are not signed are noted in *store*.
    """
    verify = functools.partial(parse.verify, key)
    admission = Admission(parse.is_plausible, verify, _WRONG_KEY, seconds, unsigned.Unsigned("Discord", seconds, store))

    async def interactions(request: web.Request) -> web.Response:
        payload = received.document(await _admit(admission, request))
        if payload is None:
            raise web.HTTPBadRequest(text="not a payload")
        answer = _PONG if payload.get("type") == _PING else await handle(payload)
        # without an answer it was delivered twice
        response = web.json_response(answer) if answer is not None else web.Response(status=202)
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:
            responded(payload)
        return response

    routes.router.add_post("/discord/interactions", interactions)


async def _admit(admission: Admission, request: web.Request) -> bytes:
    headers = request.headers
    body = await admission.body(headers.getall(_STAMP, []), headers.getall(_SIGNATURE, []), request.read)
    if body is None:
        raise web.HTTPUnauthorized(text="not signed by Discord")
    return body
