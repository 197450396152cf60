"""The pages of the inbox, and the one address that takes presses. The desk decides; this shows what it said."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from aiohttp import web

from sayso import aside, errors, model
from sayso.cards import card, dialog, history, masked, sections, telling, tokens
from sayso.chat import talk
from sayso.content import images
from sayso.desk import Desk
from sayso.desk.admission import pictures
from sayso.desk.answering import viewing
from sayso.desk.upkeep import reloads, stops
from sayso.machine import priorities
from sayso.stores import Query
from sayso_web import cursors, inputs, live, numbers, render, sessions, timeline, view
from sayso_web.guard import Guard

# More than anybody works through; beyond it those that expire first are shown and the page says so.
MOST_WAITING = 200
ROWS = 20
# Tickets that are read and drawn at once.
_AT_ONCE = 20

# The script asks for the card alone; without it the browser gets a page.
FRAGMENT = "Sayso-Fragment"


# An image that somebody opens by itself can do nothing, whatever is in it.
_ALONE = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, max-age=3600"}


class Inbox:
    """Handlers for `/`, `/requests/{id}` and `/press`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def index(self, request: web.Request) -> web.Response:
        """Show what waits, what is urgent and then what expires first on top, and below it what was decided."""
        session = await self._guard.session_of(request)
        own = await view.of(self._desk, session)
        before = cursors.read(request.query.get("before"))
        # read before the tickets: what is stored in between comes again as news
        after = await self._desk.store.last_row()
        waiting = [] if before else await self._read_waiting(own)
        decided, following = await self._read_decided(own, before)
        return self._page(
            "inbox.html",
            session,
            after=after,
            older=before is not None,
            numbers=await numbers.may_read(self._desk, session),
            waiting=[one.shown for one in waiting[:MOST_WAITING]],
            mine=sum(one.mine for one in waiting[:MOST_WAITING]),
            more=len(waiting) > MOST_WAITING,
            stops=[history.stop_line(stop) for stop in (await stops.standing(self._desk.store)).all],
            decided=decided,
            warnings=reloads.warnings(await reloads.stands(self._desk.store, self._desk.clock.now())),
            next=following,
        )

    async def request(self, request: web.Request) -> web.Response:
        """Show one request with its log."""
        session = await self._guard.session_of(request)
        ticket = await self._desk.store.load(request.match_info["id"])
        shown = await _draw(await view.of(self._desk, session), ticket)
        await viewing.begun(self._desk, ticket, session.actor, shown)
        return await self._show_request(session, ticket, shown, log=live.read_number(request.query.get("log", "")))

    async def file(self, request: web.Request) -> web.Response:
        """Hand out all that is asked as a text file; a browser saves it, and never shows it as a page of ours."""
        await self._guard.session_of(request)
        ticket = await self._desk.store.load(request.match_info["id"])
        drawn = await self._desk.draw(ticket)
        # half a character cannot be written
        content = (await aside.run(sections.text_of, drawn)).encode("utf-8", "replace")
        headers = {"Content-Disposition": 'attachment; filename="request.txt"', "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type="text/plain", charset="utf-8", headers=headers)

    async def image(self, request: web.Request) -> web.Response:
        """Serve an attached image, as what its bytes say that it is. Raises `NotFound`."""
        await self._guard.session_of(request)
        ticket = await self._desk.store.load(request.match_info["id"])
        index = int(request.match_info["index"])
        for one in ticket.request.attachments[index : index + 1]:
            if one.kind == "image":
                body = await pictures.bytes_of(self._desk.store, ticket.id, one)
                found = one.media_type if one.sha256 else images.type_of(one.data or "")
                return web.Response(body=body, content_type=found, headers=_ALONE)
        raise errors.NotFound("there is no such image")

    async def press(self, request: web.Request) -> web.Response:
        """Take a press on a card, or a submitted dialog."""
        session, form = await self._guard.read_post(request)
        token, own = form.first("token"), await view.of(self._desk, session)
        draft = inputs.draft_of(form.values) if form.first("submitted") else None
        try:
            before = await self._load_pressed(token)
            following = await self._desk.press(token, session.actor, view.NO_LIMITS, None, draft)
        except errors.InvalidToken:
            raise
        except errors.Refused as error:
            ticket = await self._load_pressed(token)
            shown = await aside.run(own.draw_after_error, ticket, token, draft or {}, error)
            return await self._respond(request, session, ticket, shown, error.status)
        if isinstance(following, dialog.Dialog):
            ticket = await self._load_pressed(token)
            return await self._respond(request, session, ticket, await _draw(own, ticket, view.Press(following)), 200)
        if FRAGMENT not in request.headers:
            return web.Response(status=303, headers={"Location": f"/requests/{following.id}"})
        said = view.Press(notice=_notice_of(token, following, before, session.actor.account))
        return await self._respond(request, session, following, await _draw(own, following, said), 200)

    async def _load_pressed(self, token: str) -> model.Ticket:
        return await self._desk.store.load_by_ref(tokens.read(token).ref)

    async def _respond(
        self, request: web.Request, session: sessions.Session, ticket: model.Ticket, shown: str, status: int
    ) -> web.Response:
        if FRAGMENT in request.headers:
            return web.Response(text=shown, status=status, content_type="text/html", charset="utf-8")
        return await self._show_request(session, ticket, shown, status)

    async def _show_request(
        self, session: sessions.Session, ticket: model.Ticket, shown: str, status: int = 200, *, log: int = 0
    ) -> web.Response:
        after = await self._desk.store.last_row()
        rows = await self._desk.store.log(ticket.id, log)
        later = rows[-1].number if rows and await self._desk.store.log(ticket.id, rows[-1].number, 1) else None
        told = [dataclasses.replace(row, entry=masked.entry_of(row.entry, self._desk.mint)) for row in rows]
        past = timeline.past(masked.of(ticket, self._desk.mint), told)
        coming = [*timeline.coming(ticket)]
        return self._page(
            "request.html",
            session,
            status,
            after=after,
            key=ticket.id,
            shown=shown,
            past=past,
            coming=coming,
            later=later,
        )

    async def _read_waiting(self, own: view.View) -> list[_Waiting]:
        """Read what waits, what expires first on top; a few at a time, since each may be large."""
        found: list[_Waiting] = []
        query = Query(state="pending", soonest=True, limit=_AT_ONCE)
        while len(found) <= MOST_WAITING and (some := await self._desk.store.list(query)):
            shown = await aside.run(_draw_each, own.draw_in_list, some)
            found += [
                _Waiting(drawn, own.waits(ticket), priorities.rank(ticket))
                for ticket, drawn in zip(some, shown, strict=True)
            ]
            query = dataclasses.replace(query, before=(some[-1].expires_at, some[-1].id))
        return sorted(found, key=lambda one: one.rank)

    async def _read_decided(self, own: view.View, before: tuple[datetime, str] | None) -> tuple[list[str], str | None]:
        """Read one page of what was decided, and where the next one goes on if there is one."""
        shown: list[str] = []
        query = Query(state="decided", limit=ROWS, before=before)
        while some := await self._desk.store.list(query):
            if len(shown) >= ROWS:
                return shown, cursors.write(query.before)
            shown += await aside.run(_draw_each, own.draw_row, some)
            query = dataclasses.replace(
                query, limit=max(1, ROWS - len(shown)), before=(some[-1].created_at, some[-1].id)
            )
        return shown, None

    def _page(self, name: str, session: sessions.Session, status: int = 200, **values: object) -> web.Response:
        body = render.fill(name, session=session, now=self._desk.clock.now(), **values)
        return web.Response(text=body, status=status, content_type="text/html", charset="utf-8")


class _Waiting(NamedTuple):
    """One request in the list."""

    shown: str
    mine: bool
    rank: int


def _draw_each(show: Callable[[model.Ticket], str], tickets: Iterable[model.Ticket]) -> list[str]:
    return [show(ticket) for ticket in tickets]


async def _draw(own: view.View, ticket: model.Ticket, press: view.Press = view.NOTHING) -> str:
    return await aside.run(own.draw, ticket, press)


def _notice_of(token: str, ticket: model.Ticket, before: model.Ticket, account: str) -> str | card.Line:
    """What a press did that did not decide."""
    if tokens.read(token).action == "undo":
        return talk.TAKEN_BACK
    return telling.tally(ticket, before, account) or ""
