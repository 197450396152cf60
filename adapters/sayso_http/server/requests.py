"""Handlers of requests: read what came, call the desk, write what it said. No rule about requests is in here."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from sayso import aside, errors, machine, model
from sayso.desk import Desk
from sayso.desk.answering import attending, passing_on, revealing, searching
from sayso.desk.keys import Authenticate
from sayso.desk.posting import batching
from sayso.desk.upkeep import tracing
from sayso.stores import Query, Store, protocol
from sayso_http import finding, log_rows, routes, tickets, webhooks
from sayso_http.server import access, held_polls, reading, responses, waits


class Requests:
    """The handlers for `/v1/requests` and what is below it."""

    def __init__(
        self,
        desk: Desk,
        authenticate: Authenticate[web.Request],
        held: waits.Waits,
        polls: held_polls.HeldPolls,
        check_callback: Callable[[str], object] | None,
    ) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._waits = held
        self._polls = polls
        self._check_callback = check_callback
        self._turns = weakref.WeakValueDictionary[str, asyncio.Lock]()

    async def create(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Ask."""
        wanted = await reading.body(request, model.Request, most=routes.ASK_LIMIT)
        length = request.content_length or 0
        if length > routes.BODY_LIMIT and all(one.data is None for one in wanted.attachments):
            raise web.HTTPRequestEntityTooLarge(routes.BODY_LIMIT, length)
        webhooks.refuse_reserved(wanted.id)
        if wanted.callback_url and self._check_callback:
            self._check_callback(wanted.callback_url)
        named = _give_id(wanted, request, caller.key.name)
        held = reading.flag(request.query.get("held"), "held")
        async with self._polls.begin(named, caller.key.name) if held else contextlib.nullcontext(named) as asked:
            with tracing.received(request.headers.get(tracing.HEADER)):
                ticket, new = await self._desk.admit(asked, caller.key.caller)
        # a new request has no cards yet: one read less
        return responses.write(tickets.to_document(ticket), 201) if new else await self._show(ticket, caller)

    async def list(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """List what this key may see."""
        asked = request.query
        limit = reading.whole(asked.get("limit"), "limit", 50, routes.LARGEST_PAGE, least=1)
        before = await caller.ticket(asked["before"]) if "before" in asked else None
        query = Query(
            state=_state(asked.get("state")),
            session=asked.get("session"),
            prefix=asked.get("prefix"),
            limit=limit,
            before=_cursor(before) if before else None,
        )
        narrowed = asked.keys() & finding.SCHEMAS.keys()
        # one page of a key at a time, until it is sent: a page may be large, and a key may ask for many at once
        async with self._turns.setdefault(caller.key.name, asyncio.Lock()):
            response = await (self._find(caller, asked, query) if narrowed else self._page(caller, query))
            await response.prepare(request)
            await response.write_eof()
        return response

    async def _page(self, caller: access.HttpCaller, query: Query) -> web.Response:
        found = await caller.tickets(query)
        full = bool(found) and (len(found) == query.limit or await _is_more(caller, query, found[-1]))
        return await self._write_page(caller, found, found[-1].id if full else None)

    async def _write_page(
        self, caller: access.HttpCaller, found: Sequence[model.Ticket], following: str | None
    ) -> web.Response:
        cards = await _cards_by_ticket(self._desk.store, found)
        documents = [self._document(ticket, cards[ticket.id], caller) for ticket in found]
        page = tickets.Page.model_construct(requests=tuple(documents), next=following)
        return await aside.run(responses.write, page)

    async def _find(self, caller: access.HttpCaller, asked: Mapping[str, str], query: Query) -> web.Response:
        """A page of a search, which looks at so many requests and no more."""
        if query.prefix is not None:
            raise errors.InvalidRequest("prefix stands alone", field="prefix", hint="leave the others out")
        operator, approver = caller.key.role == "operator", caller.key.role == "approver"
        found = await searching.run(
            self._desk,
            searching.read(asked),
            query.limit,
            query.before,
            actor=caller.key.actor if approver else None,
            reader=None if operator else caller.tickets,
        )
        return await self._write_page(caller, found.tickets, found.last.id if found.last else None)

    async def read(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Read one, at once or once it is decided."""
        asked = request.query
        seconds, held = reading.seconds(asked.get("wait")), reading.flag(asked.get("held"), "held")
        ticket = await caller.ticket(request.match_info["id"])
        if asked.get("held") == "false" and ticket.owner == caller.key.name:
            await self._desk.attendance.release(ticket.id)
        if seconds and ticket.decision is None:
            # others may look on as they like; only who asked can end what it waits for
            mine = held and ticket.owner == caller.key.name
            waiting = self._polls.wait_for_decision(request, ticket, seconds) if mine else None
            ticket = await (waiting or self._waits.wait_for_decision(self._desk, ticket, seconds))
            # the key may have been revoked meanwhile
            await self._authenticate(request)
        return await self._show(ticket, caller)

    async def answer(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Answer as the person behind the key."""
        answer = await reading.body(request, model.Answer)
        id, shown = request.match_info["id"], request.query.get("shown", "")
        ticket = await caller.may_know(id)
        told = await self._desk.answer(id, answer, caller.key.actor, shown=shown.split(","), loaded=ticket)
        return await self._show(told, caller)

    async def pass_on(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Ask somebody else, as the person behind the key."""
        wanted = await reading.body(request, tickets.PassOn)
        id = request.match_info["id"]
        await caller.may_know(id)
        return await self._show(await passing_on.pass_on(self._desk, id, wanted.to, caller.key.actor), caller)

    async def claim(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Take it on, as the person behind the key."""
        id = request.match_info["id"]
        await caller.may_know(id)
        return await self._show(await attending.claim(self._desk, id, caller.key.actor), caller)

    async def reveal(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Show it with its secrets, and put that on record."""
        ticket = await caller.ticket(request.match_info["id"])
        if caller.key.role == "operator":
            name = caller.key.name
            by = model.Person(id=name, name=name, account=f"key:{name}", member=True)
            await revealing.note(self._desk, ticket, by)
        elif not caller.asked(ticket.owner):
            await revealing.reveal(self._desk, ticket, caller.key.actor)
        cards = (await _cards_by_ticket(self._desk.store, [ticket]))[ticket.id]
        return responses.write(tickets.to_document(machine.read(ticket, self._desk.clock.now()), cards))

    async def snooze(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Put it off, for the person behind the key."""
        wanted = await reading.body(request, tickets.Snooze)
        id = request.match_info["id"]
        await caller.may_know(id)
        return await self._show(await attending.snooze(self._desk, id, wanted.seconds, caller.key.actor), caller)

    async def cancel(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Withdraw."""
        wanted = await reading.body(request, tickets.Cancel, empty=True)
        ticket = await caller.ticket(request.match_info["id"])
        return await self._show(await self._desk.cancel(ticket.id, caller.key.caller, wanted.reason, ticket), caller)

    async def use(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Use an allow, once."""
        wanted = await reading.body(request, tickets.Use, empty=True)
        ticket = await caller.ticket(request.match_info["id"])
        used = await self._desk.use(ticket.id, caller.key.caller, attempt=wanted.attempt, loaded=ticket)
        return await self._show(used, caller)

    async def log(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Show a page of what happened."""
        asked = request.query
        after = reading.whole(asked.get("after"), "after", 0)
        limit = reading.whole(asked.get("limit"), "limit", protocol.LOG_PAGE, protocol.LOG_PAGE, least=1)
        ticket, store = await caller.ticket(request.match_info["id"]), self._desk.store
        found = await store.log(ticket.id, after, limit)
        rows = tuple(log_rows.to_log_row(caller.shown_row(row, ticket.owner)) for row in found)
        more = bool(rows) and await store.log(ticket.id, rows[-1].number, 1)
        return responses.write(log_rows.Log.model_construct(rows=rows, next=rows[-1].number if more else None))

    def _document(
        self, ticket: model.Ticket, cards: Sequence[model.PostedCard], caller: access.HttpCaller
    ) -> tickets.Document:
        return tickets.to_document(caller.shown(machine.read(ticket, self._desk.clock.now())), cards)

    async def _show(self, ticket: model.Ticket, caller: access.HttpCaller) -> web.Response:
        cards = (await _cards_by_ticket(self._desk.store, [ticket]))[ticket.id]
        return responses.write(self._document(ticket, cards, caller))


async def _is_more(caller: access.HttpCaller, query: Query, last: model.Ticket) -> bool:
    """Whether a page that is shorter than was asked for was cut at its size."""
    return bool(await caller.tickets(dataclasses.replace(query, before=_cursor(last), limit=1)))


async def _cards_by_ticket(store: Store, found: Sequence[model.Ticket]) -> Mapping[str, Sequence[model.PostedCard]]:
    cards: dict[str, list[model.PostedCard]] = {ticket.id: [] for ticket in found}
    for id, posted in await batching.cards_of(store, *cards):
        cards[id].append(posted)
    return cards


def _cursor(ticket: model.Ticket) -> tuple[datetime, str]:
    return ticket.created_at, ticket.id


def _state(text: str | None) -> model.State | None:
    match text:
        case None | "pending" | "decided":
            return text
        case _:
            raise errors.InvalidRequest("there is no such state", field="state", hint="pending or decided")


def _give_id(wanted: model.Request, request: web.Request, owner: str) -> model.Request:
    """Give the request an id: its own, or one that follows from `Idempotency-Key`, so that a retry finds it again."""
    given = request.headers.get("Idempotency-Key")
    if wanted.id or given is None:
        return wanted
    if not 1 <= len(given) <= routes.LONGEST_RETRY_KEY:
        message = f"Idempotency-Key has 1 to {routes.LONGEST_RETRY_KEY} characters"
        raise errors.InvalidRequest(message, field="Idempotency-Key")
    # the owner is part of it: two agents that use the same key ask two things
    name = hashlib.sha256(f"{owner}\n{given}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return wanted.model_copy(update={"id": f"idem_{name}"})
