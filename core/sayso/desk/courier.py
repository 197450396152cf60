"""The only door out: takes effects from the outbox and performs them. Deliveries are at least once, and repeatable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, assert_never

from sayso import aside, clock, errors, model
from sayso.cards import card, draw, telling
from sayso.desk import authority, channel, lanes, outages, reaching, reminders
from sayso.desk.desk import Desk
from sayso.machine import events
from sayso.stores import Job, Store

log = logging.getLogger(__name__)

LEASE = lanes.LEASE
# Seconds. Cards are tried again soon at first, then at most every five minutes.
_LONGEST_WAIT = 300.0
# A card that could not be edited this often is left as it is; a press on it is still answered truly.
_MOST_REDRAWS = 30
# Whoever could not be told in about an hour reads it on the card.
_MOST_TELLS = 20


class Resumer(Protocol):
    """Hands a decision to the address that a request named."""

    async def resume(self, ticket: model.Ticket) -> bool:
        """Deliver once; returns False if there is no receiver.

        Raises:
            ChannelError: it was not taken; `final` if a retry cannot help.
        """
        ...

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        """Return the seconds until the next try, after *attempts* failed tries; None gives up.

        If the receiver asked for a longer wait, that one counts.
        """
        ...


class Pusher(Protocol):
    """Tells people on their devices."""

    async def update(self, ticket: model.Ticket) -> None:
        """Bring the notifications of a request up to date; done twice it tells nobody twice.

        Raises:
            ChannelError: somebody was not reached, and may be later.
        """
        ...


class Courier:
    """Performs effects for the channels it was given. Any number of couriers may share a store."""

    def __init__(
        self,
        desk: Desk,
        channels: Sequence[channel.Channel],
        resumer: Resumer | None = None,
        pusher: Pusher | None = None,
    ) -> None:
        self._desk = desk
        self._store: Store = desk.store
        self._clock: clock.Clock = desk.clock
        self._channels: Mapping[str, channel.Channel] = {one.name: one for one in channels}
        self._resumer = resumer
        self._pusher = pusher
        self._outages = outages.Outages(desk)
        others = {events.CALLBACK: resumer, events.PUSH: pusher}
        self._names = [*self._channels, *(name for name, one in others.items() if one)]

    async def run(self) -> None:
        """Deliver until an error or the end. Each channel has its own lane, so that a slow one holds up no other."""
        making = (lanes.Lane(name, self._store, self._clock, self._perform) for name in self._names)
        running = [asyncio.create_task(lane.run()) for lane in making]
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()  # only an error ends a lane
        finally:
            await lanes.stop(running)

    async def deliver(self) -> int:
        """Perform all effects that are due now, and return how many there were."""
        jobs = await self._store.take(self._names, self._clock.now(), lanes.LEASE)
        async with lanes.keep_leases(self._store, self._clock, jobs):
            # not a task group: the caller must see a lost database as such, and not inside a group
            for failed in await asyncio.gather(*map(self._perform, jobs), return_exceptions=True):
                if failed is not None:
                    raise failed
        return len(jobs)

    async def _perform(self, job: Job) -> None:
        try:
            ticket = await self._store.load(job.ticket_id)
            match job.effect:
                case events.Announce(place=place):
                    async with self._outages.watch(job, ticket, place):
                        await self._announce(ticket, place, again=job.attempts > 0)
                case events.Redraw(place=place):
                    await self._redraw(ticket, place, again=job.attempts > 0)
                case events.Resume():
                    await self._resume(ticket)
                case events.Tell(place=place):
                    await self._tell(ticket, place, again=job.attempts > 0)
                case events.Remind():
                    await reminders.remind(self._desk, ticket, job.effect, again=job.attempts > 0)
                case events.Push():
                    if self._pusher is not None:
                        await self._pusher.update(ticket)
                case _:
                    assert_never(job.effect)
        except asyncio.CancelledError:
            # the next taker need not wait for the lease to end
            with contextlib.suppress(errors.StoreUnavailable):
                await self._hand_back(job)
            raise
        except errors.NotYet as error:
            # neither a try nor a failure: the channel keeps the place in its queue
            log.debug("delivery waits its turn", extra={"ticket": job.ticket_id, "seconds": error.wait})
            await self._store.put_off(job, self._clock.now() + timedelta(seconds=error.wait))
        except errors.ChannelError as error:
            await self._fail(job, error)
        except Exception as error:
            # one bad row must not stop the others; it is tried again, ever more rarely
            log.exception("effect failed", extra={"ticket": job.ticket_id, "effect": job.effect.type})
            await self._fail(job, errors.ChannelError(f"{type(error).__name__} inside the channel"))
        else:
            await self._store.done(job)

    async def _hand_back(self, job: Job) -> None:
        match job.effect:
            case events.Redraw() | events.Push():
                await self._store.put_off(job, self._clock.now())  # to draw it once more does no harm
            case events.Announce() | events.Resume() | events.Tell() | events.Remind():
                await self._store.retry(job, self._clock.now(), "the courier was stopped")
            case _:
                assert_never(job.effect)

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
        if fresh or not await self._is_recorded(ticket, place):
            await self._record_delivery(ticket, place, posted.message, posted.shown)
        await self._catch_up(ticket, posted)

    async def _catch_up(self, shown: model.Ticket, posted: model.PostedCard) -> None:
        # it may have been decided while the card was on its way, when there was no card yet to redraw
        while (ticket := await self._store.load(shown.id)).version != shown.version:
            posted = await self._edit(ticket, posted, again=False)
            shown = ticket

    async def _redraw(self, ticket: model.Ticket, place: model.Place, *, again: bool) -> None:
        for posted in await self._store.cards(ticket.id):
            if posted.place == place:
                moved = await self._edit(ticket, posted, again=again)
                if moved != posted:
                    await self._record_delivery(ticket, place, moved.message, moved.shown)

    async def _post(self, ticket: model.Ticket, place: model.Place, *, again: bool) -> model.PostedCard:
        posted = await self._channel(place).post(place, await self._draw(ticket), again=again)
        await self._store.add_card(posted)
        return posted

    async def _draw(self, ticket: model.Ticket) -> card.Card:
        drawn = await aside.run(draw.card_of, ticket, self._desk.mint, self._desk.setup.directory)
        return replace(drawn, notify=await reaching.in_person(self._desk, drawn.notify))

    async def _edit(self, ticket: model.Ticket, posted: model.PostedCard, *, again: bool) -> model.PostedCard:
        """Bring a card up to date, and return where it is now. If somebody took a pending one away, post it anew."""
        try:
            await self._channel(posted.place).edit(posted, await self._draw(ticket))
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
            moved = await self._post(ticket, posted.place, again=again)
        except errors.ChannelError as error:
            error.message, error.gone = f"{why}, and then {error.message}", True
            raise
        await self._store.remove_card(posted)
        return moved

    async def _resume(self, ticket: model.Ticket) -> None:
        if not await authority.holds(self._store, ticket.key):
            log.info("nobody is told", extra={"ticket": ticket.id, "why": "the key that asked was revoked"})
        elif ticket.held:
            log.info("nobody is told", extra={"ticket": ticket.id, "why": "an older copy of the database was put back"})
        elif self._resumer is not None and await self._resumer.resume(ticket):
            await self._record_delivery(ticket, events.CALLBACK, "")

    async def _tell(self, ticket: model.Ticket, place: model.Place, *, again: bool) -> None:
        platform = self._desk.platforms.get(model.channel_of(place))
        if ticket.held or platform is None or platform.messenger is None:
            log.info("the requester is not told", extra={"ticket": ticket.id, "place": place, "held": ticket.held})
            return
        cards = await self._store.cards(ticket.id)
        said = telling.outcome(ticket)
        await platform.messenger.tell(place, said, cards, ticket_id=ticket.id, again=again)

    async def _fail(self, job: Job, error: errors.ChannelError) -> None:
        context = {"ticket": job.ticket_id, "effect": job.effect.type, "attempt": job.attempts + 1}
        wait = None if error.final else await self._wait_after(job, error)
        if wait is not None:
            await self._outages.failed(job, error, wait)
            log.warning("delivery failed, trying again", extra={**context, "seconds": wait, "error": error.message})
            await self._store.retry(job, self._clock.now() + timedelta(seconds=wait), error.message)
            return
        log.error("delivery given up", extra={**context, "error": error.message, "hint": error.hint})
        match job.effect:
            case events.Announce(place=place) | events.Redraw(place=place):
                if error.final or error.gone:
                    # a card that is gone for good can no more be answered than one that never came
                    await self._desk.place_lost(job.ticket_id, place, reason(error))
            case events.Resume() | events.Tell() | events.Remind() | events.Push():
                pass
            case _:
                assert_never(job.effect)
        await self._store.done(job)

    async def _wait_after(self, job: Job, error: errors.ChannelError) -> float | None:
        """The seconds until the next try; None gives up."""
        failed = job.attempts + 1
        match job.effect:
            case events.Announce():
                wait: float | None = _backoff(failed)
            case events.Redraw():
                wait = _backoff(failed) if failed <= _MOST_REDRAWS else None
            case events.Tell() | events.Remind() | events.Push():
                wait = _backoff(failed) if failed <= _MOST_TELLS else None
            case events.Resume():
                wait = await self._wait_for_receiver(job.ticket_id, failed)
            case _:
                assert_never(job.effect)
        return None if wait is None else max(error.retry_after or 0.0, wait)

    async def _wait_for_receiver(self, ticket_id: str, failed: int) -> float | None:
        if self._resumer is not None:
            with contextlib.suppress(errors.Unreadable):
                return self._resumer.next_try(await self._store.load(ticket_id), failed)
        # one that cannot be read is tried as rarely as a card is
        return _backoff(failed)

    async def _record_delivery(self, ticket: model.Ticket, place: model.Place, message: str, shown: str = "") -> None:
        at: datetime = self._clock.now()
        entry = events.Delivered(at=at, place=place, message=message, shown=shown or None)
        await self._store.append(ticket.id, ticket.version, entry)

    async def _is_recorded(self, ticket: model.Ticket, place: model.Place) -> bool:
        rows = await self._store.log(ticket.id)
        return any(isinstance(row.entry, events.Delivered) and row.entry.place == place for row in rows)

    def _channel(self, place: model.Place) -> channel.Channel:
        return self._channels[model.channel_of(place)]


def _backoff(failed: int) -> float:
    """Seconds until the next try of a card, with jitter so that replicas do not march in step."""
    return min(_LONGEST_WAIT, 2.0 ** min(failed - 1, 16) + random.random())


reason = outages.reason
