"""Tells whoever waits, in seconds, that a card is not where it should be: by an event, so that a fallback can follow.

The rule: a hiccup is told to nobody. What fails twice, or takes longer than a few seconds, is. Where a card stands
already, nothing is told, whatever else is done there.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from sayso import errors, machine, model
from sayso.content import requests
from sayso.desk.posting import batching
from sayso.desk.shell import Shell
from sayso.machine import events
from sayso.stores import Job

log = logging.getLogger(__name__)

# Seconds after which it is told; what follows takes a moment, and the agent knows after five.
TOLD_AFTER = 4.0
_SLOW = "no answer so far"
_NOBODY = "no service delivers there so far (is sayso serve running, with this chat?)"
_STUCK = "nothing that was sent there before has come back so far"
# Seconds: what is over by then is told to nobody.
_MOMENT = 2.0


class Watch:
    """One card that is posted for the first time."""

    def __init__(self, seconds: float, tell: Callable[[], Coroutine[Any, Any, None]], *, was_told: bool) -> None:
        self._tell = tell
        self._telling: asyncio.Task[None] | None = None
        self._was_told = was_told
        self._alarm = asyncio.get_running_loop().call_later(seconds, self._begin)

    def end(self) -> bool:
        """From now on tell nothing more. Return whether it was told that the card is not there."""
        self._alarm.cancel()
        return self._telling is not None or self._was_told

    async def finish(self) -> None:
        """Return once what is told is told."""
        self.end()
        if self._telling is not None:
            await self._telling

    def _begin(self) -> None:
        self._telling = asyncio.create_task(self._tell())


class Outages:
    """Watches the cards that a courier posts for the first time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    @contextlib.asynccontextmanager
    async def watch(self, job: Job, ticket: model.Ticket, place: model.Place) -> AsyncGenerator[Watch]:
        """While a card is posted: tell if it takes long, and once it is there, if it was told of."""
        tell = functools.partial(self._tell, ticket.id, place)
        watch = Watch(self._left(ticket), tell, was_told=bool(job.attempts or ticket.delayed))
        try:
            yield watch
        finally:
            await watch.finish()
        if watch.end():
            await self._shell.place_reached(ticket.id, place)

    async def failed(self, job: Job, error: errors.ChannelError, wait: float) -> None:
        """Tell of a card that is tried again in *wait* seconds, unless it may have been a hiccup."""
        if not isinstance(job.effect, events.Announce):
            return
        with contextlib.suppress(errors.SaysoError):
            ticket = await self._shell.store.load(job.ticket_id)
            if job.attempts or wait >= self._left(ticket):
                await self._delayed(ticket.id, job.effect.place, reason(error))

    async def waits(self, job: Job, error: errors.NotYet) -> None:
        """Tell of a card that waits for its turn at a platform, if that takes longer than a moment."""
        if not isinstance(job.effect, events.Announce) or error.wait < _MOMENT:
            return
        with contextlib.suppress(errors.SaysoError):
            ticket, now = await self._shell.store.load(job.ticket_id), self._shell.clock.now()
            until = now + timedelta(seconds=error.wait)
            if (until - ticket.created_at).total_seconds() >= TOLD_AFTER:
                await self._delayed(ticket.id, job.effect.place, reason(error), until)

    async def passed_over(self, job: Job) -> None:
        """Tell of a card that nobody tries, since nothing that is under way on its channel comes back."""
        if not isinstance(job.effect, events.Announce):
            return
        with contextlib.suppress(errors.SaysoError):
            ticket = await self._shell.store.load(job.ticket_id)
            if ticket.decision is None and self._shell.clock.now() - ticket.created_at >= timedelta(seconds=_MOMENT):
                await self._shell.place_delayed(ticket.id, job.effect.place, _STUCK)

    def _left(self, ticket: model.Ticket) -> float:
        """Seconds until it is told that a place takes long."""
        age = (self._shell.clock.now() - ticket.created_at).total_seconds()
        return TOLD_AFTER - age if 0 <= age < TOLD_AFTER else TOLD_AFTER

    async def _tell(self, id: str, place: model.Place) -> None:
        try:
            await self._delayed(id, place, _SLOW)
        except errors.SaysoError as error:
            log.warning("nobody is told of a delay", extra={"ticket": id, "place": place, "error": error.message})

    async def _delayed(self, id: str, place: model.Place, why: str, until: datetime | None = None) -> None:
        cards = await batching.cards_of(self._shell.store, id)
        if all(one.place != place for _, one in cards):
            await self._shell.place_delayed(id, place, why, until)


async def decided(shell: Shell, id: str) -> tuple[model.Decision, str | None]:
    """The decision on a request once there is one, and the key with which it was asked. Raises `NotFound`."""
    requests.refuse_no_id(id)
    seen, others = await shell.store.awaited(id), Unattended(shell, id)
    while seen.decision is None:
        wakes = filter(None, (machine.next_wake(seen), others.due(seen)))
        version, by = seen.version, min(wakes, default=None)
        # people may take days, and as a document it takes a tenth
        del seen
        seen = await shell.newer(id, version, by)
        await others.look(seen)
    decision, now = seen.decision, shell.clock.now()
    if machine.may_be_void(decision, now):
        decision = machine.read(await shell.store.load(id), now).decision or decision
    return decision, seen.key


class Unattended:
    """Looks, once for each wait, whether somebody delivers to the chats that this process is not connected to."""

    def __init__(self, shell: Shell, id: str) -> None:
        self._shell = shell
        self._id = id
        self._looked = False

    def due(self, ticket: model.Ticket | machine.Awaited) -> datetime | None:
        """When to look; None where there is nothing to look for, as for whatever this process delivers itself."""
        if self._looked or not self._places(ticket):
            return None
        shown_at = (ticket.reach and ticket.reach.shown_at) or ticket.created_at
        return shown_at + timedelta(seconds=TOLD_AFTER)

    async def look(self, ticket: model.Ticket | machine.Awaited) -> None:
        """Tell of places without a card, if it is time to look."""
        due = self.due(ticket)
        if due is None or self._shell.clock.now() < due:
            return
        self._looked = True
        there = {one.place for one in await self._shell.store.cards(self._id)}
        for place in self._places(ticket):
            if place not in there:
                await self._shell.place_delayed(self._id, place, _NOBODY)

    def _places(self, ticket: model.Ticket | machine.Awaited) -> list[model.Place]:
        here = self._shell.platforms
        elsewhere = [one for one in ticket.route if one != events.INBOX and model.channel_of(one) not in here]
        known = {*ticket.undelivered, *(one.place for one in ticket.delayed)} if elsewhere else ()
        return [place for place in elsewhere if place not in known]


def reason(error: errors.ChannelError) -> str:
    """Why a place was given up, with what to do about it: what the agent and its people read."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
