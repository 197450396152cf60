"""The only door out: takes effects from the outbox and performs them. Deliveries are at least once, and repeatable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, assert_never

import tenacity

from sayso import aside, clock, errors, model
from sayso.cards import draw
from sayso.desk import authority, channel, lanes
from sayso.desk.desk import Desk
from sayso.machine import events
from sayso.stores import Job, Store

log = logging.getLogger(__name__)

LEASE = lanes.LEASE
# Cards: soon at first, then at most every five minutes, with jitter so that replicas do not march in step.
_BACKOFF = tenacity.wait_exponential_jitter(initial=1, max=300, jitter=1)
# A card that could not be edited this often is left as it is; a press on it is still answered truly.
_MOST_REDRAWS = 30


class Resumer(Protocol):
    """Hands a decision to the address that a request named."""

    async def resume(self, ticket: model.Ticket) -> bool:
        """Deliver once; False where there is nobody to tell. Raises `ChannelError`, `final` where it is no use."""
        ...

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        """Seconds until the next try after so many; None gives up. A longer wait that the receiver wanted counts."""
        ...


class Courier:
    """Performs effects for the channels it was given. Any number of couriers may share a store."""

    def __init__(self, front: Desk, channels: Sequence[channel.Channel], resumer: Resumer | None = None) -> None:
        self._desk = front
        self._store: Store = front.store
        self._clock: clock.Clock = front.clock
        self._channels: Mapping[str, channel.Channel] = {one.name: one for one in channels}
        self._resumer = resumer
        self._names = [*self._channels, *([events.CALLBACK] if resumer else [])]

    async def run(self) -> None:
        """Deliver for ever. Each channel has its own lane, and what is slow holds up nothing but itself."""
        making = (lanes.Lane(name, self._store, self._clock, self._perform) for name in self._names)
        running = [asyncio.create_task(lane.run()) for lane in making]
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()  # only an error ends a lane
        finally:
            await lanes.end(running)

    async def deliver(self) -> int:
        """Perform all effects that are due now; how many there were."""
        jobs = await self._store.take(self._names, self._clock.now(), lanes.LEASE)
        async with lanes.renewed(self._store, self._clock, jobs):
            # no task group: whoever keeps a courier running must see a lost database as one, not inside a group
            for failed in await asyncio.gather(*map(self._perform, jobs), return_exceptions=True):
                if failed is not None:
                    raise failed
        return len(jobs)

    async def _perform(self, job: Job) -> None:
        try:
            ticket = await self._store.load(job.ticket_id)
            match job.effect:
                case events.Announce(place=place):
                    await self._announce(ticket, place, again=job.attempts > 0)
                case events.Redraw(place=place):
                    await self._redraw(ticket, place, again=job.attempts > 0)
                case events.Resume():
                    await self._resume(ticket)
                case _:
                    assert_never(job.effect)
        except asyncio.CancelledError:
            # whoever comes next need not wait for the lease to end
            with contextlib.suppress(errors.StoreUnavailable):
                await self._handed_back(job)
            raise
        except errors.NotYet as error:
            # neither a try nor a failure: the channel keeps the place in its queue
            log.debug("delivery waits its turn", extra={"ticket": job.ticket_id, "seconds": error.wait})
            await self._store.put_off(job, self._clock.now() + timedelta(seconds=error.wait))
        except errors.ChannelError as error:
            await self._failed(job, error)
        except Exception as error:
            # one bad row must not stop the others; it is tried again, ever more rarely
            log.exception("effect failed", extra={"ticket": job.ticket_id, "effect": job.effect.type})
            await self._failed(job, errors.ChannelError(f"{type(error).__name__} inside the channel"))
        else:
            await self._store.done(job)

    async def _handed_back(self, job: Job) -> None:
        if isinstance(job.effect, events.Redraw):
            await self._store.put_off(job, self._clock.now())  # to draw it once more does no harm
        else:
            await self._store.retry(job, self._clock.now(), "the courier was stopped")

    async def _announce(self, ticket: model.Ticket, place: model.Place, *, again: bool) -> None:
        posted = next((posted for posted in await self._store.cards(ticket.id) if posted.place == place), None)
        fresh = posted is None and not again
        if posted is not None:
            # an earlier try was cut short after this; nobody knows which state it showed
            posted = await self._edit(ticket, posted, again=again)
        elif ticket.decision is None or again:
            posted = await self._post(ticket, place, again=again)
        else:
            return
        if fresh or not await self._noted(ticket, place):
            await self._note(ticket, place, posted.message)
        await self._catch_up(ticket, posted)

    async def _catch_up(self, shown: model.Ticket, posted: model.PostedCard) -> None:
        # it may have been decided while the card was on its way, when there was no card yet to redraw
        while (ticket := await self._store.load(shown.id)).version != shown.version:
            posted = await self._edit(ticket, posted, again=False)
            shown = ticket

    async def _redraw(self, ticket: model.Ticket, place: model.Place, *, again: bool) -> None:
        for posted in await self._store.cards(ticket.id):
            if posted.place == place:
                now = await self._edit(ticket, posted, again=again)
                if now != posted:
                    await self._note(ticket, place, now.message)

    async def _post(self, ticket: model.Ticket, place: model.Place, *, again: bool) -> model.PostedCard:
        posted = await self._channel(place).post(
            place, await aside.run(draw.card_of, ticket, self._desk.mint), again=again
        )
        await self._store.add_card(posted)
        return posted

    async def _edit(self, ticket: model.Ticket, posted: model.PostedCard, *, again: bool) -> model.PostedCard:
        """Bring a card up to date; where it is now. One that somebody took away while it is pending is posted anew."""
        try:
            await self._channel(posted.place).edit(posted, await aside.run(draw.card_of, ticket, self._desk.mint))
            return posted
        except errors.ChannelError as error:
            if not error.gone:
                raise
            if ticket.decision is not None:
                log.info("card of a decided request is gone", extra={"ticket": ticket.id, "error": error.message})
                return posted
            log.warning("card is gone, posting it again", extra={"ticket": ticket.id, "error": error.message})
            why = error.message
        try:
            now = await self._post(ticket, posted.place, again=again)
        except errors.ChannelError as error:
            error.message, error.gone = f"{why}, and then {error.message}", True
            raise
        await self._store.remove_card(posted)
        return now

    async def _resume(self, ticket: model.Ticket) -> None:
        if not await authority.holds(self._store, ticket.key):
            log.info("nobody is told", extra={"ticket": ticket.id, "why": "the key that asked was revoked"})
        elif ticket.held:
            log.info("nobody is told", extra={"ticket": ticket.id, "why": "an older copy of the database was put back"})
        elif self._resumer is not None and await self._resumer.resume(ticket):
            await self._note(ticket, events.CALLBACK, "")

    async def _failed(self, job: Job, error: errors.ChannelError) -> None:
        context = {"ticket": job.ticket_id, "effect": job.effect.type, "attempt": job.attempts + 1}
        wait = None if error.final else await self._wait(job, error)
        if wait is not None:
            log.warning("delivery failed, trying again", extra={**context, "seconds": wait, "error": error.message})
            await self._store.retry(job, self._clock.now() + timedelta(seconds=wait), error.message)
            return
        log.error("delivery given up", extra={**context, "error": error.message, "hint": error.hint})
        if not isinstance(job.effect, events.Resume) and (error.final or error.gone):
            # a card that is gone for good can no more be answered than one that never came
            await self._desk.undelivered(job.ticket_id, job.effect.place, reason(error))
        await self._store.done(job)

    async def _wait(self, job: Job, error: errors.ChannelError) -> float | None:
        asked = error.retry_after or 0.0
        if isinstance(job.effect, events.Resume) and self._resumer is not None:
            # one that cannot be read is tried as rarely as a card is
            with contextlib.suppress(errors.Unreadable):
                wait = self._resumer.next_try(await self._store.load(job.ticket_id), job.attempts + 1)
                return None if wait is None else max(asked, wait)
        if isinstance(job.effect, events.Redraw) and job.attempts >= _MOST_REDRAWS:
            return None
        state = tenacity.RetryCallState(tenacity.AsyncRetrying(), None, (), {})
        state.attempt_number = job.attempts + 1
        return max(asked, _BACKOFF(state))

    async def _note(self, ticket: model.Ticket, place: model.Place, message: str) -> None:
        at: datetime = self._clock.now()
        await self._store.append(ticket.id, ticket.version, events.Delivered(at=at, place=place, message=message))

    async def _noted(self, ticket: model.Ticket, place: model.Place) -> bool:
        rows = await self._store.log(ticket.id)
        return any(isinstance(row.entry, events.Delivered) and row.entry.place == place for row in rows)

    def _channel(self, place: model.Place) -> channel.Channel:
        return self._channels[model.channel_of(place)]


def reason(error: errors.ChannelError) -> str:
    """Why a place was given up, with what to do about it: what the agent and its people read."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
