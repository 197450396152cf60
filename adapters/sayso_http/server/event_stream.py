"""The log as server-sent events: what happens, in order, from any row on, to whoever may see it.

The rule: what is the same for all who listen is done once: a row is read and encoded, and whose it is looked up.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence

from aiohttp import web

from sayso import errors
from sayso.chat import recent
from sayso.desk import Desk
from sayso.desk.keys import Authenticate
from sayso.desk.upkeep import broadcast
from sayso.machine import events
from sayso.stores import Row
from sayso_http import log_rows
from sayso_http.server import access, reading

# Rows whose text is kept for the other listeners, each if it is no longer than this many bytes.
_ENCODED, _LARGE = 256, 16_384
# Requests of which it is remembered whose they are.
_OWNERS = 10_000
# For how many requests one stream remembers whether they are visible: that changes only with the groups of people.
_REMEMBERED = 1000
# Seconds after which a key is looked up again, whatever the log says of it.
_LOOK_AGAIN = 15.0


class EventStream:
    """`GET /v1/events`: each event has the row's number as id, its type as event, and a `LogRow` as data."""

    def __init__(self, desk: Desk, authenticate: Authenticate[web.Request]) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._encoded = recent.Recent[tuple[int, bool], bytes](_ENCODED)
        self._last_chunk = (0, 0), b""
        self._owners = recent.Recent[str, asyncio.Future[str]](_OWNERS)

    async def stop(self, _: web.Application) -> None:
        """End all streams, so that the service can stop."""
        self._desk.broadcast.stop()

    async def serve(self, request: web.Request, caller: access.HttpCaller) -> web.StreamResponse:
        """Send rows after `Last-Event-ID` or `after`; without either, those from now on."""
        after = request.query.get("after")
        last = request.headers.get("Last-Event-ID", after)
        name = "after" if last is after else "Last-Event-ID"
        number = reading.whole(last, name, -1)
        if number < 0:
            number = await self._desk.store.last_row()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
        response = web.StreamResponse(headers=headers)
        response.content_type = "text/event-stream"
        try:
            await response.prepare(request)
        except ConnectionError:
            return response  # its caller has gone before the first line
        chunked = response.headers.get("Transfer-Encoding") == "chunked"
        # the caller goes away, or comes back with Last-Event-ID once the store is there again
        with (
            contextlib.suppress(ConnectionResetError, errors.SaysoError, broadcast.Ended),
            self._desk.broadcast.listen(number) as listener,
        ):
            if chunked and caller.key.role == "operator":
                # who sees everything: nothing is looked up for a row
                listener.at_once = functools.partial(self._write_at_once, request, caller)
            await self._follow(request, response, caller, listener)
        return response

    def _write_at_once(self, request: web.Request, caller: access.HttpCaller, rows: Sequence[Row]) -> bool:
        """Write rows where they come, which takes a third of the time; not to one that is still busy with earlier ones.

        A key that may be revoked is looked up first, so its stream is not written to here.
        """
        transport = request.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() or _may_be_revoked(rows):
            return False
        chunk = self._chunk(rows, caller)
        if len(chunk) > _LARGE:
            # what is written here waits for nobody, so all of it is kept for each one that reads slowly
            return False
        transport.write(chunk)
        return True

    def _chunk(self, rows: Sequence[Row], caller: access.HttpCaller) -> bytes:
        """Rows as one chunk of a body; it is the same for all operators."""
        span = rows[0].number, rows[-1].number
        if self._last_chunk[0] != span:
            text = b"".join(self._encode(row, caller) for row in rows)
            self._last_chunk = span, b"%x\r\n%s\r\n" % (len(text), text)
        return self._last_chunk[1]

    async def _follow(
        self,
        request: web.Request,
        response: web.StreamResponse,
        caller: access.HttpCaller,
        listener: broadcast.Listener,
    ) -> None:
        time = asyncio.get_running_loop().time
        visible, looked = dict[str, bool](), time()
        while True:
            rows = await listener.next()
            # a revoked key gets nothing more, although its stream is open, and however much it has to catch up
            if (
                not listener.is_live
                or _may_be_revoked(rows)
                or asyncio.get_running_loop().time() - looked > _LOOK_AGAIN
            ):
                if await self._authenticate(request) != caller.key:
                    return
                looked = asyncio.get_running_loop().time()
            if rows:
                await self._send(response, caller, rows, visible)
            else:
                await response.write(b": still here\n\n")

    async def _send(
        self, response: web.StreamResponse, caller: access.HttpCaller, rows: Sequence[Row], visible: dict[str, bool]
    ) -> None:
        for row in rows:
            if await self._is_visible(caller, row.ticket_id, visible):
                await response.write(self._encode(row, caller))

    def _encode(self, row: Row, caller: access.HttpCaller) -> bytes:
        # an agent hears of its own requests alone
        whole = caller.key.role == "agent"
        if found := self._encoded.get((row.number, whole)):
            return found
        data = log_rows.to_log_row(row if whole else caller.shown_row(row, "")).model_dump_json()
        text = f"id: {row.number}\nevent: {row.entry.type}\ndata: {data}\n\n".encode()
        if len(text) <= _LARGE:
            self._encoded[row.number, whole] = text
        return text

    async def _is_visible(self, caller: access.HttpCaller, ticket_id: str, visible: dict[str, bool]) -> bool:
        # of no request: what happened to a key
        if caller.key.role == "operator" or not ticket_id:
            return caller.key.role == "operator"
        # one damaged request must not end everybody's stream
        try:
            if caller.key.role == "agent":
                return await self._owner_of(ticket_id) == caller.key.name
            if ticket_id not in visible:
                if len(visible) >= _REMEMBERED:
                    visible.clear()
                visible[ticket_id] = await caller.sees(await self._desk.store.load(ticket_id))
        except errors.Unreadable:
            return False
        return visible[ticket_id]

    async def _owner_of(self, ticket_id: str) -> str:
        found = self._owners.get(ticket_id)
        if found is not None and found.done() and not found.cancelled() and found.exception() is None:
            return found.result()
        if found is None or found.done():
            found = self._owners[ticket_id] = asyncio.ensure_future(self._load_owner(ticket_id))
        return await asyncio.shield(found)

    async def _load_owner(self, ticket_id: str) -> str:
        return (await self._desk.store.load(ticket_id)).owner


def _may_be_revoked(rows: Sequence[Row]) -> bool:
    return not rows or any(isinstance(row.entry, events.Revoked) for row in rows)
