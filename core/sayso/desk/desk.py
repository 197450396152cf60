"""The only door in: ask, answer, cancel, wait. Whatever surface a person uses, their answer comes through `answer`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, overload

from typing_extensions import TypeVar

from sayso import aside, clock, errors, machine, model
from sayso.cards import dialog, tokens
from sayso.content import requests, text
from sayso.desk import admitting, asker, attendance, authority, channel, notes, pressing, quota
from sayso.desk import house as houses
from sayso.machine import events, people
from sayso.stores import Store

V = TypeVar("V", default=Any)

log = logging.getLogger(__name__)

DEFAULT = houses.DEFAULT
Caller = houses.Caller
House = houses.House
PressedMessage = pressing.PressedMessage
Seat = PressedMessage  # its name until 0.2

# More tries than writers could ever win in a row against one click.
_TRIES = 100


class Desk:
    """The front door over a store. Several desks, in several processes, may share one."""

    def __init__(
        self, kept: Store, mint: tokens.TokenMaker, house: House | None = None, now: clock.Clock | None = None
    ) -> None:
        self.store = kept
        self.mint = mint
        self.house = house or House()
        self.clock: clock.Clock = now or clock.SystemClock()
        self.platforms: dict[str, channel.Platform] = {}
        """What this process is connected to, by the name of its channel."""
        self.attendance = attendance.Attendance(self)
        """Who waits in this process."""
        self.pace = quota.Pace()
        self.room = quota.Room()

    @overload
    async def ask(
        self, request: model.FormRequest[V], caller: Caller | None = None, *, wait: Literal[True] = True
    ) -> model.Decision[V]: ...
    @overload
    async def ask(
        self, request: model.Request, caller: Caller | None = None, *, wait: Literal[True] = True
    ) -> model.Decision: ...
    @overload
    async def ask(
        self, request: model.Request, caller: Caller | None = None, *, wait: Literal[False]
    ) -> asker.Handle: ...
    async def ask(
        self, request: model.Request, caller: Caller | None = None, *, wait: bool = True
    ) -> model.Decision | asker.Handle:
        """Ask, and wait for the decision, however long it takes; with `wait=False` go on with a handle to it.

        Denial and expiry are decisions, not errors. A cancelled wait leaves it open: the same id finds it again.

        Raises:
            InvalidRequest: the request cannot be asked.
            AlreadyExists: its id belongs to a request with other content.
            TooMany: this caller asks too often, or has too much waiting.
        """
        handle = asker.Handle(self, request, await self.open(request, caller))
        return await handle if wait else handle

    async def open(self, request: model.Request, caller: Caller | None = None) -> model.Ticket:
        """Ask without waiting; returns once the request is durable. Raises as `ask`."""
        return (await self.admit(request, caller))[0]

    async def admit(self, request: model.Request, caller: Caller | None = None) -> tuple[model.Ticket, bool]:
        """As `open`, and whether the request is new. Raises as `ask`."""
        return await admitting.admit(self, request, caller or Caller())

    async def wait(self, id: str, caller: Caller | None = None) -> model.Decision:
        """The decision on a request, once there is one.

        Raises:
            NotFound: there is no such request.
            Unauthorized: the key that waits was revoked meanwhile; by default that is the one that asked.
        """
        while True:
            ticket = await self.store.load(id)
            if (decided := machine.read(ticket, self.clock.now())).decision is not None:
                await authority.check(self.store, ticket.key if caller is None else caller.key)
                return decided.decision
            if not await self.clock.within(machine.next_wake(ticket), self.store.changed(id, ticket.version)):
                await self.tick(id)

    def attending(self, id: str, caller: Caller | None = None) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait inside: should this process die there, the request is withdrawn by another one."""
        return self.attendance.attending(id, (caller or Caller()).owner)

    async def get(self, id: str, caller: Caller | None = None) -> model.Ticket:
        """A request with its present state. Raises `NotFound`, also where it belongs to another caller."""
        ticket = await self.store.load(id)
        if caller is not None and not caller.operator and ticket.owner != caller.owner:
            raise errors.NotFound(f"there is no request {id}", field="id")
        return machine.read(ticket, self.clock.now())

    async def answer(
        self, id: str, answer: model.Answer, actor: people.Actor, *, grace: timedelta = timedelta(0)
    ) -> model.Ticket:
        """What one person says to a request. This is the one way to a decision by a person.

        With a *grace* the answer is taken and counts after that time, of a minute at most; until then who gave it can
        take it back (`take_back`) or give another one.

        Raises:
            NotFound: there is no such request.
            AlreadyDecided: it is closed; the error carries the ticket.
            AlreadyTaken: somebody else's answer was taken, and is delivered in a moment.
            NotAllowed: this person may not answer it.
            InvalidAnswer: the answer does not fit; `field` names the part.
            Unauthorized: the key of this person was revoked.
        """
        seconds = grace.total_seconds()
        return await self._said(
            id, actor, lambda by: events.Answered(at=self.clock.now(), by=by, answer=answer, grace=seconds)
        )

    async def take_back(self, id: str, actor: people.Actor) -> model.Ticket:
        """Take back an answer that was taken and is not delivered yet; only who gave it can.

        Raises:
            NotFound: there is no such request.
            AlreadyDecided: it is too late; the error carries the ticket.
            NotAllowed: it is the answer of somebody else.
            Refused: there is none to take back.
            Unauthorized: the key of this person was revoked.
        """
        return await self._said(id, actor, lambda by: events.TakenBack(at=self.clock.now(), by=by))

    async def cancel(self, id: str, caller: Caller | None = None, reason: str | None = None) -> model.Ticket:
        """Withdraw a request that nobody decided yet; a closed one stays as it is.

        Raises:
            NotFound: there is no such request, or another caller asked it.
            Unauthorized: the caller's key was revoked.
        """
        _whole(reason=reason or "")
        await self.get(id, caller)
        # what came with the call may have taken its time
        await authority.check(self.store, caller.key if caller else None)
        by = (caller or Caller()).owner
        return await self._step(id, lambda: events.Cancelled(at=self.clock.now(), by=by, reason=reason))

    async def use(self, id: str, caller: Caller | None = None, *, attempt: str | None = None) -> model.Ticket:
        """Use the allow of a request, immediately before what was allowed runs. One allow is good once.

        A call with the same *attempt* again is the same use: for callers whose call may be cut off and repeated.

        Raises:
            NotFound: there is no such request, or another caller asked it.
            AlreadyUsed: it was used before; nothing may run.
            NotUsable: it is not decided, was not allowed, or its time is over; nothing may run.
            Unauthorized: the caller's key was revoked; nothing may run.
        """
        if caller is not None:
            # an operator withdraws what others asked, but does not run it
            await self.get(id, Caller(owner=caller.owner))
        by = (caller or Caller()).owner
        # of two at the same moment each has its own, so that none is taken for the other
        attempt = attempt or tokens.new_id()
        used = await self._step(id, lambda: events.Used(at=self.clock.now(), by=by, attempt=attempt))
        # a revoked key runs nothing; the allow is used up all the same
        await authority.check(self.store, caller.key if caller else None)
        return used

    async def note(self, session: str, said: str, caller: Caller | None = None) -> tuple[model.Place, ...]:
        """Tell people what the agent of a session is doing (Markdown); where it was told. Raises as `notes.tell`."""
        _whole(session=session, text=said)
        whose = ((caller or Caller()).owner, session)
        return await notes.tell(self.platforms, self.store, self.house.route, whose, said)

    async def tick(self, id: str) -> model.Ticket:
        """Let time act on a request. Raises `NotFound`."""
        return await self._step(id, lambda: events.Ticked(at=self.clock.now()))

    async def undelivered(self, id: str, place: model.Place, reason: str) -> model.Ticket:
        """A place cannot be reached, finally. Raises `NotFound`."""
        return await self._step(id, lambda: events.Undelivered(at=self.clock.now(), place=place, reason=reason))

    async def lost(self, id: str, place: model.Place) -> model.Ticket:
        """Somebody took the card at *place* away; where it is still needed it is posted anew. Raises `NotFound`."""
        return await self._step(id, lambda: events.Lost(at=self.clock.now(), place=place))

    async def press(
        self,
        token: str,
        actor: people.Actor,
        room: dialog.WindowLimits,
        message: PressedMessage | None,
        draft: dialog.Draft | None = None,
    ) -> model.Ticket | dialog.Dialog:
        """A press on a card. With *draft* it is a submitted dialog or selection.

        Returns the ticket once the press was an answer and is durable, or the dialog that opens.

        Raises:
            InvalidToken, NotFound: not one of our buttons.
            AlreadyDecided, AlreadyTaken, NotAllowed, InvalidAnswer: as `answer` and `take_back`.
        """
        pressed = tokens.read(token)
        ticket = await self.store.load_ref(pressed.ref)
        self.mint.check(pressed, ticket)
        if message is not None:
            await pressing.seated(self, ticket, message)
        if pressed.action == "undo":
            return await self.take_back(ticket.id, actor)
        following = await pressing.following(self, ticket, pressing.Press(pressed, actor, room, draft))
        if isinstance(following, dialog.Dialog):
            return following
        return await self.answer(ticket.id, following, actor)

    async def refused(self, id: str, person: model.Person, refused: errors.Refused) -> None:
        """Put a refused answer on record."""
        turned = events.Turned(at=self.clock.now(), by=person, code=refused.code, message=refused.message)
        await self.store.note(id, 0, turned)

    async def _said(
        self, id: str, actor: people.Actor, happened: Callable[[model.Person], events.Answered | events.TakenBack]
    ) -> model.Ticket:
        person = self.house.directory.identify(actor)
        await authority.check(self.store, actor.key)
        try:
            return await self._step(id, lambda: happened(person))
        except errors.Refused as refused:
            if isinstance(refused, errors.Unworkable):
                log.error("the rules failed over an answer", extra={"ticket": id, "error": refused.why})
            await self.refused(id, person, refused)
            raise

    async def _step(self, id: str, happened: Callable[[], events.Event]) -> model.Ticket:
        for _ in range(_TRIES):
            ticket = await self.store.load(id)
            event = happened()
            acting = machine.first(ticket, event)
            # these take the digest of the whole content
            weighs = isinstance(acting, events.Answered | events.Settled | events.Used)
            large = weighs and requests.is_large(ticket.request)
            step = await aside.run_large(large, machine.step, ticket, acting)
            if step.ticket.version == ticket.version:
                return ticket
            try:
                await self.store.commit(step, acting)
            except errors.Conflict:
                continue
            if acting is event:
                return step.ticket
        raise errors.StoreUnavailable(f"request {id} changes too fast", hint="try again")


def _whole(**given: str) -> None:
    for field, said in given.items():
        if not text.is_whole(said):
            raise errors.InvalidRequest(f"the {field} holds half a character", field=field)
