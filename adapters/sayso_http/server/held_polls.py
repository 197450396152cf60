"""Long polls of callers who end with their request: one that is cut, and not made again soon, withdraws it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from aiohttp import web

from sayso import errors, model
from sayso.cards import tokens
from sayso.desk import Desk
from sayso.desk.upkeep import attendance
from sayso_http.server.waits import Waits


class HeldPolls:
    """The polls of one process that hold what they wait for."""

    def __init__(self, desk: Desk, held: Waits) -> None:
        self._desk = desk
        self._waits = held
        self._farewells: set[asyncio.Task[Any]] = set()

    @contextlib.asynccontextmanager
    async def begin(self, wanted: model.Request, owner: str) -> AsyncGenerator[model.Request]:
        """Put on record that somebody asks this inside, and then waits for it: before there is a card."""
        named = wanted if wanted.id else wanted.model_copy(update={"id": tokens.new_id()})
        waiter = await self._desk.attendance.enter(str(named.id), owner)
        asked = True
        try:
            yield named
        except errors.SaysoError as error:
            # otherwise nothing was asked, and what has this id already is not waited for here
            asked = isinstance(error, errors.StoreUnavailable)
            raise
        finally:
            attendance = self._desk.attendance
            self._start(attendance.farewell(waiter, str(named.id)) if asked else attendance.leave(waiter))

    async def wait_for_decision(self, request: web.Request, ticket: model.Ticket, seconds: float) -> model.Ticket:
        """Do what `Waits.wait_for_decision` does; without a decision, somebody has to ask again within six seconds."""
        waiter = await self._desk.attendance.enter(ticket.id, ticket.owner)
        found = ticket
        waiting = asyncio.ensure_future(self._waits.wait_for_decision(self._desk, ticket, seconds))
        gone = asyncio.create_task(attendance.hung_up(request))
        try:
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            found = waiting.result() if waiting.done() else ticket
            return found
        finally:
            waiting.cancel()
            gone.cancel()
            if found.decision is not None:
                self._start(self._desk.attendance.leave(waiter))
            elif not self._waits.stopping:
                self._start(self._desk.attendance.farewell(waiter, ticket.id))

    async def close(self, _: web.Application) -> None:
        """End all that runs in the background."""
        for task in self._farewells:
            task.cancel()
        await asyncio.gather(*self._farewells, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)
