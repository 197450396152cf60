"""The routes of the API: read what came, call the desk, write what it said. No rule about requests is in here."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

from aiohttp import web

from sayso import aside, errors, machine, model
from sayso.desk import Desk
from sayso.stores import Query
from sayso_http import (
    access,
    attended,
    auth,
    health,
    metrics,
    openapi,
    reading,
    replies,
    resume,
    sessions,
    stream,
    tickets,
    waits,
    webhooks,
)

# Requests on one page, and bytes of stored requests: the largest has about 1 MiB.
_MOST, _MOST_BYTES = 200, 8 * 1_048_576


def add_routes(
    app: web.Application,
    desk: Desk,
    *,
    authenticate: auth.Authenticate,
    ready: Mapping[str, health.Check] | None = None,
    alive: Mapping[str, health.Check] | None = None,
    check_callback: Callable[[str], object] | None = None,
    longest_silence: float = stream.SILENCE,
) -> None:
    """Add the API to *app*, which brings the middlewares `auth.errors_as_json` and `auth.known_hosts`.

    *ready* are the checks of `/readyz` by name, beside the store's own; *alive* those of `/healthz`. *check_callback*
    refuses a callback address (`addresses.check_callback_url`). *longest_silence* is after how many seconds an event
    stream says that it lives.
    """
    held = waits.Waits()
    app.on_shutdown.append(held.stop)
    polls = attended.Polls(desk, held)
    app.on_cleanup.append(polls.close)
    routes = _Requests(desk, authenticate, held, polls, check_callback)
    one_time = resume.Addresses(desk, authenticate)
    hooks = webhooks.Webhooks(desk, authenticate, held)
    events = stream.Stream(desk, authenticate, held, longest_silence)
    probes = health.Probes(desk, ready or {}, alive)
    app.router.add_post("/v1/requests", routes.create)
    app.router.add_get("/v1/requests", routes.list)
    app.router.add_get("/v1/requests/{id}", routes.read)
    app.router.add_post("/v1/requests/{id}/answers", routes.answer)
    app.router.add_post("/v1/requests/{id}/cancel", routes.cancel)
    app.router.add_post("/v1/requests/{id}/use", routes.use)
    app.router.add_get("/v1/requests/{id}/log", routes.log)
    app.router.add_post("/v1/requests/{id}/resume", one_time.make)
    app.router.add_post("/v1/sessions/{session}/notes", sessions.Sessions(desk, authenticate).note)
    app.router.add_post("/resume/{token}", one_time.use)
    app.router.add_post("/v1/webhooks", hooks.make)
    app.router.add_post("/v1/webhooks/{id}/reply", hooks.reply)
    app.router.add_post("/webhook/{token}", hooks.take)
    app.router.add_get("/v1/events", events.serve, allow_head=False)
    app.router.add_get("/v1/openapi.json", openapi.serve)
    app.router.add_get("/healthz", probes.alive)
    app.router.add_get("/readyz", probes.ready)
    app.router.add_get("/metrics", metrics.Metrics(desk).serve)


class _Requests:
    def __init__(
        self,
        front: Desk,
        authenticate: auth.Authenticate,
        held: waits.Waits,
        polls: attended.Polls,
        check_callback: Callable[[str], object] | None,
    ) -> None:
        self._desk = front
        self._authenticate = authenticate
        self._waits = held
        self._polls = polls
        self._check_callback = check_callback
        self._turns: dict[str, asyncio.Lock] = {}

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        owner = caller.may_ask()
        wanted = await reading.body(request, model.Request)
        webhooks.reserved(wanted.id)
        if wanted.callback_url and self._check_callback:
            self._check_callback(wanted.callback_url)
        named = _named(wanted, request, owner.owner)
        held = reading.flag(request.query.get("held"), "held")
        async with self._polls.begin(named, owner.owner) if held else contextlib.nullcontext(named) as asked:
            ticket, new = await self._desk.admit(asked, owner)
        # a new request has no cards yet: one read less
        return replies.reply(tickets.document(ticket), 201) if new else await self._answered(ticket)

    async def list(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        asked = reading.query(request, {"state", "limit", "before", "session", "prefix"})
        limit = reading.whole(asked.get("limit"), "limit", 50, _MOST, least=1)
        before = await caller.ticket(asked["before"]) if "before" in asked else None
        query = Query(
            state=_state(asked.get("state")),
            session=asked.get("session"),
            prefix=asked.get("prefix"),
            limit=limit,
            before=_place(before) if before else None,
            most_bytes=_MOST_BYTES,
        )
        # one page of a key at a time, until it is sent: a page may be large, and a key may ask for many at once
        async with self._turns.setdefault(caller.key.name, asyncio.Lock()):
            response = await self._page(caller, query)
            await response.prepare(request)
            await response.write_eof()
        return response

    async def _page(self, caller: access.Caller, query: Query) -> web.Response:
        found = await caller.tickets(query)
        documents = [await self._document(ticket) for ticket in found]
        full = bool(found) and (len(found) == query.limit or await _is_more(caller, query, found[-1]))
        following = found[-1].id if full else None
        page = tickets.Page.model_construct(requests=tuple(documents), next=following)
        return await aside.run(replies.reply, page)

    async def read(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        asked = reading.query(request, {"wait", "held"})
        seconds, held = reading.seconds(asked.get("wait")), reading.flag(asked.get("held"), "held")
        ticket = await caller.ticket(request.match_info["id"])
        if asked.get("held") == "false" and ticket.owner == caller.key.name:
            await self._desk.attendance.release(ticket.id)
        if seconds and ticket.decision is None:
            # others may look on as they like; only who asked can end what it waits for
            mine = held and ticket.owner == caller.key.name
            waiting = self._polls.decided(request, ticket, seconds) if mine else None
            ticket = await (waiting or self._waits.decided(self._desk, ticket, seconds))
            # the key may have been revoked meanwhile
            await self._authenticate(request)
        return await self._answered(ticket)

    async def answer(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        actor = caller.key.actor
        given = await reading.body(request, model.Answer)
        await caller.may_know(request.match_info["id"])
        return await self._answered(await self._desk.answer(request.match_info["id"], given, actor))

    async def cancel(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        owner = caller.may_cancel()
        wanted = await reading.body(request, tickets.Cancel, empty=True)
        ticket = await caller.ticket(request.match_info["id"])
        return await self._answered(await self._desk.cancel(ticket.id, owner, wanted.reason))

    async def use(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        owner = caller.may_ask()
        wanted = await reading.body(request, tickets.Use, empty=True)
        ticket = await caller.ticket(request.match_info["id"])
        return await self._answered(await self._desk.use(ticket.id, owner, attempt=wanted.attempt))

    async def log(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        ticket = await caller.ticket(request.match_info["id"])
        rows = tuple(stream.log_row(row) for row in await self._desk.store.log(ticket.id))
        return replies.reply(stream.Log.model_construct(rows=rows))

    async def _caller(self, request: web.Request) -> access.Caller:
        return access.Caller(self._desk, await self._authenticate(request))

    async def _document(self, ticket: model.Ticket) -> tickets.Document:
        now = machine.read(ticket, self._desk.clock.now())
        return tickets.document(now, await self._desk.store.refs(ticket.id))

    async def _answered(self, ticket: model.Ticket) -> web.Response:
        return replies.reply(await self._document(ticket))


async def _is_more(caller: access.Caller, query: Query, last: model.Ticket) -> bool:
    """Whether a page that is shorter than was asked for was cut at its size."""
    return bool(await caller.tickets(dataclasses.replace(query, before=_place(last), limit=1)))


def _place(ticket: model.Ticket) -> tuple[datetime, str]:
    return ticket.created_at, ticket.id


def _state(text: str | None) -> model.State | None:
    match text:
        case None | "pending" | "decided":
            return text
        case _:
            raise errors.InvalidRequest("there is no such state", field="state", hint="pending or decided")


def _named(wanted: model.Request, request: web.Request, owner: str) -> model.Request:
    """The request with an id: its own, or one that follows from `Idempotency-Key`, so that a retry finds it again."""
    given = request.headers.get("Idempotency-Key")
    if wanted.id or given is None:
        return wanted
    if not 1 <= len(given) <= 255:
        raise errors.InvalidRequest("Idempotency-Key has 1 to 255 characters", field="Idempotency-Key")
    # the owner is part of it: two agents that use the same key ask two things
    name = hashlib.sha256(f"{owner}\n{given}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return wanted.model_copy(update={"id": f"idem_{name}"})
