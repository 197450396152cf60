"""Held connections: long polls wait here, cheaply, and all of them end at once when the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

from aiohttp import web

from sayso import machine, model
from sayso.desk import Desk
from sayso.desk.posting import outages


class Waits:
    """Who is waiting. A wait is one future and one timer, so 10,000 at once are cheap."""

    def __init__(self) -> None:
        self._open: set[asyncio.Timeout] = set()
        self.stopping = False

    async def stop(self, _: web.Application) -> None:
        """End every wait; callers see the state as it is, and ask the next process."""
        self.stopping = True
        for cut in self._open:
            cut.reschedule(asyncio.get_running_loop().time())

    async def wait_for_decision(self, desk: Desk, ticket: model.Ticket, seconds: float) -> model.Ticket:
        """Wait until the ticket is decided, or cannot be shown somewhere, or for *seconds*; as it is then."""
        end, before = desk.clock.now() + timedelta(seconds=seconds), _trouble(ticket)
        others = outages.Unattended(desk, ticket.id)
        while ticket.decision is None and not self.stopping and desk.clock.now() < end:
            if _trouble(ticket) != before:
                break
            wake = machine.next_wake(ticket) or end
            until, told = min(end, wake, others.due(ticket) or end), list[model.Ticket | None]()
            changed = await self._within(desk, until, _changed(desk, ticket, told))
            if told and told[0] is not None and told[0].decision is not None:
                return told[0]
            await others.look(ticket)
            over = not changed and desk.clock.now() >= wake
            ticket = await (desk.let_time_act(ticket.id) if over else desk.store.load(ticket.id))
        return ticket

    async def _within(self, desk: Desk, until: datetime, waiting: Awaitable[object]) -> bool:
        cut = asyncio.timeout(None)
        try:
            async with cut:
                self._open.add(cut)
                return await desk.clock.within(until, waiting)
        except TimeoutError:
            return False
        finally:
            self._open.discard(cut)


async def _changed(desk: Desk, ticket: model.Ticket, told: list[model.Ticket | None]) -> None:
    told.append(await desk.store.changed(ticket.id, ticket.version))


def _trouble(ticket: model.Ticket) -> tuple[object, ...]:
    """Where it could not be shown so far, or for good: whoever waits is told of that at once."""
    return ticket.undelivered, ticket.delayed, ticket.fell_back
