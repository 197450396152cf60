"""What somebody writes becomes the answer to a question: below its card, in a direct message, or said to the app.

The rule: each message is judged once. If one cannot be judged now, Slack is told so, and sends it again.
"""

from __future__ import annotations

from sayso import errors, model
from sayso.cards import card, masked, plain_words, telling
from sayso.chat import bounds, marks, taken_words, talk
from sayso.chat.conversations import Conversations
from sayso.content import text
from sayso.desk import Desk
from sayso_slack import names, parse, spoken
from sayso_slack.members import Members
from sayso_slack.settings import NAME
from sayso_slack.situation import Situation
from sayso_slack.teller import Teller


class Replies:
    """Turns messages into answers at the desk."""

    def __init__(
        self, desk: Desk, members: Members, known: names.KnownNames, situation: Situation, teller: Teller
    ) -> None:
        self._desk = desk
        self.members = members
        self._known = known
        self._situation = situation
        self._teller = teller
        self._taken = taken_words.Taken(desk, NAME)
        self._judged = marks.Judged(desk.store, NAME)
        self._conversations = Conversations()

    async def handle(self, reply: parse.Reply) -> None:
        """Judge a message, once. Raises `SaysoError` if that is not possible now."""
        place = _place(reply)
        async with self._conversations.turn(place):
            about, to = await self._find_replied_to(reply)
            if to == "other" and not self._known.names_app(reply):
                return
            if not await self._judged.has(place, reply.ts) and await self._judge(reply, about, to):
                await self._judged.add(place, reply.ts)

    async def handle_change(self, reply: parse.Reply) -> None:
        """Judge a message that was changed: within the grace the change counts; later its writer is told otherwise."""
        async with self._conversations.turn(_place(reply)):
            counted = await self._taken.find(reply.spot.channel, reply.ts)
            ticket = await self._desk.get(counted.ticket) if counted else None
            if counted is None or ticket is None or taken_words.is_free(ticket, counted):
                about, to = await self._find_replied_to(reply)
                await self._judge(reply, about, to, changed=True)
            else:
                await self._answer_changed(reply, ticket, counted)

    async def _find_replied_to(self, reply: parse.Reply) -> tuple[model.Ticket | None, talk.To]:
        if self._teller.is_below_words(reply):
            return None, "app"
        return await self._situation.find_replied_to(reply)

    async def handle_deletion(self, conversation: str, message: str) -> None:
        """Take back the answer of a message that was deleted, if it is within the grace."""
        try:
            await self._taken.take_back(conversation, message)
        except errors.Refused:
            return  # the agent has it already

    async def unmark_taken(self, ticket: model.Ticket) -> None:
        """Remove the mark from words that do not count any more, so that nobody thinks they do."""
        counted = await self._taken.find_last(ticket)
        if counted is not None:
            self._teller.unmark(counted.conversation, counted.message)

    async def _judge(
        self, reply: parse.Reply, about: model.Ticket | None, to: talk.To, *, changed: bool = False
    ) -> bool:
        """Judge a message. Returns whether it could have been meant for us."""
        written, named = await self._known.words(reply)
        if to == "other":
            to = None  # in the thread of other people somebody speaks to the app only if they name it
        if to is None and named != "app" and not reply.alone:
            return False
        words = talk.Words(written, to, named, reply.alone, asked=self._was_spoken_to(reply, named))
        meaning = talk.judge(words, about, [] if to else await self._situation.find_open(reply, changed=changed))
        if meaning.told:
            self._teller.tell_once(reply, telling.line(meaning.told))
        elif meaning.ticket is not None:
            await self._answer(reply, written, meaning, meaning.ticket)
        return True

    async def _answer(self, reply: parse.Reply, written: str, meaning: talk.Meaning, asked: model.Ticket) -> None:
        account = ""
        try:
            actor = await self.members.actor(reply.who)
            account = actor.account
            grace = talk.grace(self._desk.setup.grace, meaning)
            ticket = await self._desk.answer(asked.id, plain_words.read(asked, written), actor, grace=grace)
        except errors.AlreadyDecided as error:
            if not plain_words.is_repeated(error.ticket, account, written):
                self._teller.tell_once(reply, telling.late_words(error, account))
                self._teller.freshen(error, reply.spot)
            return
        except (errors.Refused, errors.NotFound) as error:
            self._teller.tell_once(reply, telling.refusal(error))
            return
        await self._taken.remember(taken_words.Counted(ticket.id, account, reply.spot.channel, reply.ts))
        self._teller.mark(reply)
        if ticket.taken is not None:
            self._teller.tell_taken(
                reply, _taken_line(reply, masked.of(ticket, self._desk.mint)), self._desk.mint.token(ticket, "undo")
            )
        elif reply.files:
            self._teller.tell_once(reply, telling.line(talk.FILES_LEFT))

    async def _answer_changed(self, reply: parse.Reply, ticket: model.Ticket, counted: taken_words.Counted) -> None:
        if ticket.taken is None or ticket.decision is not None:
            self._teller.tell_once(reply, taken_words.late_change(ticket, counted))
            return
        written, _ = await self._known.words(reply)
        try:
            actor = await self.members.actor(reply.who)
            left = ticket.taken.until - self._desk.clock.now()
            await self._desk.answer(ticket.id, plain_words.read(ticket, written), actor, grace=left)
        except errors.AlreadyDecided as error:
            self._teller.tell_once(reply, taken_words.late_change(error.ticket, counted))
        except errors.Refused as error:
            self._teller.tell_once(reply, telling.refusal(error))

    def _was_spoken_to(self, reply: parse.Reply, named: talk.Named) -> bool:
        """Whether somebody else spoke to this person here just before; remember whom this person speaks to."""
        other = spoken.find_person(reply.written) if named != "app" else None
        return self._conversations.was_spoken_to(_place(reply), reply.who.user, other)


def _taken_line(reply: parse.Reply, ticket: model.Ticket) -> card.Line:
    asked = text.line((ticket.request.title or "")[: bounds.TITLE_SHOWN])
    spans: list[card.Inline] = [text.Trusted("Taken as the answer to "), asked]
    if reply.files:
        spans.append(text.Trusted(f" · {talk.FILES_LEFT}"))
    return card.Line(tuple(spans))


def _place(reply: parse.Reply) -> str:
    return f"{reply.spot.channel}/{reply.spot.message}" if reply.spot.message else reply.spot.channel
