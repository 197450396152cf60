"""The log as server-sent events: what happens, in order, from any row on, to whoever may see it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from sayso import errors
from sayso.desk import Desk
from sayso.desk.keys import Authenticate, Key
from sayso.stores import Row
from sayso_http import log_rows, routes
from sayso_http.server import access, reading, waits

# Seconds after which a silent stream says that it lives; proxies cut at 30 and more.
SILENCE = 15.0
# Rows read at once.
_CHUNK = 100
# For how many requests one stream remembers whether they are visible: that changes only with the groups of people.
_REMEMBERED = 1000


class EventStream:
    """`GET /v1/events`: each event has the row's number as id, its type as event, and a `LogRow` as data."""

    def __init__(self, desk: Desk, authenticate: Authenticate[web.Request], held: waits.Waits, silence: float) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._waits = held
        self._silence = silence

    async def serve(self, request: web.Request, caller: access.HttpCaller) -> web.StreamResponse:
        """Send rows after `Last-Event-ID` or `after`; without either, those from now on."""
        after = reading.query(request, routes.EVENTS.query).get("after")
        last = request.headers.get("Last-Event-ID", after)
        name = "after" if last is after else "Last-Event-ID"
        number = reading.whole(last, name, -1)
        if number < 0:
            number = await self._desk.store.last_row()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
        response = web.StreamResponse(headers=headers)
        response.content_type = "text/event-stream"
        await response.prepare(request)
        await self._follow(request, response, caller.key, number)
        return response

    async def _follow(self, request: web.Request, response: web.StreamResponse, key: Key, number: int) -> None:
        visible: dict[str, bool] = {}
        try:
            async for grown in self._waits.follow(self._desk, self._silence):
                while rows := await self._desk.store.log_after(number, _CHUNK):
                    # a revoked key gets nothing more, although its stream is open, and however much it has to catch up
                    if (caller := await self._caller(request)).key != key:
                        return
                    await self._send(response, caller, rows, visible)
                    number = rows[-1].number
                if (await self._caller(request)).key != key:
                    return
                if not grown:
                    await response.write(b": still here\n\n")
        except (ConnectionResetError, errors.SaysoError):
            # the caller went away, or comes back with Last-Event-ID once the store is there again
            return

    async def _caller(self, request: web.Request) -> access.HttpCaller:
        return access.HttpCaller(self._desk, await self._authenticate(request))

    async def _send(
        self, response: web.StreamResponse, caller: access.HttpCaller, rows: Sequence[Row], visible: dict[str, bool]
    ) -> None:
        for row in rows:
            if await self._is_visible(caller, row.ticket_id, visible):
                data = log_rows.to_log_row(row).model_dump_json()
                await response.write(f"id: {row.number}\nevent: {row.entry.type}\ndata: {data}\n\n".encode())

    async def _is_visible(self, caller: access.HttpCaller, ticket_id: str, visible: dict[str, bool]) -> bool:
        if not ticket_id:
            # of no request: what happened to a key
            return caller.key.role == "operator"
        if ticket_id not in visible:
            if len(visible) >= _REMEMBERED:
                visible.clear()
            try:
                visible[ticket_id] = await caller.sees(await self._desk.store.load(ticket_id))
            except errors.Unreadable:
                # one damaged request must not end everybody's stream
                return False
        return visible[ticket_id]
