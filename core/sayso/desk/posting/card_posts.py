"""Posts and edits the card of one request; where it has a row on the card of several, that one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from sayso import errors, model
from sayso.cards import card
from sayso.desk import channel
from sayso.desk.posting import batch_posts, batching, deliveries, late_cards, leases, outages, reaching
from sayso.desk.shell import Shell
from sayso.machine import silence
from sayso.stores import Job

log = logging.getLogger(__name__)


class CardPosts:
    """The cards of single requests on the channels of one courier."""

    def __init__(
        self,
        shell: Shell,
        channels: Callable[[model.Place], channel.Channel],
        recorded: deliveries.Deliveries,
        batches: batch_posts.BatchPosts,
    ) -> None:
        self._desk = shell
        self._store = shell.store
        self._channel = channels
        self._deliveries = recorded
        self._batches = batches

    async def announce(self, ticket: model.Ticket, place: model.Place, job: Job, watch: outages.Watch) -> bool:
        """Show a request at a place of its route, unless its card stands there; whether the job has ended by that.

        Raises:
            ChannelError: it could not be posted.
        """
        again = job.attempts > 0
        posted = next((posted for posted in await self._store.cards(ticket.id) if posted.place == place), None)
        if posted is not None and posted.channel == batching.CHANNEL:
            row = batch_posts.Group((job,), place, posted.conversation)
            if await self._batches.announce(row, again=again):
                if again and ticket.request.batch is not None:
                    await self._tend_alone(ticket, place)
                return False
            posted = None
        if posted is None and (not again or await self._never_came(ticket, place)):
            if await self._batches.gather(ticket, place, job):
                return False
            if not again:
                return await self._post_first(ticket, place, job, watch)
        late = await late_cards.others(self._desk, posted) if posted and again else ()
        if posted is not None:
            # an earlier try was cut short after this; nobody knows which state it showed
            posted = await self._edit(ticket, posted)
        else:
            posted = await self._post(ticket, place)
        if not await deliveries.first(self._store, ticket.id, place):
            await self._deliveries.record(ticket, place, posted.message, posted.shown)
        for one in late:
            await self._edit(ticket, one)
        await self._catch_up(ticket, [posted, *late])
        return False

    async def _never_came(self, ticket: model.Ticket, place: model.Place) -> bool:
        """Whether no card came of earlier tries for what its agent gathers: another process may gather it just now."""
        platform = self._desk.platforms.get(model.channel_of(place))
        if ticket.request.batch is None or platform is None or platform.find_cards is None:
            return False
        return not await late_cards.adopt(self._desk, ticket.id, place)

    async def _tend_alone(self, ticket: model.Ticket, place: model.Place) -> None:
        """Take care of a card of its own that an earlier try sent, before others came with which it stands now."""
        late = await late_cards.adopt(self._desk, ticket.id, place)
        for one in late:
            await self._edit(ticket, one)
        await self._catch_up(ticket, late)

    async def _post_first(self, ticket: model.Ticket, place: model.Place, job: Job, watch: outages.Watch) -> bool:
        if ticket.decision is not None:
            return False
        posted = await self._channel(place).post(place, await self._draw(ticket), again=False)
        if watch.end():
            # it is told behind this that it is there after all: until then the job stays
            await self._store.add_card(posted)
            await self._deliveries.record(ticket, place, posted.message, posted.shown)
        elif await self._deliveries.settle(job, ticket, posted):
            return True
        await self._catch_up(ticket, [posted])
        return False

    async def _catch_up(self, shown: model.Ticket, cards: Sequence[model.PostedCard]) -> None:
        # it may have been decided while the card was on its way, when there was no card yet to redraw
        while (ticket := await self._store.load(shown.id)).version != shown.version:
            cards = [await self._edit(ticket, one) for one in cards]
            shown = ticket

    async def redraw(self, ticket: model.Ticket, place: model.Place) -> None:
        """Bring the cards of a request at a place up to date. Raises `ChannelError`."""
        began = self._desk.clock.now()
        for posted in await self._store.cards(ticket.id):
            if posted.place == place and posted.channel == batching.CHANNEL:
                await self._batches.redraw(posted.conversation)
            elif posted.place == place:
                moved = await self._edit(ticket, posted)
                if moved != posted:
                    await self._deliveries.record(ticket, place, moved.message, moved.shown)
                if (self._desk.clock.now() - began).total_seconds() >= leases.LEASE:
                    # this process stood still: its lease is over, and somebody else may have drawn something newer
                    await self._catch_up(ticket, [moved])

    async def _post(self, ticket: model.Ticket, place: model.Place) -> model.PostedCard:
        """Post a card that may stand there already."""
        posted = await self._channel(place).post(place, await self._draw(ticket), again=True)
        await self._store.add_card(posted)
        return posted

    async def _draw(self, ticket: model.Ticket) -> card.Card:
        drawn = await self._desk.draw_posted(ticket)
        awake = silence.mentioned(ticket, self._desk.setup.directory, drawn.notify, self._desk.clock.now())
        notify = await reaching.in_person(self._desk, ticket, awake or ())
        return drawn if notify == drawn.notify else replace(drawn, notify=notify)

    async def _edit(self, ticket: model.Ticket, posted: model.PostedCard) -> model.PostedCard:
        """Bring a card up to date, and return where it is now. If somebody took a pending one away, post it anew."""
        try:
            await self._channel(posted.place).edit(posted, await self._draw(ticket))
            return posted
        except errors.ChannelError as error:
            if not error.gone:
                raise
            if ticket.decision is not None:
                log.info("card of a decided request is gone", extra={"ticket": ticket.id, "error": error.message})
                # an earlier job may have posted it anew and been cut short
                for late in await late_cards.adopt(self._desk, ticket.id, posted.place):
                    await self._channel(posted.place).edit(late, await self._draw(ticket))
                return posted
            log.warning("card is gone, posting it again", extra={"ticket": ticket.id, "error": error.message})
            why = error.message
        try:
            # an earlier job may have posted it anew and died, which the present one does not know
            moved = await self._post(ticket, posted.place)
        except errors.ChannelError as error:
            error.message, error.gone = f"{why}, and then {error.message}", True
            raise
        await self._store.remove_card(posted)
        return moved
