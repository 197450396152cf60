"""The log as server-sent events: what happens, in order, from any row on, to whoever may see it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from sayso import errors, model
from sayso.desk import Desk, keys
from sayso.machine import events
from sayso.stores import Row
from sayso_http import access, auth, reading, waits

# Seconds after which a silent stream says that it lives; proxies cut at 30 and more.
SILENCE = 15.0
# Rows read at once.
_CHUNK = 100
# Requests whose visibility is remembered for one stream: it never changes, except with the groups of people.
_REMEMBERED = 1000


class LogRow(model.Frozen):
    """One row of the log. `number` counts over the whole store; `entry` is what happened."""

    number: int
    request: str
    version: int
    entry: events.Entry


class Log(model.Frozen):
    """The log of one request, oldest row first."""

    rows: tuple[LogRow, ...]


def log_row(row: Row) -> LogRow:
    """The wire form of a row."""
    return LogRow.model_construct(number=row.number, request=row.ticket_id, version=row.version, entry=row.entry)


class Stream:
    """`GET /v1/events`: each event has the row's number as id, its type as event, and a `LogRow` as data."""

    def __init__(self, front: Desk, authenticate: auth.Authenticate, held: waits.Waits, silence: float) -> None:
        self._desk = front
        self._authenticate = authenticate
        self._waits = held
        self._silence = silence

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Rows after `Last-Event-ID` or `after`; without either, those from now on."""
        key = await self._authenticate(request)
        after = reading.query(request, {"after"}).get("after")
        last = request.headers.get("Last-Event-ID", after)
        name = "after" if last is after else "Last-Event-ID"
        number = reading.whole(last, name, -1)
        if number < 0:
            number = await self._desk.store.last_row()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
        response = web.StreamResponse(headers=headers)
        response.content_type = "text/event-stream"
        await response.prepare(request)
        await self._follow(request, response, key, number)
        return response

    async def _follow(self, request: web.Request, response: web.StreamResponse, key: keys.Key, number: int) -> None:
        seen: dict[str, bool] = {}
        try:
            async for grown in self._waits.turns(self._desk, self._silence):
                while rows := await self._desk.store.log_after(number, _CHUNK):
                    # a revoked key gets nothing more, although its stream is open, and however much it has to catch up
                    if (caller := await self._caller(request)).key != key:
                        return
                    await self._send(response, caller, rows, seen)
                    number = rows[-1].number
                if (await self._caller(request)).key != key:
                    return
                if not grown:
                    await response.write(b": still here\n\n")
        except (ConnectionResetError, errors.SaysoError):
            # the caller went away, or comes back with Last-Event-ID once the store is there again
            return

    async def _caller(self, request: web.Request) -> access.Caller:
        return access.Caller(self._desk, await self._authenticate(request))

    async def _send(
        self, response: web.StreamResponse, caller: access.Caller, rows: Sequence[Row], seen: dict[str, bool]
    ) -> None:
        for row in rows:
            if await self._visible(caller, row.ticket_id, seen):
                data = log_row(row).model_dump_json()
                await response.write(f"id: {row.number}\nevent: {row.entry.type}\ndata: {data}\n\n".encode())

    async def _visible(self, caller: access.Caller, ticket_id: str, seen: dict[str, bool]) -> bool:
        if not ticket_id:
            # of no request: what happened to a key
            return caller.key.role == "operator"
        if ticket_id not in seen:
            if len(seen) >= _REMEMBERED:
                seen.clear()
            try:
                seen[ticket_id] = caller.sees(await self._desk.store.load(ticket_id))
            except errors.Unreadable:
                # one damaged request must not end everybody's stream
                return False
        return seen[ticket_id]
