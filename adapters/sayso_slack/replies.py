"""What somebody writes becomes the answer to a question: below its card, in a direct message, or said to the app.

The rule: each message is judged once. One that could not be judged now is not received, so that Slack sends it again.
"""

from __future__ import annotations

import functools

from sayso import errors, model
from sayso.cards import card, plain_words, telling
from sayso.chat import bounds, marks, talk
from sayso.chat.conversations import Conversations
from sayso.content import text
from sayso.desk import Desk
from sayso.machine import approvers, people
from sayso_slack import names, parse, spoken
from sayso_slack.channel import NAME
from sayso_slack.members import Members
from sayso_slack.situation import Situation
from sayso_slack.taken import Counted, Taken
from sayso_slack.teller import Teller


class Replies:
    """Turns messages into answers at the desk."""

    def __init__(self, front: Desk, members: Members, known: names.Known, situation: Situation, teller: Teller) -> None:
        self._desk = front
        self._members = members
        self._known = known
        self._situation = situation
        self._teller = teller
        self._taken = Taken(front)
        self._judged = marks.Judged(front.store, NAME)
        self._conversations = Conversations()

    async def handle(self, said: parse.Reply) -> None:
        """Take a message for what it is, once. Raises `SaysoError` where that cannot be done now."""
        place = _place(said)
        async with self._conversations.turn(place):
            about, to = await self._replied_to(said)
            if to == "other" and not self._known.names_app(said):
                return
            if not await self._judged.has(place, said.ts) and await self._judge(said, about, to):
                await self._judged.add(place, said.ts)

    async def changed(self, said: parse.Reply) -> None:
        """A message was changed: within the grace the change counts, and later its writer is told that it does not."""
        async with self._conversations.turn(_place(said)):
            counted = await self._taken.of(_id(said))
            ticket = await self._desk.get(counted.ticket) if counted else None
            if counted is None or ticket is None or _free(ticket, counted):
                about, to = await self._replied_to(said)
                await self._judge(said, about, to, changed=True)
            else:
                await self._answer_changed(said, ticket, counted)

    async def _replied_to(self, said: parse.Reply) -> tuple[model.Ticket | None, talk.To]:
        if self._teller.is_below_words(said):
            return None, "app"
        return await self._situation.replied_to(said)

    async def deleted(self, conversation: str, message: str) -> None:
        """A message was deleted: within the grace its answer is taken back."""
        try:
            await self._taken.back(f"{conversation}/{message}")
        except errors.Refused:
            return  # the agent has it already

    async def taken_back(self, ticket: model.Ticket) -> None:
        """Words that were taken are not any more: nobody should think they are."""
        message = await self._taken.last(ticket.id)
        if message is not None:
            self._teller.unmark(*message.split("/"))

    async def _judge(
        self, said: parse.Reply, about: model.Ticket | None, to: talk.To, *, changed: bool = False
    ) -> bool:
        """Judge a message; whether it could have meant anything to us."""
        written, named = await self._known.words(said)
        if to == "other":
            to = None  # the thread of other people: only who names the app speaks to it
        if to is None and named != "app" and not said.alone:
            return False
        words = talk.Words(written, to, named, said.alone, asked=self._asked(said, named))
        meaning = talk.judge(words, about, [] if to else await self._situation.here(said, changed=changed))
        if meaning.told:
            self._teller.once(said, telling.line(meaning.told))
        elif meaning.ticket is not None:
            await self._answer(said, written, meaning, meaning.ticket)
        return True

    async def _answer(self, said: parse.Reply, written: str, meaning: talk.Meaning, asked: model.Ticket) -> None:
        account = ""
        try:
            actor = await self.actor(said.who, asked)
            account = actor.account
            grace = talk.grace(self._desk.setup.grace, meaning)
            ticket = await self._desk.answer(asked.id, plain_words.read(asked, written), actor, grace=grace)
        except errors.AlreadyDecided as error:
            if not plain_words.is_repeated(error.ticket, account, written):
                self._teller.once(said, telling.late_words(error, account))
                self._teller.freshen(error, said.spot)
            return
        except (errors.Refused, errors.NotFound) as error:
            self._teller.once(said, telling.refusal(error))
            return
        await self._taken.remember(_id(said), ticket, actor)
        self._teller.mark(said)
        if ticket.taken is not None:
            self._teller.taken(said, _told_taken(said, ticket), self._desk.mint.token(ticket, "undo"))
        elif said.files:
            self._teller.once(said, telling.line(talk.FILES_LEFT))

    async def actor(self, who: parse.Who, ticket: model.Ticket) -> people.Actor:
        """Whoever acts on a request, with the groups that its policy asks for. Raises as `Members.actor`."""
        needs = functools.partial(approvers.groups_to_ask, ticket, self._desk.setup.directory)
        return await self._members.actor(who, needs)

    async def _answer_changed(self, said: parse.Reply, ticket: model.Ticket, counted: Counted) -> None:
        if ticket.taken is None or ticket.decision is not None:
            self._teller.once(said, _told_late(ticket, counted))
            return
        written, _ = await self._known.words(said)
        try:
            actor = await self.actor(said.who, ticket)
            left = ticket.taken.until - self._desk.clock.now()
            await self._desk.answer(ticket.id, plain_words.read(ticket, written), actor, grace=left)
        except errors.AlreadyDecided as error:
            self._teller.once(said, _told_late(error.ticket, counted))
        except errors.Refused as error:
            self._teller.once(said, telling.refusal(error))

    def _asked(self, said: parse.Reply, named: spoken.To) -> bool:
        """Whether somebody else spoke to this person here just before; and know whom this one speaks to."""
        other = spoken.named(said.written) if named == "other" else None
        return self._conversations.was_spoken_to(_place(said), said.who.user, other)


def _free(ticket: model.Ticket, counted: Counted) -> bool:
    """Whether these words were taken back, and another answer is wanted."""
    return ticket.decision is None and (ticket.taken is None or ticket.taken.given.via != counted.account)


def _told_late(ticket: model.Ticket, counted: Counted) -> card.Line:
    """Why a change does not count any more: the first text did, or it was taken back and something else came."""
    decision = ticket.decision
    if decision is None or any(one.via == counted.account for one in decision.by):
        return telling.line(talk.FIRST_COUNTED)
    return telling.refusal(errors.AlreadyDecided(ticket), counted.account)


def _told_taken(said: parse.Reply, ticket: model.Ticket) -> card.Line:
    asked = text.line((ticket.request.title or "")[: bounds.TITLE_SHOWN])
    spans: list[card.Inline] = [text.Trusted("Taken as the answer to "), asked]
    if said.files:
        spans.append(text.Trusted(f" · {talk.FILES_LEFT}"))
    return card.Line(tuple(spans))


def _place(said: parse.Reply) -> str:
    return f"{said.spot.channel}/{said.spot.message}" if said.spot.message else said.spot.channel


def _id(said: parse.Reply) -> str:
    return f"{said.spot.channel}/{said.ts}"
