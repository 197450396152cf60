"""The two addresses that Slack posts to in HTTP mode. Nothing is read from a body before its signature is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import yarl
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from sayso import store, unsigned
from sayso_slack import parse

_STAMP, _SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"


def add_routes(
    routes: web.Application,
    app: AsyncApp,
    secret: str,
    now: Callable[[], float],
    records: store.Store | None = None,
) -> None:
    """Serve `/slack/interactions` and `/slack/events`; *now* is the time in seconds since 1970.

    What is not signed is noted in *records*.
    """
    gate = _Gate(secret, now, unsigned.Unsigned("Slack", now, records))

    async def interactions(request: web.Request) -> web.Response:
        body = await gate.verified(request)
        return await _answered(app, _object(_field(body)))

    async def events(request: web.Request) -> web.Response:
        body = await gate.verified(request)
        return await _answered(app, _object(body.decode(errors="replace")))

    routes.router.add_post("/slack/interactions", interactions)
    routes.router.add_post("/slack/events", events)


class _Gate:
    """Lets in what Slack signed."""

    def __init__(self, secret: str, now: Callable[[], float], others: unsigned.Unsigned) -> None:
        self._secret = secret
        self._now = now
        self._others = others

    async def verified(self, request: web.Request) -> bytes:
        """The body, where its signature is right; nothing of it is read where that cannot be."""
        now = self._now()
        stamps, signatures = request.headers.getall(_STAMP, []), request.headers.getall(_SIGNATURE, [])
        if len(stamps) != 1 or len(signatures) != 1:
            raise web.HTTPUnauthorized(text="not signed by Slack")
        if not parse.plausible(stamps[0], signatures[0], now):
            await self._others.refused("its time is not near the one here: set this machine's clock")
            raise web.HTTPUnauthorized(text="not signed by Slack")
        # the signature needs the body, which is bounded; whoever sends none is not listened to
        body = await request.read()
        if not parse.verify(self._secret, stamps[0], signatures[0], body, now):
            await self._others.refused("copy SLACK_SIGNING_SECRET again from the app's Basic Information page")
            raise web.HTTPUnauthorized(text="not signed by Slack")
        await self._others.taken()
        return body


async def _answered(app: AsyncApp, payload: dict[str, Any]) -> web.Response:
    try:
        # verified and parsed already, like what comes over a socket
        asked = AsyncBoltRequest(body=payload, mode="socket_mode")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise web.HTTPBadRequest(text="not a payload") from error
    answer = await app.async_dispatch(asked)
    # 500 is Bolt's own failing on a payload that is none; what we could not do now is a 503
    status = 400 if answer.status == 500 else answer.status
    content_type = answer.first_headers().get("content-type", "text/plain").partition(";")[0]
    return web.Response(status=status, text=answer.body, content_type=content_type)


def _field(body: bytes) -> str:
    # a tenth of the time that the standard library takes for a form
    return yarl.URL.build(query_string=body.decode(errors="replace"), encoded=True).query.get("payload", "")


def _object(document: str) -> dict[str, Any]:
    try:
        payload: Any = json.loads(document)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise web.HTTPBadRequest(text="not a payload")
    return cast("dict[str, Any]", payload)
