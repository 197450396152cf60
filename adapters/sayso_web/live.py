"""News for open pages: each change of a ticket as an event with its card, resumable by row number of the log."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress

from aiohttp import web

from sayso import aside, errors, model
from sayso.desk import Desk
from sayso_web import guard, sessions, view

# Browsers open at most six connections to one host; one session must not use them all up.
MOST_STREAMS = 4
# Seconds between two looks at whether anybody still listens, and between two signs of life.
LOOK = 1.0
SIGN_OF_LIFE = 10.0
# Whoever missed more rows than this reads the page again.
LONGEST_GAP = 1_000
_BATCH = 100


class Live:
    """The handler for `/events`."""

    def __init__(self, front: Desk, door: guard.Guard) -> None:
        self._desk = front
        self._door = door
        self._open: Counter[str] = Counter()
        self._closed = asyncio.Event()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send news until the page is closed or its session ends."""
        session = await self._door.signed_in(request)
        after = _number(request.headers.get("Last-Event-ID") or request.query.get("after", ""))
        if self._open[session.name] >= MOST_STREAMS:
            return web.Response(status=429, text="too many open pages", headers={"Retry-After": "10"})
        headers = {**guard.HEADERS, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        with self._counted(session):
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
        closed = asyncio.ensure_future(self._closed.wait())
        quiet = 0.0
        try:
            while request.transport is not None and not (request.transport.is_closing() or closed.done()):
                await asyncio.wait({change, closed}, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
                quiet += LOOK
                if not change.done() and quiet < SIGN_OF_LIFE:
                    continue
                # asked again each time: a session that was ended hears nothing more
                await self._door.sessions.find(session.secret)
                quiet = 0.0
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
            closed.cancel()
            change.cancel()
            await asyncio.wait({change, closed})

    async def _send_since(self, after: int, response: web.StreamResponse, session: sessions.Session) -> int:
        kept = self._desk.store
        if await kept.last_row() - after > LONGEST_GAP:
            after = await kept.last_row()
            await response.write(_event(after, "reload", {}))
        while rows := await kept.log_after(after, _BATCH):
            after = rows[-1].number
            for id in dict.fromkeys(row.ticket_id for row in rows if row.ticket_id):
                # one damaged request must not end everybody's stream
                with suppress(errors.Unreadable):
                    await response.write(_event(after, "card", await self._news(await kept.load(id), session)))
        return after

    async def _news(self, ticket: model.Ticket, session: sessions.Session) -> dict[str, object]:
        seen = view.View(self._desk, session)
        return {
            "id": ticket.id,
            "state": ticket.state,
            "now": self._desk.clock.now().isoformat(),
            "card": await aside.run(seen.listed, ticket),
            "row": await aside.run(seen.row, ticket) if ticket.decision else None,
        }

    @contextmanager
    def _counted(self, session: sessions.Session) -> Generator[None]:
        self._open[session.name] += 1
        try:
            yield
        finally:
            self._open[session.name] -= 1
            if not self._open[session.name]:
                del self._open[session.name]


def _event(number: int, name: str, content: dict[str, object]) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(content)}\n\n".encode()


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
