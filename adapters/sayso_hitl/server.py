"""`POST /events`, as the observability dashboard's server takes it: any local hook may ask, no local hook may answer.

Events that ask nothing are answered and forgotten.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence

import pydantic
from aiohttp import web

from sayso import errors, model
from sayso.content import requests
from sayso.desk import Desk, keys
from sayso.desk.answering import identity
from sayso.machine import glass
from sayso.stores import Query, whole_log
from sayso_hitl import wire

log = logging.getLogger(__name__)

# Bytes. Hooks may send a whole transcript along; what people are asked about is bounded by the core.
_MOST_BYTES = 16 * model.MAX_REQUEST_BYTES
# Questions that may wait at the same time: somebody must read them.
_MOST_PENDING = 100
# The dashboard asks for this many; more than the second number are never read.
_RECENT, _MOST_RECENT = 100, 300
# The largest number that every reader of JSON takes as it is.
_NUMBERS = 2**53


def add_routes(
    app: web.Application,
    desk: Desk,
    *,
    authenticate: keys.Authenticate[web.Request],
    policy: str | None = None,
    route: Sequence[model.Place] = (),
) -> None:
    """Serve hooks of the dashboard; requests go out under *policy* and to *route*, or to the defaults.

    All that reaches *app* may ask, so it must listen on a loopback address only. Reading and answering need a key.
    """
    door = _Door(desk, authenticate, policy, tuple(route))
    app.router.add_post("/events", door.take)
    app.router.add_get("/events/recent", door.recent)
    app.router.add_post(r"/events/{number:[0-9]{1,16}}/respond", door.respond)


class _Door:
    def __init__(
        self,
        desk: Desk,
        authenticate: keys.Authenticate[web.Request],
        policy: str | None,
        route: tuple[model.Place, ...],
    ) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._common = {"policy": policy, "route": route}

    async def take(self, request: web.Request) -> web.Response:
        """`POST /events`: the saved event; if it asks something, with a status."""
        if request.content_type != "application/json":
            # a page of any site could post other types from a browser on this machine
            raise web.HTTPUnsupportedMediaType
        try:
            event = wire.event_of(await request.clone(client_max_size=_MOST_BYTES).read())
            now = int(self._desk.clock.now().timestamp() * 1000)
            event = {"timestamp": now, **event, "id": secrets.randbelow(_NUMBERS)}
            if not event.get("humanInTheLoop"):
                return web.json_response(event)
            return web.json_response(wire.saved_event(await self._ask(event)))
        except errors.InvalidRequest as error:
            log.warning("an event was refused", extra={"field": error.field})
            return web.json_response({"error": error.message}, status=400)

    async def recent(self, request: web.Request) -> web.Response:
        """`GET /events/recent`: what was asked, newest first, as far as this key may see it."""
        key = await self._authenticate(request)
        given = request.query.get("limit", str(_RECENT))
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            raise errors.InvalidRequest("limit must be a number", field="limit", hint=f"1 to {_MOST_RECENT}")
        query = Query(owner=wire.CALLER.owner, limit=min(int(given), _MOST_RECENT), most_bytes=_MOST_BYTES)
        seen = [one for one in await self._desk.store.list(query) if await self._sees(key, one)]
        return web.json_response([await self._saved_event(one) for one in seen])

    async def respond(self, request: web.Request) -> web.Response:
        """`POST /events/{id}/respond`: one answer, by the person behind an approver's key; the second gets 409."""
        actor = (await self._authenticate(request)).actor
        try:
            said = wire.Said.model_validate_json(await request.read())
        except pydantic.ValidationError as error:
            raise errors.InvalidAnswer(requests.invalid(error).message, field="body") from error
        ticket = await self._desk.get(wire.ticket_id(int(request.match_info["number"])), wire.CALLER)
        answered = await self._desk.answer(ticket.id, wire.answer_of(ticket.request, said), actor)
        return web.json_response(await self._saved_event(answered))

    async def _ask(self, event: model.JsonObject) -> model.Ticket:
        pending = Query(state="pending", owner=wire.CALLER.owner, limit=_MOST_PENDING)
        if await self._desk.store.count(pending) >= _MOST_PENDING:
            raise errors.Refused("too many questions of hooks wait already", hint="answer or cancel some")
        return await self._desk.open(wire.request_of(event, event["id"], **self._common), wire.CALLER)

    async def _saved_event(self, ticket: model.Ticket) -> model.JsonObject:
        log = whole_log(self._desk.store, ticket.id)
        return wire.saved_event(ticket, [row async for row in log if row.entry.type == "undelivered"])

    async def _sees(self, key: keys.Key, ticket: model.Ticket) -> bool:
        if key.role == "operator":
            return True
        return glass.may_see(ticket, await identity.find(self._desk, ticket, key.actor))
