"""The three addresses that Slack posts to in HTTP mode. Nothing is read from a body before its signature is right."""

from __future__ import annotations

import functools
from collections.abc import Callable

import yarl
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from sayso.chat import received, unsigned
from sayso.chat.admission import Admission
from sayso.chat.received import Json
from sayso.stores import Store
from sayso_slack import parse
from sayso_slack.app import UNREADABLE, Handle, note_unreadable

_STAMP, _SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
_WRONG_KEY = "copy SLACK_SIGNING_SECRET again from the app's Basic Information page"


def add_routes(
    routes: web.Application,
    app: AsyncApp,
    handle: Handle,
    secret: str,
    seconds: Callable[[], float],
    store: Store | None = None,
) -> None:
    """Serve `/slack/interactions`, `/slack/events` and `/slack/commands`; *seconds* is the time since 1970.

    Bolt hands everything on to *handle*, which gets presses at once. Posts that are not signed are noted in *store*.
    """
    verify = functools.partial(parse.verify, secret)
    admission = Admission(parse.is_plausible, verify, _WRONG_KEY, seconds, unsigned.Unsigned("Slack", seconds, store))

    async def interactions(request: web.Request) -> web.Response:
        form = _read_form(await _admit(admission, request))
        payload = received.document(form.get("payload", ""))
        if payload is not None and payload.get("type") in parse.PRESSES:
            # Bolt would look for who takes it, at a tenth of what all of a press costs; what it refuses is odd, too
            return _write(await handle(payload))
        return await _respond(app, payload)

    async def events(request: web.Request) -> web.Response:
        body = await _admit(admission, request)
        return await _respond(app, received.document(body.decode(errors="replace")))

    async def commands(request: web.Request) -> web.Response:
        return await _respond(app, _read_form(await _admit(admission, request)))

    routes.router.add_post("/slack/interactions", interactions)
    routes.router.add_post("/slack/events", events)
    routes.router.add_post("/slack/commands", commands)


async def _admit(admission: Admission, request: web.Request) -> bytes:
    headers = request.headers
    body = await admission.body(headers.getall(_STAMP, []), headers.getall(_SIGNATURE, []), request.read)
    if body is None:
        raise web.HTTPUnauthorized(text="not signed by Slack")
    return body


async def _respond(app: AsyncApp, payload: Json | None) -> web.Response:
    if payload is None:
        raise web.HTTPBadRequest(text="not a payload")
    try:
        # verified and parsed already, like what comes over a socket
        return _write(await app.async_dispatch(AsyncBoltRequest(body=payload, mode="socket_mode")))
    except UNREADABLE as error:
        note_unreadable(error)
        raise web.HTTPBadRequest(text="not a payload") from error


def _write(answer: BoltResponse) -> web.Response:
    content_type = answer.first_headers().get("content-type", "text/plain").partition(";")[0]
    return web.Response(status=answer.status, text=answer.body, content_type=content_type)


def _read_form(body: bytes) -> Json:
    # a tenth of the time that the standard library takes for a form
    return dict(yarl.URL.build(query_string=body.decode(errors="replace"), encoded=True).query)
