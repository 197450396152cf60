"""The only door out: takes effects from the outbox and performs them. Deliveries are at least once, and repeatable."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol, assert_never

from sayso import clock, errors, model
from sayso.cards import telling
from sayso.desk import authority, channel
from sayso.desk.desk import Desk
from sayso.desk.posting import (
    batch_posts,
    batching,
    card_posts,
    deliveries,
    lanes,
    late_cards,
    leases,
    outages,
    reminders,
)
from sayso.machine import events
from sayso.stores import Job, Store

log = logging.getLogger(__name__)

# Seconds. Cards are tried again soon at first, then at most every five minutes.
_LONGEST_WAIT = 300.0
# What a stopped courier has sent may arrive as late as this: who goes on for it would not find it, or be overtaken.
_ON_ITS_WAY = 5.0
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
        self._deliveries = deliveries.Deliveries(self._store, self._clock)
        self._batches = batch_posts.BatchPosts(desk, self._channel, self._deliveries, self._outages)
        self._cards = card_posts.CardPosts(desk, self._channel, self._deliveries, self._batches)
        others = {events.CALLBACK: resumer, events.PUSH: pusher}
        self._names = [*self._channels, *(name for name, one in others.items() if one)]

    async def run(self) -> None:
        """Deliver until an error or the end. Each channel has its own lane, so that a slow one holds up no other."""
        passed_over = self._outages.passed_over
        making = (lanes.Lane(name, self._store, self._clock, self._plan, passed_over) for name in self._names)
        running = [asyncio.create_task(lane.run()) for lane in making]
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()  # only an error ends a lane
        finally:
            await lanes.stop(running)

    async def deliver(self) -> int:
        """Perform all effects that are due now, and return how many there were."""
        works = await lanes.take(self._store, self._clock, self._names, lanes.AT_ONCE, self._plan)
        async with leases.keep(self._store, self._clock, lambda: [work.held for work in works]):
            # not a task group: the caller must see a lost database as such, and not inside a group
            doing = [asyncio.create_task(work.perform(self._clock)) for work in works]
            try:
                if doing:
                    await asyncio.wait(doing)
            finally:
                await lanes.stop(doing)
            for one in doing:
                one.result()
        return sum(len(work.jobs) for work in works)

    async def _plan(self, jobs: Sequence[Job]) -> tuple[Sequence[lanes.Work], bool]:
        groups, begins = await self._batches.group(jobs) if len(jobs) > 1 else ([], False)
        works = [
            lanes.Work(group.jobs, functools.partial(self._guard, group.jobs, self._act_together, group))
            for group in groups
        ]
        shared = {job.key for work in works for job in work.jobs}
        alone = (job for job in jobs if job.key not in shared)
        return [*works, *(lanes.Work((job,), functools.partial(self._perform, job)) for job in alone)], begins

    async def _act_together(self, group: batch_posts.Group) -> bool:
        with self._desk.watched.delivery(group.jobs, None):
            await self._batches.act(group)
        return False

    async def _perform(self, job: Job) -> None:
        await self._guard((job,), self._act, job)

    async def _act(self, job: Job) -> bool:
        ticket = await self._store.load(job.ticket_id)
        with self._desk.watched.delivery((job,), ticket):
            return await self._deliver(job, ticket)

    async def _deliver(self, job: Job, ticket: model.Ticket) -> bool:
        """Whether the job has ended by that."""
        match job.effect:
            case events.Announce(place=place):
                async with self._outages.watch(job, ticket, place) as watch:
                    return await self._cards.announce(ticket, place, job, watch)
            case events.Redraw(place=place):
                await self._cards.redraw(ticket, place)
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
        return False

    async def _guard(self, jobs: Sequence[Job], act: Callable[[Any], Awaitable[bool]], what: Any) -> None:
        try:
            ended = await act(what)
        except asyncio.CancelledError:
            # the next taker need not wait for the lease to end, but until what was sent is there
            await self._hand_back(jobs, "the courier was stopped")
            raise
        except leases.LeaseOver as error:
            # whoever has it by now goes on with it; what nobody has is tried anew
            log.warning("effect given back", extra={"ticket": jobs[0].ticket_id, "error": error.message})
            await self._hand_back(jobs, error.message)
        except errors.NotYet as error:
            # neither a try nor a failure: the channel keeps the place in its queue
            log.debug("delivery waits its turn", extra={"ticket": jobs[0].ticket_id, "seconds": error.wait})
            for job in jobs:
                await self._outages.waits(job, error)
                await self._store.put_off(job, self._clock.now() + timedelta(seconds=error.wait))
        except errors.ChannelError as error:
            for job in jobs:
                await self._fail(job, error)
        except Exception as error:
            # one bad row must not stop the others; it is tried again, ever more rarely
            said = _tell_of(error, jobs[0])
            for job in jobs:
                await self._fail(job, errors.ChannelError(said))
        else:
            for job in () if ended else jobs:
                await self._finish(job)

    async def _finish(self, job: Job) -> None:
        at = await late_cards.look_at(self._desk, job)
        if at is None:
            await self._store.done(job)
        else:
            await self._store.retry(job, at, "an earlier try may come late")

    async def _hand_back(self, jobs: Sequence[Job], why: str) -> None:
        soon = self._clock.now() + timedelta(seconds=_ON_ITS_WAY)
        # where this fails as well, the lease ends by itself
        with contextlib.suppress(errors.StoreUnavailable):
            for job in jobs:
                match job.effect:
                    case events.Redraw() | events.Push():
                        await self._store.put_off(job, soon)  # to draw it once more does no harm
                    case events.Announce() | events.Resume() | events.Tell() | events.Remind():
                        await self._store.retry(job, soon, why)
                    case _:
                        assert_never(job.effect)

    async def _resume(self, ticket: model.Ticket) -> None:
        if not await authority.holds(self._store, ticket.key):
            log.info("nobody is told", extra={"ticket": ticket.id, "why": "the key that asked was revoked"})
        elif ticket.held:
            log.info("nobody is told", extra={"ticket": ticket.id, "why": "an older copy of the database was put back"})
        elif self._resumer is not None and await self._resumer.resume(ticket):
            await self._deliveries.record(ticket, events.CALLBACK, "")

    async def _tell(self, ticket: model.Ticket, place: model.Place, *, again: bool) -> None:
        platform = self._desk.platforms.get(model.channel_of(place))
        if ticket.held or platform is None or platform.messenger is None:
            log.info("the requester is not told", extra={"ticket": ticket.id, "place": place, "held": ticket.held})
            return
        cards = [posted for _, posted in await batching.cards_of(self._store, ticket.id)]
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

    def _channel(self, place: model.Place) -> channel.Channel:
        return self._channels[model.channel_of(place)]


def _tell_of(error: Exception, job: Job) -> str:
    """Log what the channel did not raise, and say what it was."""
    context = {"ticket": job.ticket_id, "effect": job.effect.type}
    if isinstance(error, errors.StoreUnavailable) and not isinstance(error, errors.Unreadable):
        log.warning("effect not performed", extra={**context, "error": error.message, "hint": error.hint})
        return "the database could not be used"
    log.error("effect failed", extra=context, exc_info=error)
    return f"{type(error).__name__} inside the channel"


def _backoff(failed: int) -> float:
    """Seconds until the next try of a card, with jitter so that replicas do not march in step."""
    return min(_LONGEST_WAIT, 2.0 ** min(failed - 1, 16) + random.random())


reason = outages.reason
