"""Tells whoever waits, in seconds, that a card is not where it should be: by an event, so that a fallback can follow.

The rule: a hiccup is told to nobody. What fails twice, or takes longer than a few seconds, is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from sayso import errors, model
from sayso.desk.shell import Shell
from sayso.machine import events
from sayso.stores import Job

log = logging.getLogger(__name__)

# Seconds after which it is told; what follows takes a moment, and the agent knows after five.
TOLD_AFTER = 4.0
_SLOW = "no answer so far"


class Outages:
    """Watches the cards that a courier posts for the first time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    @contextlib.asynccontextmanager
    async def watch(self, job: Job, ticket: model.Ticket, place: model.Place) -> AsyncGenerator[None]:
        """While a card is posted: tell if it takes long, and once it is there, if it was told of."""
        telling = list[asyncio.Task[None]]()
        alarm = asyncio.get_running_loop().call_later(
            self._left(ticket), lambda: telling.append(asyncio.create_task(self._tell(ticket.id, place)))
        )
        try:
            yield
        finally:
            alarm.cancel()
            for one in telling:
                await one
        if telling or job.attempts or ticket.delayed:
            await self._shell.place_reached(ticket.id, place)

    async def failed(self, job: Job, error: errors.ChannelError, wait: float) -> None:
        """Tell of a card that is tried again in *wait* seconds, unless it may have been a hiccup."""
        if not isinstance(job.effect, events.Announce):
            return
        with contextlib.suppress(errors.SaysoError):
            ticket = await self._shell.store.load(job.ticket_id)
            if job.attempts or wait >= self._left(ticket):
                await self._shell.place_delayed(ticket.id, job.effect.place, reason(error))

    def _left(self, ticket: model.Ticket) -> float:
        """Seconds until it is told that a place takes long."""
        age = (self._shell.clock.now() - ticket.created_at).total_seconds()
        return TOLD_AFTER - age if 0 <= age < TOLD_AFTER else TOLD_AFTER

    async def _tell(self, id: str, place: model.Place) -> None:
        try:
            await self._shell.place_delayed(id, place, _SLOW)
        except errors.SaysoError as error:
            log.warning("nobody is told of a delay", extra={"ticket": id, "place": place, "error": error.message})


def reason(error: errors.ChannelError) -> str:
    """Why a place was given up, with what to do about it: what the agent and its people read."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
