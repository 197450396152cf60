"""The only door in: ask, answer, cancel, wait. Whatever surface a person uses, their answer comes through `answer`."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Literal, overload

from typing_extensions import TypeVar

from sayso import clock, errors, model
from sayso.cards import card, dialog, masked, naming, tokens
from sayso.content import masks, requests
from sayso.desk import asker, authority, refused_uses, shell
from sayso.desk import setup as setups
from sayso.desk.admission import admitting, asking_back, together
from sayso.desk.answering import (
    attending,
    batch_presses,
    closed_accounts,
    identity,
    passing_on,
    pressing,
    reading,
    revealing,
    viewing,
    wholes,
)
from sayso.desk.posting import notes, outages
from sayso.desk.upkeep import attendance, broadcast, suggestions
from sayso.machine import demands, events, people
from sayso.stores import Store

V = TypeVar("V", default=Any)

log = logging.getLogger(__name__)

# Of an answer, what the agent gets: a default or an option may have been shown with a mask.
_WRITTEN = ("input", "values", "text", "choice", "choices")

BEAT = 10.0
"""Seconds after which whoever listens hears that time has passed; proxies cut what is silent for 30 and more."""

DEFAULT = setups.DEFAULT
Caller = setups.Caller
Setup = setups.Setup
PressedMessage = pressing.PressedMessage
# Their names until 0.2.
Seat = PressedMessage
House = Setup


class Desk(shell.Shell):
    """The front door over a store. Several desks, in several processes, may share one."""

    def __init__(
        self, store: Store, maker: tokens.TokenMaker, setup: Setup | None = None, clock: clock.Clock | None = None
    ) -> None:
        super().__init__(store, maker, setup, clock)
        self.attendance = attendance.Attendance(self)
        """Who waits in this process."""
        self.broadcast = broadcast.Broadcast(store, self.clock, BEAT)
        """The log for all who listen in this process."""

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
        ticket = await self.open(request, caller)
        if not wait:
            return asker.Handle(self, request, ticket)
        shape, id = requests.shape_of(request), ticket.id
        # nothing of it is kept for as long as people think
        del request, ticket
        return requests.shaped(shape, await self.wait(id))

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
        decision, key = await outages.decided(self, id)
        await authority.check(self.store, key if caller is None else caller.key)
        return decision

    def attending(self, id: str, caller: Caller | None = None) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait inside: should this process die there, the request is withdrawn by another one."""
        return self.attendance.attending(id, (caller or Caller()).owner)

    async def answer(
        self,
        id: str,
        answer: model.Answer,
        actor: people.Actor,
        *,
        grace: timedelta = timedelta(0),
        shown: Collection[str] = (),
        loaded: model.Ticket | None = None,
    ) -> model.Ticket:
        """What one person says to a request. This is the one way to a decision by a person.

        For calls of which all are allowed or none it counts for all; *shown* are the ids of those that were shown.
        *loaded* is the ticket as it was read a moment ago: if it has changed since, it is read again.

        With a *grace* the answer is taken and counts after that time, of a minute at most; until then who gave it can
        take it back (`take_back`) or give another one.

        Raises:
            NotFound: there is no such request.
            AlreadyDecided: it is closed; the error carries the ticket.
            AlreadyTaken: somebody else's answer was taken, and is delivered in a moment.
            NotAllowed: this person may not answer it.
            MembershipUnknown: nobody could find out whether they may.
            InvalidAnswer: the answer does not fit; `field` names the part.
            Unauthorized: the key of this person was revoked.
        """
        seconds = grace.total_seconds()
        answer = await self._restored(id, answer)
        since: datetime | None = None
        review = tokens.new_id() if answer.break_glass else None
        salt = tokens.new_salt() if answer.is_written else None

        def happened(by: model.Person) -> events.Answered:
            return events.Answered(
                at=self.clock.now(), by=by, answer=answer, grace=seconds, read_since=since, review=review, salt=salt
            )

        try:
            return await self._said(id, actor, happened, shown, loaded)
        except demands.ReadFirst:
            ticket = await self.store.load(id)
            since = await reading.begun(self, ticket, await identity.find(self, ticket, actor))
            return await self._said(id, actor, happened, shown)

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

    async def use(
        self, id: str, caller: Caller | None = None, *, attempt: str | None = None, loaded: model.Ticket | None = None
    ) -> model.Ticket:
        """Use the allow of a request, immediately before what was allowed runs. One allow is good once.

        A call with the same *attempt* again is the same use: for callers whose call may be cut off and repeated.
        *loaded* is as for `answer`.

        Raises:
            NotFound: there is no such request, or another caller asked it.
            AlreadyUsed: it was used before; nothing may run.
            NotUsable: it is not decided, was not allowed, or its time is over; nothing may run.
            Unauthorized: the caller's key was revoked; nothing may run.
        """
        # an operator withdraws what others asked, but does not run it
        ticket = await self.load_of(id, Caller(owner=caller.owner) if caller else None, loaded)
        by = (caller or Caller()).owner
        # of two at the same moment each has its own, so that none is taken for the other
        attempt = attempt or tokens.new_id()
        try:
            used = await self.step(id, lambda: events.Used(at=self.clock.now(), by=by, attempt=attempt), ticket)
        except refused_uses.REFUSALS as error:
            await self.refused_uses.record(id, by, error)
            raise
        # a revoked key runs nothing; the allow is used up all the same
        await authority.check(self.store, caller.key if caller else None)
        return used

    async def note(self, session: str, said: str, caller: Caller | None = None) -> tuple[model.Place, ...]:
        """Tell people what the agent of a session is doing (Markdown); where it was told. Raises as `notes.tell`."""
        shell.check_whole(session=session, text=said)
        whose = ((caller or Caller()).owner, session)
        return await notes.tell(self.platforms, self.store, self.setup.route, whose, said, self.mint)

    async def press(
        self,
        token: str,
        actor: people.Actor,
        limits: dialog.WindowLimits,
        message: PressedMessage | None,
        draft: dialog.Draft | None = None,
        loaded: model.Ticket | None = None,
    ) -> model.Ticket | dialog.Dialog:
        """A press on a card. With *draft* it is a submitted dialog or selection.

        Returns the ticket once the press was an answer and is durable, or the dialog that opens. *loaded* is the
        request of the token as it was read a moment ago.

        Raises:
            InvalidToken, NotFound: not one of our buttons.
            AlreadyDecided, AlreadyTaken, NotAllowed, InvalidAnswer: as `answer` and `take_back`.
        """
        pressed = tokens.read(token)
        ticket = loaded or await self.store.load_by_ref(pressed.ref)
        self.mint.check(pressed, ticket)
        if message is not None:
            await pressing.seated(self, ticket, message)
        if pressed.action == "undo":
            return await self.take_back(ticket.id, actor)
        if pressed.action in ("claim", "snooze"):
            return await attending.press(self, ticket, pressing.Press(pressed, actor, limits, draft))
        if pressed.action == "reveal":
            return await revealing.press(self, ticket, pressing.Press(pressed, actor, limits, draft))
        if pressed.action == "pass":
            return await passing_on.press(self, ticket, pressing.Press(pressed, actor, limits, draft))
        following = await pressing.following(self, ticket, pressing.Press(pressed, actor, limits, draft))
        if isinstance(following, dialog.Dialog):
            await viewing.begun(self, ticket, actor)
            return pressing.linked(self, ticket, following)
        return await self.answer(ticket.id, following, actor, loaded=ticket)

    async def press_batch(
        self,
        token: str,
        actor: people.Actor,
        limits: dialog.WindowLimits,
        message: PressedMessage | None,
        draft: dialog.Draft | None = None,
    ) -> dialog.Dialog | card.Line:
        """A press on a card of several requests: what opens, or what it came to. Raises as `batch_presses.press`."""
        return await batch_presses.press(self, self.answer, token, actor, limits, message, draft)

    async def _restored(self, id: str, answer: model.Answer) -> model.Answer:
        """The answer with the secrets back in place of their masks, which are all that people saw of them."""
        requests.refuse_no_answer(answer)
        said = {name: given for name in _WRITTEN if (given := getattr(answer, name)) is not None}
        held = {name: given for name, given in said.items() if masks.are_in(given)}
        if not held:
            return answer
        secrets = masked.secrets_of(await self.load_of(id, None), self.mint)
        return answer.model_copy(update={name: masks.restore(given, secrets, name) for name, given in held.items()})

    async def _said(
        self,
        id: str,
        actor: people.Actor,
        happened: Callable[[model.Person], events.Answered | events.TakenBack],
        shown: Collection[str] = (),
        loaded: model.Ticket | None = None,
    ) -> model.Ticket:
        ticket = await self.load_of(id, None, loaded)
        if ticket.owner == naming.SERVICE:
            ticket = await suggestions.current(self, ticket)
        person = await identity.find(self, ticket, actor)
        try:
            if together.is_whole(ticket):
                answered = await wholes.answer(self, ticket, actor, happened, shown)
            else:
                # asked for each try: who filled a place meanwhile may leave the last one to this answer
                looked = functools.partial(closed_accounts.without, self)
                answered = await self.step(id, lambda: happened(person), ticket, looked, actor.key)
        except demands.ReadFirst:
            # neither a fault nor a refusal: it is tried again
            raise
        except errors.Refused as refused:
            if isinstance(refused, errors.Unworkable):
                log.error("the rules failed over an answer", extra={"ticket": id, "error": refused.why})
            await self.record_refusal(id, person, refused)
            raise
        await asking_back.keep(self, answered)
        return answered
