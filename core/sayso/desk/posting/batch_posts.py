"""Posts and edits the cards that stand for several requests, and says which jobs are performed as one.

The rule: a lone request never waits for others. Only what waits already at the same moment shares a card.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sayso import aside, errors, model
from sayso.cards import card, tokens
from sayso.desk import channel
from sayso.desk.posting import (
    batch_claims,
    batch_gathering,
    batching,
    deliveries,
    late_cards,
    leases,
    outages,
    reaching,
)
from sayso.desk.shell import Shell
from sayso.machine import events, silence
from sayso.stores import Job

log = logging.getLogger(__name__)

LEAST = 3
"""So many like requests that wait at the same moment share a card; of fewer each has its own."""


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs of one place that are performed as one: they concern one batch, or requests that begin one."""

    jobs: tuple[Job, ...]
    place: model.Place
    ref: str | None
    tickets: tuple[model.Ticket, ...] = ()


class BatchPosts:
    """The cards of batches on the channels of one courier."""

    def __init__(
        self,
        shell: Shell,
        channels: Callable[[model.Place], channel.Channel],
        recorded: deliveries.Deliveries,
        watching: outages.Outages,
    ) -> None:
        self._shell = shell
        self._deliveries = recorded
        self._outages = watching
        self._store = shell.store
        self._channel = channels
        self._process = tokens.new_ref()
        # one at a time posts a card of a batch here; for other processes see batch_claims
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def group(self, jobs: Sequence[Job]) -> tuple[list[Group], bool]:
        """Those of *jobs* that are performed as one, and whether some of them begin a batch that more may join.

        All others are performed alone.
        """
        found: list[Group] = []
        begins = False
        for place, some in _by_place(jobs, events.Redraw).items():
            found += await self._shared(place, some)
        for place, some in _by_place(jobs, events.Announce).items():
            if len(some) >= LEAST and self._rows(place):
                joined = await self._shared(place, some)
                taken = {job.key for one in joined for job in one.jobs}
                alike = await self._alike(place, [job for job in some if job.key not in taken])
                begins = begins or any(len(one.jobs) > 1 for one in alike)
                found += [*joined, *(one for one in alike if len(one.jobs) >= LEAST)]
        return found, begins

    async def act(self, group: Group) -> None:
        """Perform the jobs of a group. Raises `ChannelError`."""
        again = any(job.attempts for job in group.jobs)
        if group.ref is not None and isinstance(group.jobs[0].effect, events.Redraw):
            await self.redraw(group.ref)
        elif not await self.announce(group, again=again):
            raise errors.ChannelError("the card of several requests is not known any more")

    async def announce(self, group: Group, *, again: bool) -> bool:
        """Post the card of a batch, or bring it up to date. Returns False if it is not known, or does not hold them."""
        ref = group.ref or (await batching.form(self._store, group.place, group.tickets)).ref
        found = await batching.load(self._store, ref)
        if found is None or not {job.ticket_id for job in group.jobs} <= set(found.tickets):
            return False
        async with self._locks.setdefault(ref, asyncio.Lock()), contextlib.AsyncExitStack() as watched:
            tickets = {one.id: one for one in await batching.tickets_of(self._store, found)}
            for job in group.jobs if len(group.jobs) > 1 else ():
                if ticket := tickets.get(job.ticket_id):
                    await watched.enter_async_context(self._outages.watch(job, ticket, found.place))
            if group.ref is not None and not await self._store.cards(found.id):
                clock = self._shell.clock
                before, ends = await batch_claims.claim(self._store, ref, self._process, clock.now())
                watched.enter_context(leases.under(clock, lambda: ends))
                again |= before
            await self._announce(found, {job.ticket_id for job in group.jobs}, again=again)
        return True

    async def gather(self, ticket: model.Ticket, place: model.Place, job: Job) -> bool:
        """Show a request among those that its agent says it belongs to. Returns False if it stays alone.

        Raises:
            NotYet: more of them are to come.
            ChannelError: the card could not be shown.
        """
        rows = min(self._rows(place), batching.MOST_ROWS)
        if ticket.request.batch is None or rows < LEAST or not batching.may_stand(ticket):
            return False
        name = f"{ticket.owner} {ticket.request.batch.id} {place}"
        async with self._locks.setdefault(name, asyncio.Lock()):
            found = await batch_gathering.ref_for(self._shell, ticket, place, rows)
        if found is None:
            return False
        ref, joined = found
        return await self.announce(Group((job,), place, ref), again=joined or job.attempts > 0)

    async def redraw(self, ref: str) -> None:
        """Bring the cards of a batch up to date."""
        found = await batching.load(self._store, ref)
        if found is None:
            return
        async with self._locks.setdefault(ref, asyncio.Lock()):
            tickets = await batching.tickets_of(self._store, found)
            for posted in await self._store.cards(found.id):
                moved = await self._edit(found, tickets, posted)
                for one in tickets if moved != posted else ():
                    await self._deliveries.record(one, found.place, moved.message, moved.shown)
                # another process may have drawn it for another of its requests, later than here, and been faster
                await self._catch_up(found, tickets, moved)

    async def _announce(self, found: batching.Batch, mine: set[str], *, again: bool) -> None:
        tickets = await batching.tickets_of(self._store, found)
        posted = next(iter(await self._store.cards(found.id)), None)
        if posted is None and not again and all(one.decision is not None for one in tickets):
            return
        if posted is None:
            posted = await self._post(found, tickets, again=again)
        elif again:
            posted = await self._edit(found, tickets, posted)
            for late in await late_cards.others(self._shell, posted):
                await self._catch_up(found, tickets, await self._edit(found, tickets, late))
        for one in tickets:
            if one.id in mine and not await deliveries.first(self._store, one.id, found.place):
                await self._deliveries.record(one, found.place, posted.message, posted.shown)
        await self._catch_up(found, tickets, posted)

    async def _catch_up(self, found: batching.Batch, shown: Sequence[model.Ticket], posted: model.PostedCard) -> None:
        # some may have been decided while the card was on its way
        while _versions(tickets := await batching.tickets_of(self._store, found)) != _versions(shown):
            posted = await self._edit(found, tickets, posted)
            shown = tickets

    async def _post(self, found: batching.Batch, tickets: Sequence[model.Ticket], *, again: bool) -> model.PostedCard:
        drawn = await self._draw(found, tickets)
        posted = await self._channel(found.place).post(found.place, drawn, again=again)
        await self._store.add_card(posted)
        return posted

    async def _edit(
        self, found: batching.Batch, tickets: Sequence[model.Ticket], posted: model.PostedCard
    ) -> model.PostedCard:
        """Bring a card up to date, and return where it is now; a pending one that was taken away is posted anew."""
        try:
            await self._channel(posted.place).edit(posted, await self._draw(found, tickets))
            return posted
        except errors.ChannelError as error:
            if not error.gone:
                raise
            if all(one.decision is not None for one in tickets):
                log.info("card of decided requests is gone", extra={"error": error.message})
                # an earlier job may have posted it anew and been cut short
                for late in await late_cards.adopt(self._shell, posted.ticket_id, posted.place):
                    await self._channel(late.place).edit(late, await self._draw(found, tickets))
                return posted
            log.warning("card is gone, posting it again", extra={"error": error.message})
        # an earlier job may have posted it anew and died, which the present one does not know
        moved = await self._post(found, tickets, again=True)
        await self._store.remove_card(posted)
        return moved

    async def _draw(self, found: batching.Batch, tickets: Sequence[model.Ticket]) -> card.Card:
        drawn = await batching.draw_batch(self._shell, found, tickets)
        # they are alike, so that the same people may hear of all of them
        directory, now = self._shell.setup.directory, self._shell.clock.now()
        awake = silence.mentioned(tickets[0], directory, drawn.notify, now)
        return replace(drawn, notify=await reaching.in_person(self._shell, tickets[0], awake or ()))

    async def _shared(self, place: model.Place, jobs: Sequence[Job]) -> list[Group]:
        """The jobs of requests that have a row on one card already."""
        cards: dict[str, list[model.PostedCard]] = {}
        for one in await self._store.cards(*(job.ticket_id for job in jobs)):
            if one.place == place:
                cards.setdefault(one.ticket_id, []).append(one)
        by_ref: dict[str, list[Job]] = {}
        for job in jobs:
            mine = cards.get(job.ticket_id, ())
            # one that has a card of its own beside it is performed alone, which takes care of both
            if len(mine) == 1 and mine[0].channel == batching.CHANNEL:
                by_ref.setdefault(mine[0].conversation, []).append(job)
        groups: list[Group] = []
        for ref, some in by_ref.items():
            # of one that is not known, or that does not hold it, each request has a card of its own
            found = await batching.load(self._store, ref)
            if held := tuple(job for job in some if found and job.ticket_id in found.tickets):
                groups.append(Group(held, place, ref))
        return groups

    async def _alike(self, place: model.Place, jobs: Sequence[Job]) -> list[Group]:
        """The jobs of requests that can stand on one card, as many together as it has rows."""
        fresh = [job for job in jobs if not job.attempts]
        loaded = await asyncio.gather(*(self._store.load(job.ticket_id) for job in fresh), return_exceptions=True)
        alike: dict[str, list[tuple[Job, model.Ticket]]] = {}
        for job, ticket in zip(fresh, loaded, strict=True):
            # one that cannot be read is performed alone, and fails there
            # what its agent gathers waits for its own
            if isinstance(ticket, model.Ticket) and ticket.request.batch is None and batching.may_share(ticket):
                alike.setdefault(await aside.run(batching.group_of, ticket), []).append((job, ticket))
        most = min(self._rows(place), batching.MOST_ROWS)
        cut = (some[start : start + most] for some in alike.values() for start in range(0, len(some), most))
        return [Group(tuple(job for job, _ in some), place, None, tuple(one for _, one in some)) for some in cut]

    def _rows(self, place: model.Place) -> int:
        platform = self._shell.platforms.get(model.channel_of(place))
        return platform.rows if platform else 0


def _by_place(jobs: Sequence[Job], kind: type[events.Announce | events.Redraw]) -> dict[model.Place, list[Job]]:
    """The jobs of this kind, by place; a place with one job has nothing to share."""
    found: dict[model.Place, list[Job]] = {}
    for job in jobs:
        if isinstance(job.effect, kind):
            found.setdefault(job.effect.place, []).append(job)
    return {place: some for place, some in found.items() if len(some) > 1}


def _versions(tickets: Iterable[model.Ticket]) -> list[tuple[str, int]]:
    return [(one.id, one.version) for one in tickets]
