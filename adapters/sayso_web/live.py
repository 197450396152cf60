"""News for open pages: each change of a ticket as an event with its card, resumable by row number of the log."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager, suppress

from aiohttp import web

from sayso import errors
from sayso.desk import Desk
from sayso.desk.upkeep import attendance, broadcast
from sayso.stores import Row
from sayso_web import roll_call, rounds, sessions, sharing, view
from sayso_web.guard import HEADERS, Guard

# Browsers open at most six connections to one host; one session must not use them all up.
MOST_STREAMS = 4
# A page that missed more rows than this is read again.
LONGEST_GAP = 1_000


class Live:
    """The handler for `/events`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard
        self._open: Counter[str] = Counter()
        self._cards = sharing.SharedCards(desk)
        self._roll = roll_call.RollCall(guard.sessions)
        self._rounds = rounds.Rounds(guard.sessions, self._tell)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send news until the page is closed or its session ends."""
        session = await self._guard.session_of(request)
        after = read_number(request.headers.get("Last-Event-ID") or request.query.get("after", ""))
        if self._open[session.name] >= MOST_STREAMS:
            return web.Response(status=429, text="too many open pages", headers={"Retry-After": "10"})
        headers = {**HEADERS, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        # a page may be closed before its first line
        with self._count_open(session), suppress(ConnectionError):
            await response.prepare(request)
            await response.write(b"retry: 1000\n\n")
            await self._stream(request, response, session, after)
        return response

    async def close(self, app: web.Application) -> None:
        """End all streams, so that the service can stop."""
        self._desk.broadcast.stop()

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, session: sessions.Session, after: int
    ) -> None:
        transport = request.transport
        if transport is None:
            return
        with self._desk.broadcast.listen(after) as listener:
            page = rounds.Page(session, listener, transport)
            if response.headers.get("Transfer-Encoding") == "chunked":
                listener.at_once = functools.partial(self._rounds.take, page)
            gone = asyncio.ensure_future(attendance.hung_up(request))
            gone.add_done_callback(lambda _: listener.end())
            # otherwise the page tries again, and is told then
            with suppress(errors.SaysoError, broadcast.Ended, ConnectionError):
                try:
                    await self._follow(response, page)
                finally:
                    page.is_open = False
            gone.cancel()

    async def _follow(self, response: web.StreamResponse, page: rounds.Page) -> None:
        while True:
            if not page.listener.is_live:
                await self._leave_out(response, page.listener)
            rows = await page.listener.next()
            rows = [*await self._rounds.left_by(page), *rows]
            # asked again each time: a session that was ended hears nothing more
            await self._roll.check(page.session)
            if page.own is None or not rows:
                # who is in which group is looked up now and then, not for each row
                page.own = await view.of(self._desk, page.session)
            async for text in self._tell(page.own, rows):
                await response.write(text)
            if not rows:
                await response.write(b": still here\n\n")

    async def _leave_out(self, response: web.StreamResponse, listener: broadcast.Listener) -> None:
        last = await self._desk.store.last_row()
        if last - listener.number > LONGEST_GAP:
            listener.skip_to(last)
            await response.write(f"id: {last}\nevent: reload\ndata: {{}}\n\n".encode())

    async def _tell(self, own: view.View, rows: Sequence[Row]) -> AsyncIterator[bytes]:
        # in the order of their rows: whoever is cut off goes on behind the last one that came
        for id, number in sorted(_changed(rows).items(), key=lambda one: one[1]):
            # one damaged request must not end everybody's stream
            with suppress(errors.Unreadable):
                yield await self._describe(own, id, number)

    async def _describe(self, own: view.View, id: str, number: int) -> bytes:
        drawn = await self._cards.draw(own, await self._cards.load(id, number))
        now = self._desk.clock.now().isoformat()
        return f'id: {number}\nevent: card\ndata: {{{drawn.of(own.session)}, "now": "{now}"}}\n\n'.encode()

    @contextmanager
    def _count_open(self, session: sessions.Session) -> Generator[None]:
        self._open[session.name] += 1
        try:
            yield
        finally:
            self._open[session.name] -= 1
            if not self._open[session.name]:
                del self._open[session.name]


def _changed(rows: Sequence[Row]) -> dict[str, int]:
    """The requests whose cards look different after these rows, each with the last row that says so."""
    return {row.ticket_id: row.number for row in rows if row.ticket_id and not isinstance(row.entry, rounds.UNSEEN)}


def read_number(given: str) -> int:
    """The number of a row of the log; 0 for anything else."""
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
