"""News for open pages: each change of a ticket as an event with its card, resumable by row number of the log."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress

from aiohttp import web

from sayso import aside, errors, model
from sayso.desk import Desk, attendance
from sayso_web import sessions, view
from sayso_web.guard import HEADERS, Guard

# Browsers open at most six connections to one host; one session must not use them all up.
MOST_STREAMS = 4
# Seconds between two signs of life.
SIGN_OF_LIFE = 10.0
# A page that missed more rows than this is read again.
LONGEST_GAP = 1_000
_BATCH = 100


class Live:
    """The handler for `/events`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard
        self._open: Counter[str] = Counter()
        self._closed = asyncio.Event()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send news until the page is closed or its session ends."""
        session = await self._guard.session_of(request)
        after = _read_number(request.headers.get("Last-Event-ID") or request.query.get("after", ""))
        if self._open[session.name] >= MOST_STREAMS:
            return web.Response(status=429, text="too many open pages", headers={"Retry-After": "10"})
        headers = {**HEADERS, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        with self._count_open(session):
            await response.prepare(request)
            await response.write(b"retry: 1000\n\n")
            await self._stream(request, response, session, after)
        return response

    async def close(self, app: web.Application) -> None:
        """End all streams, so that the service can stop."""
        self._closed.set()

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, session: sessions.Session, after: int
    ) -> None:
        changes = aiter(self._desk.store.changes())
        change = asyncio.ensure_future(anext(changes))
        ends = {asyncio.ensure_future(self._closed.wait()), asyncio.ensure_future(attendance.hung_up(request))}
        try:
            while True:
                done, _ = await asyncio.wait({change, *ends}, timeout=SIGN_OF_LIFE, return_when=asyncio.FIRST_COMPLETED)
                if done & ends:
                    break
                # asked again each time: a session that was ended hears nothing more
                await self._guard.sessions.find(session.secret)
                if not change.done():
                    await response.write(b": still here\n\n")
                    continue
                if change.cancelled():
                    break  # the store was closed
                change.result()
                after = await self._send_since(after, response, session)
                change = asyncio.ensure_future(anext(changes))
        except (errors.SaysoError, StopAsyncIteration, ConnectionError):
            pass  # the page tries again, and is told then
        finally:
            for task in (change, *ends):
                task.cancel()
            await asyncio.wait({change, *ends})

    async def _send_since(self, after: int, response: web.StreamResponse, session: sessions.Session) -> int:
        store = self._desk.store
        if await store.last_row() - after > LONGEST_GAP:
            after = await store.last_row()
            await response.write(_encode(after, "reload", {}))
        while rows := await store.log_after(after, _BATCH):
            after = rows[-1].number
            for id in dict.fromkeys(row.ticket_id for row in rows if row.ticket_id):
                # one damaged request must not end everybody's stream
                with suppress(errors.Unreadable):
                    await response.write(_encode(after, "card", await self._describe(await store.load(id), session)))
        return after

    async def _describe(self, ticket: model.Ticket, session: sessions.Session) -> dict[str, object]:
        own = await view.of(self._desk, session)
        return {
            "id": ticket.id,
            "state": ticket.state,
            "now": self._desk.clock.now().isoformat(),
            "card": await aside.run(own.draw_in_list, ticket),
            "row": await aside.run(own.draw_row, ticket) if ticket.decision else None,
        }

    @contextmanager
    def _count_open(self, session: sessions.Session) -> Generator[None]:
        self._open[session.name] += 1
        try:
            yield
        finally:
            self._open[session.name] -= 1
            if not self._open[session.name]:
                del self._open[session.name]


def _encode(number: int, name: str, content: dict[str, object]) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(content)}\n\n".encode()


def _read_number(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
