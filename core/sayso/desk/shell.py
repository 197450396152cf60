"""What the desk stands on: the store, the clock, the set-up, and the one loop that loads, steps and stores."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sayso import aside, errors, machine, model
from sayso import clock as clocks
from sayso.cards import card, draw, tokens
from sayso.content import requests, text
from sayso.desk import authority, channel, refused_uses
from sayso.desk.admission import keeping, learned, quota, receipting, reviewing, together
from sayso.desk.setup import Caller, Setup
from sayso.desk.upkeep import watching
from sayso.machine import delegating, events, people
from sayso.stores import Store
from sayso.stores.occupied import Occupied

if TYPE_CHECKING:
    from sayso import stats

# More tries than writers could ever win in a row against one click.
_TRIES = 100
# What a stop forbids, or what it keeps time from doing.
_UNDER_STOPS = (
    events.Answered,
    events.TakenBack,
    events.Settled,
    events.Ticked,
    events.Used,
    events.Redeemed,
)
# These take the digest of the whole content.
_WEIGHING = events.Answered, events.Settled, events.Used, events.Redeemed


Look = Callable[[model.Ticket, events.Event], Awaitable[events.Event]]
"""Finds out elsewhere what an event must say of a ticket."""


class Shell:
    """The thin shell around the machine. It knows no person: whoever answers comes through `sayso.desk.Desk`."""

    def __init__(
        self,
        store: Store,
        maker: tokens.TokenMaker,
        setup: Setup | None = None,
        clock: clocks.Clock | None = None,
    ) -> None:
        self.store = store
        self.mint = maker
        self.setup = setup or Setup()
        self.clock: clocks.Clock = clock or clocks.SystemClock()
        self.platforms: dict[str, channel.Platform] = {}
        """What this process is connected to, by the name of its channel."""
        self.issuer: receipting.Issuer | None = None
        """Signs receipts, if this process can."""
        self.watched = watching.Watched(self.clock)
        """Who looks on at what is stored and delivered."""
        self.copies = 1
        """How many copies of the service there are, as far as is known; see `reloads`."""
        self.learned: tuple[learned.Learned, ...] = ()
        """What people accepted as a rule, as far as is known here; see `learning`."""
        self.refused_uses = refused_uses.Ledger(self.store, self.clock)
        self.pace = quota.Pace()
        self.room = quota.Room()

    @functools.cached_property
    def numbers(self) -> stats.Numbers:
        """What became of requests, counted once for all who look at it here."""
        # slow to import, and for few programs
        from sayso import stats

        return stats.Numbers(self.store, self.clock)

    @property
    def house(self) -> Setup:
        """The name of `setup` until 0.2."""
        return self.setup

    def acting(self, ticket: model.Ticket, actor: people.Actor) -> model.Person:
        """The person behind an account on this request, who may stand in for somebody who is away."""
        return delegating.acting(self.setup.directory, ticket, actor, self.clock.now())

    async def draw(self, ticket: model.Ticket) -> card.Card:
        """The card of a request; a long one is drawn beside the event loop."""
        large = requests.is_large(ticket, aside.SMALL)
        return await aside.run_large(large, draw.card_of, ticket, self.mint, self.setup.directory)

    async def draw_posted(self, ticket: model.Ticket) -> card.Card:
        """The same for a message in a chat, where a closed request takes a few lines."""
        large = requests.is_large(ticket, aside.SMALL)
        return await aside.run_large(large, draw.posted_card_of, ticket, self.mint, self.setup.directory)

    async def get(self, id: str, caller: Caller | None = None) -> model.Ticket:
        """Return a request with its present state. Raises `NotFound`, also if it belongs to another caller."""
        return machine.read(await self.load_of(id, caller), self.clock.now())

    async def load_of(self, id: str, caller: Caller | None, loaded: model.Ticket | None = None) -> model.Ticket:
        """Return a request as it is stored, or as it was *loaded* a moment ago. Raises as `get`."""
        requests.refuse_no_id(id)
        ticket = loaded or await self.store.load(id)
        if caller is not None and not caller.operator and ticket.owner != caller.owner:
            raise errors.NotFound(f"there is no request {id}", field="id")
        return ticket

    async def cancel(
        self, id: str, caller: Caller | None = None, reason: str | None = None, loaded: model.Ticket | None = None
    ) -> model.Ticket:
        """Withdraw a request that nobody decided yet; a closed one stays as it is. *loaded* is as in `step`.

        Raises:
            NotFound: there is no such request, or another caller asked it.
            Unauthorized: the caller's key was revoked.
        """
        check_whole(reason=reason or "")
        ticket = await self.load_of(id, caller, loaded)
        # what came with the call may have taken its time
        await authority.check(self.store, caller.key if caller else None)
        by = (caller or Caller()).owner
        return await self.step(id, lambda: events.Cancelled(at=self.clock.now(), by=by, reason=reason), ticket)

    async def redeem(self, receipt: str) -> model.Ticket:
        """Use a receipt, immediately before what it was given for runs: for who was shown it. It is good once.

        Raises:
            InvalidToken: it is not a receipt of this service, was altered, or its time is over.
            NotFound, AlreadyUsed, NotUsable, Unauthorized: as `Desk.use`.
        """
        said = receipting.read(self, receipt, self.clock.now())
        ticket = await self.store.load(said["sub"])
        receipting.check(ticket, said)
        # what a revoked key asked runs nowhere
        await authority.check(self.store, ticket.key)
        try:
            return await self.step(
                ticket.id, lambda: events.Redeemed(at=self.clock.now(), audience=said["aud"]), ticket
            )
        except refused_uses.REFUSALS as error:
            await self.refused_uses.record(ticket.id, said["aud"], error, receipt=True)
            raise

    async def newer(self, id: str, version: int, by: datetime | None) -> machine.Awaited:
        """What whoever waits needs of a ticket, once it is newer than *version* or time acts on it at *by*.

        Raises:
            NotFound: there is no such request.
        """
        seen: list[machine.Awaited] = []

        async def changed() -> None:
            seen.append(await self.store.awaited(id, version))

        if not await self.clock.within(by, changed()):
            await self.let_time_act(id)
            return await self.store.awaited(id)
        return seen[0]

    async def let_time_act(self, id: str) -> model.Ticket:
        """Let time act on a request. Raises `NotFound`."""
        return await self.step(id, lambda: events.Ticked(at=self.clock.now()))

    async def place_lost(self, id: str, place: model.Place, reason: str) -> model.Ticket:
        """Take note that a place can never be reached. Raises `NotFound`."""
        return await self.step(id, lambda: events.Undelivered(at=self.clock.now(), place=place, reason=reason))

    async def place_delayed(
        self, id: str, place: model.Place, reason: str, until: datetime | None = None
    ) -> model.Ticket:
        """Take note that a place was not reached so far, or takes no more *until* then. Raises `NotFound`."""
        return await self.step(id, lambda: events.Delayed(at=self.clock.now(), place=place, reason=reason, until=until))

    async def place_reached(self, id: str, place: model.Place) -> model.Ticket:
        """Take note that such a place was reached after all. Raises `NotFound`."""
        return await self.step(id, lambda: events.Reached(at=self.clock.now(), place=place))

    async def card_lost(self, id: str, place: model.Place) -> model.Ticket:
        """Take note that somebody took the card at *place* away. If it is still needed, it is posted anew.

        Raises:
            NotFound: there is no such request.
        """
        return await self.step(id, lambda: events.Lost(at=self.clock.now(), place=place))

    async def record_refusal(self, id: str, person: model.Person, refused: errors.Refused) -> None:
        """Put a refused answer on record, as long as there are not too many of this person."""
        await self.refused_uses.record_answer(id, person, refused)

    # Their names until 0.2.
    tick, undelivered, lost, refused = let_time_act, place_lost, card_lost, record_refusal

    async def step(
        self,
        id: str,
        happened: Callable[[], events.Event],
        loaded: model.Ticket | None = None,
        looked: Look | None = None,
        key: str | None = None,
    ) -> model.Ticket:
        """The ticket after an event, which *happened* makes anew for each try. Raises `NotFound`, and as the rules.

        *loaded* is the ticket as it was read a moment ago: if it has changed since, or the event changes nothing of
        it, it is read again. *looked* makes the event say what must be found out elsewhere about the very ticket that
        it happens to. With a *key* it is refused once that is revoked (`Unauthorized`), which is looked up for each
        try.
        """
        for _ in range(_TRIES):
            fresh = loaded is None
            ticket, loaded = loaded or await self.store.load(id), None
            event = await looked(ticket, happened()) if looked else happened()
            # last, since a chat may take its time to be found out from: a stop or a revocation of meanwhile counts
            acting = await self._first(ticket, event, key)
            try:
                step = await self._stepped(ticket, acting)
            except (errors.Refused, *refused_uses.REFUSALS):
                if fresh:
                    raise
                # nobody is refused for what is over
                continue
            if step.ticket.version == ticket.version:
                if fresh:
                    return ticket
                continue
            beside = await keeping.records(self.store, self.setup, (ticket, step.ticket))
            try:
                ends = await together.closing(self.store, step.ticket) if keeping.decides(ticket, step.ticket) else []
                if review := reviewing.commit_of(ticket, step.ticket):
                    await self.store.commit_together([(step, acting), review], beside)
                elif ends:
                    await self.store.commit_together([(step, acting), *ends], beside)
                else:
                    await self.store.commit(step, acting, beside)
            except errors.Conflict:
                continue
            self.watched.committed(step.ticket, acting, decides=keeping.decides(ticket, step.ticket))
            for end, closes in ends:
                self.watched.committed(end.ticket, closes, decides=True)
            if acting is event:
                return step.ticket
        raise Occupied(f"request {id} changes too fast", hint="try again")

    async def step_together(
        self, happening: Mapping[str, events.Event], looked: Look | None = None, key: str | None = None
    ) -> list[model.Ticket]:
        """The tickets after an event for each: all of them are stored or none. Raises `NotFound`, and as the rules.

        *looked* and *key* are as in `step`.
        """
        for _ in range(_TRIES):
            found = [(await self.store.load(id), event) for id, event in happening.items()]
            said = [(ticket, await looked(ticket, event) if looked else event) for ticket, event in found]
            first = [await self._first(ticket, event, key) for ticket, event in said]
            if late := [ticket for (ticket, event), acting in zip(said, first, strict=True) if acting is not event]:
                # what time or a stop has done comes before it
                for ticket in late:
                    await self.let_time_act(ticket.id)
                continue
            steps = [(ticket, event, await self._stepped(ticket, event)) for ticket, event in said]
            changed = [one for one in steps if one[2].ticket.version > one[0].version]
            beside = await keeping.records(self.store, self.setup, *((one[0], one[2].ticket) for one in changed))
            try:
                if changed:
                    await self.store.commit_together([(step, event) for _, event, step in changed], beside)
            except errors.Conflict:
                continue
            for ticket, event, step in changed:
                self.watched.committed(step.ticket, event, decides=keeping.decides(ticket, step.ticket))
            return [step.ticket for _, _, step in steps]
        raise Occupied("requests that are decided together change too fast", hint="try again")

    async def _stepped(self, ticket: model.Ticket, event: events.Event) -> machine.Step:
        large = isinstance(event, _WEIGHING) and requests.is_large(ticket.request)
        return receipting.attach(self, await aside.run_large(large, machine.step, ticket, event))

    async def _first(self, ticket: model.Ticket, event: events.Event, key: str | None = None) -> events.Event:
        if not isinstance(event, _UNDER_STOPS):
            await authority.check(self.store, key)
        else:
            stop = (await authority.standing(self.store, key)).of(ticket.owner)
            if line := machine.in_line(ticket, stop, event.at):
                return line
        return machine.first(ticket, event)


def check_whole(**given: str) -> None:
    """Refuse text with half a character. Raises `InvalidRequest`."""
    for field, said in given.items():
        if not text.is_whole(said):
            raise errors.InvalidRequest(f"the {field} holds half a character", field=field)
