"""Who still holds a connection. A caller that hung up and does not come back has its request withdrawn.

A service that stops, or is killed, withdraws nothing that somebody may come back for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from aiohttp import web

from sayso import clock, errors, model
from sayso.cards import tokens
from sayso.desk import Caller, Desk, callers
from sayso.desk.upkeep import attendance
from sayso.stores import Record, record_kinds

# Seconds in which a cut caller may come back. A command hook tries again at least every two.
GRACE = attendance.GRACE

T = TypeVar("T")


class Gone(Exception):
    """The caller hung up; nobody reads what we would answer."""


class Stopping(errors.SaysoError):
    """This service stops; the request stays open for a caller who comes back."""

    code = "stopping"
    status = 503


class Late(errors.SaysoError):
    """The caller's limit comes before the request's; who else waits for it may wait on."""

    code = "late"
    status = 408


class Opening(callers.CallersDesk):
    """The desk of one caller, who is on record as waiting before there is a card that somebody could press."""

    def __init__(self, desk: Desk, caller: Caller) -> None:
        super().__init__(desk, caller)
        self._owner = caller.owner
        self._attendance = desk.attendance
        self.waiter: str | None = None
        """The record, once something was opened."""

    async def open(self, request: model.Request) -> model.Ticket:
        """Ask without waiting."""
        named = request if request.id else request.model_copy(update={"id": tokens.new_id()})
        waiter = await self._attendance.enter(str(named.id), self._owner)
        try:
            ticket = await super().open(named)
        except BaseException:
            await self._attendance.leave(waiter)
            raise
        self.waiter = waiter
        return ticket


class Presence:
    """The held connections of one process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clock: clock.Clock = desk.clock
        self._held: dict[asyncio.Future[None], web.Request] = {}
        self._stopping = asyncio.Event()
        self._sweeper: asyncio.Task[None] | None = None
        self._farewells: set[asyncio.Task[Any]] = set()

    async def hold(
        self, request: web.Request, ticket: model.Ticket, turn: int, until: datetime, waiter: str | None = None
    ) -> model.Decision | None:
        """The decision, for a caller who holds *request* open *until* then; None if there is none by then.

        *turn* is what `arrived` gave, *waiter* what `Opening` did.

        Raises:
            Gone: the caller hung up. Unless somebody comes back, the ticket is withdrawn.
            Stopping: this service stops.
        """
        waiter = waiter or await self._desk.attendance.enter(ticket.id, ticket.owner)
        try:
            decision = await self._wait_unless_gone(request, self._wait(ticket.id, until))
        except Stopping:
            raise  # the next caller looks whether somebody still waits
        except (Gone, asyncio.CancelledError):
            # a server with `handler_cancellation` cancels the handler; others only close the connection
            if not self._stopping.is_set():
                self._start(self._withdraw(ticket, turn, waiter))
            raise
        except BaseException:
            self._start(self._desk.attendance.leave(waiter))
            raise
        self._start(self._desk.attendance.leave(waiter))
        return decision

    async def arrived(self, id: str) -> int:
        """Record that somebody comes (back) for a request that may exist already. Returns 0 if it does not exist.

        The record is in the store, so that no other replica withdraws what is waited for here.
        """
        try:
            ticket = await self._desk.store.load(id)
        except errors.NotFound:
            return 0
        while True:
            record = await self._desk.store.get(record_kinds.RETURN, id)
            version = record.version if record else 0
            with contextlib.suppress(errors.Conflict):
                await self._desk.store.put(Record(record_kinds.RETURN, id, {}, ticket.expires_at, version))
                return version + 1

    async def start(self, _: web.Application) -> None:
        """From now on look for requests that only dead processes waited for. A caller who comes back has its grace."""
        self._start(attendance.watch(self._desk.attendance))

    async def stop(self, _: web.Application) -> None:
        """Let every held request go, before the server closes its connections."""
        self._stopping.set()

    async def close(self, _: web.Application) -> None:
        """End all that runs in the background."""
        tasks = [*self._farewells, *([self._sweeper] if self._sweeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, id: str, until: datetime) -> model.Decision | None:
        await self._clock.within(until, self._desk.wait(id))
        return (await self._desk.get(id)).decision

    async def _wait_unless_gone(self, request: web.Request, waiting: Awaitable[T]) -> T:
        gone = asyncio.get_running_loop().create_future()
        wanted, stopping = asyncio.ensure_future(waiting), asyncio.ensure_future(self._stopping.wait())
        self._held[gone] = request
        self._sweep_if_idle()
        try:
            await asyncio.wait({wanted, gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if wanted.done():
                return wanted.result()
            if stopping.done():
                raise Stopping("the approval service is stopping; nobody has decided", hint="ask again in a moment")
            raise Gone
        finally:
            del self._held[gone]
            for left in (wanted, stopping, gone):
                left.cancel()

    def _sweep_if_idle(self) -> None:
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        while self._held:
            for gone, request in self._held.items():
                if not gone.done() and attendance.is_gone(request):
                    gone.set_result(None)
            await self._pause(attendance.LOOK)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def _withdraw(self, ticket: model.Ticket, turn: int, waiter: str) -> None:
        await self._pause(GRACE)
        await self._desk.attendance.leave(waiter)
        record = await self._desk.store.get(record_kinds.RETURN, ticket.id)
        # the callback of the SDK may wait for the same card, in another process
        if (record.version if record else 0) == turn and not await self._desk.attendance.others(ticket.id):
            await self._desk.cancel(ticket.id, Caller(ticket.owner), "the agent hung up")
            await self._desk.store.remove(record_kinds.RETURN, ticket.id)

    async def _pause(self, seconds: float) -> None:
        await self._clock.within(self._clock.now() + timedelta(seconds=seconds), asyncio.Event().wait())
