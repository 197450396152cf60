"""What somebody writes becomes the answer to a question: a reply to its card, or words in its session's thread.

The rule: the messages of a place are judged one after the other, and each of them once.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sayso import errors, model
from sayso.cards import card, masked, plain_words, telling
from sayso.chat import background, bounds, marks, taken_words, talk
from sayso.chat.conversations import Conversations
from sayso.content import text, wording
from sayso.desk import Desk
from sayso_discord import names, parse, refusals, render, spoken
from sayso_discord.api import Api
from sayso_discord.members import Members
from sayso_discord.settings import NAME
from sayso_discord.sharing import Sharing
from sayso_discord.situation import Situation
from sayso_discord.threads import Threads, ThreadSession, nonce

log = logging.getLogger(__name__)

_TAKEN = "✅"
_PATH = "/channels/{channel_id}/messages"
_REACTION = f"{_PATH}/{{message}}/reactions/{{emoji}}/@me"
# Seconds between tries while Discord or the database cannot be asked.
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
# Discord says itself how long its turn is away.
_TURNS = (0.0,) * 20


class Replies:
    """Turns messages into answers at the desk."""

    def __init__(self, desk: Desk, members: Members, api: Api, threads: Threads) -> None:
        self._desk = desk
        self._members = members
        self._api = api
        self._threads = threads
        self._situation = Situation(desk, api, threads)
        self._names = names.KnownNames(api, members.places)
        self._taken = taken_words.Taken(desk, NAME)
        self.sharing = Sharing(desk)
        self._conversations = Conversations()
        self.marks = marks.Marks(desk.store, NAME)
        self.behind: set[str] = set()
        """The channels that could not be read yet: what comes in live there is read together with the rest."""
        self.caught_up = asyncio.Event()
        """What comes in live waits for this, since earlier messages are read first."""
        self.caught_up.set()

    async def handle(self, reply: parse.Reply) -> None:
        """Judge a message that was written just now."""
        await self.caught_up.wait()
        if reply.channel not in self.behind:
            await self.judge(reply)

    async def judge(self, reply: parse.Reply) -> None:
        """Judge a message, once. Never raises."""
        async with self._conversations.turn(reply.channel):
            judge = functools.partial(self._judge_once, reply)
            try:
                await background.persist(judge, "message not judged yet", _PAUSES, self._desk.clock)
            except (errors.ChannelError, errors.StoreUnavailable) as error:
                log.error("message not judged", extra={"message_id": reply.message, "error": error.message})
            except Exception:
                # the outermost loop of a message: one that cannot be read must not stop those after it
                log.exception("message not judged", extra={"message_id": reply.message})

    async def handle_change(self, reply: parse.Reply) -> None:
        """Judge a message that was changed: within the grace the change counts; later its writer is told otherwise."""
        await self.caught_up.wait()
        async with self._conversations.turn(reply.channel):
            try:
                counted = await self._taken.find(reply.channel, reply.message)
                ticket = await self._desk.get(counted.ticket) if counted else None
                if counted is None or ticket is None or taken_words.is_free(ticket, counted):
                    await self._judge(reply)
                else:
                    await self._answer_changed(reply, counted, ticket)
            except errors.SaysoError as error:
                log.warning("changed message not judged", extra={"error": error.message})

    async def handle_deletion(self, conversation: str, message: str) -> None:
        """Take back the answer of a message that was deleted, if it is within the grace."""
        try:
            ticket = await self._taken.take_back(conversation, message)
            if ticket is not None:
                await self.unmark_taken(ticket)
        except errors.Refused as error:
            log.info("answer not taken back", extra={"error": error.message})
        except errors.SaysoError as error:
            log.warning("deleted message not judged", extra={"error": error.message})

    async def look_again(self) -> None:
        """Look for changes and deletions of lately taken messages that Discord did not report."""
        for counted in await self._taken.find_recent():
            try:
                path = f"{_PATH}/{{message}}"
                found = await self._api.get(path, channel_id=counted.conversation, message=counted.message)
            except refusals.DiscordRefused as error:
                if error.number == refusals.UNKNOWN_MESSAGE:
                    await self.handle_deletion(counted.conversation, counted.message)
                continue
            said = parse.reply(found)
            if said is not None and said.edited:
                await self.handle_change(said)

    async def unmark_taken(self, ticket: model.Ticket) -> None:
        """Correct what was shown for an answer by words that was taken back."""
        counted = await self._taken.find_last(ticket)
        if counted is None:
            return
        ids = {"channel_id": counted.conversation}
        try:
            if counted.line:
                told = render.spoken(telling.line(talk.TAKEN_BACK))
                await self._api.send("PATCH", f"{_PATH}/{{message}}", told, **ids, message=counted.line)
            await self._api.send("DELETE", _REACTION, **ids, message=counted.message, emoji=_TAKEN)
        except errors.ChannelError as error:
            log.info("taken answer not unmarked", extra={"error": error.message})

    async def _judge_once(self, reply: parse.Reply) -> None:
        if not marks.later(reply.message, await self.marks.of(reply.channel)):
            return
        if await self._judge(reply):
            await self.marks.raise_to(reply.channel, reply.message)

    async def _judge(self, reply: parse.Reply) -> bool:
        """Judge a message. Returns whether it could have been meant for us."""
        named = await self._names.find_first(reply)
        asked = self._was_spoken_to(reply)
        session = await self._threads.find_session(reply.channel)
        alone = await self._is_alone(reply, session)
        if not (reply.to or named == "app" or alone or session):
            return False
        written = await self._names.words(reply)
        about, to = await self._situation.find_replied_to(reply, session)
        words = talk.Words(written, to, named, alone, session is not None, asked)
        meaning = talk.judge(words, about, [] if to else await self._situation.find_open(reply, session))
        if meaning.told in (talk.NOTHING_OPEN, talk.NO_CARD) and self.sharing.is_noticed:
            return True  # another program with this bot may know what it is about, and answer
        if meaning.told:
            await self._say(reply, telling.line(meaning.told))
        elif meaning.ticket is not None:
            await self._answer(reply, written, meaning, meaning.ticket)
        return True

    def _was_spoken_to(self, reply: parse.Reply) -> bool:
        """Whether somebody else spoke to this person here just before; remember whom this person speaks to."""
        other = spoken.find_person(reply.text) or reply.to_author
        other = None if other == self._api.bot_user else other
        return self._conversations.was_spoken_to(reply.channel, reply.who.user, other)

    async def _is_alone(self, reply: parse.Reply, session: ThreadSession | None) -> bool:
        """Whether nobody but the app reads it; a message that is read later does not say."""
        if reply.guild is not None or session is not None:
            return False
        return (
            reply.private if reply.private is not None else await self._members.places.find_guild(reply.channel) is None
        )

    async def _answer(self, reply: parse.Reply, written: str, meaning: talk.Meaning, asked: model.Ticket) -> None:
        account = ""
        try:
            actor = await self._members.actor(reply.who, reply.channel)
            account = actor.account
            answer = plain_words.read(asked, written)
            grace = talk.grace(self._desk.setup.grace, meaning)
            ticket = await self._desk.answer(asked.id, answer, actor, grace=grace)
        except errors.AlreadyDecided as error:
            if meaning.addressed and not plain_words.is_repeated(error.ticket, account, written):
                await self._say(reply, telling.late_words(error, account))
            return
        except (errors.Refused, errors.NotFound) as error:
            if meaning.addressed:
                await self._say(reply, telling.refusal(error))
            return
        counted = taken_words.Counted(ticket.id, account, reply.channel, reply.message, written)
        await self._taken.remember(counted)
        await self._mark(reply)
        line = await self._say(reply, self._taken_line(reply, ticket))
        await self._taken.remember(replace(counted, line=line))

    async def _answer_changed(self, reply: parse.Reply, before: taken_words.Counted, ticket: model.Ticket) -> None:
        written = await self._names.words(reply)
        if written == before.text:
            return
        actor, late = await self._members.actor(reply.who, reply.channel), False
        try:
            left = ticket.taken.until - self._desk.clock.now() if ticket.taken else timedelta()
            if ticket.decision is not None or left <= timedelta():
                raise errors.AlreadyDecided(ticket)
            await self._desk.answer(ticket.id, plain_words.read(ticket, written), actor, grace=left)
            told = telling.line(talk.CHANGE_COUNTED)
        except errors.AlreadyDecided as error:
            told, late = taken_words.late_change(error.ticket, before), True
        except errors.Refused as error:
            told = telling.refusal(error, actor.account)
        await self._taken.remember(replace(before, text=written, told_late=late))
        if not (late and before.told_late):
            await self._say(reply, told)

    def _taken_line(self, reply: parse.Reply, ticket: model.Ticket) -> card.Line:
        shown = masked.of(ticket, self._desk.mint).request
        asked = text.line((shown.title or "")[: bounds.TITLE_SHOWN])
        spans: list[card.Inline] = [text.Trusted("Taken as the answer to "), asked]
        if ticket.taken is not None:
            left = max(1, round((ticket.taken.until - self._desk.clock.now()).total_seconds()))
            spans.append(text.Trusted(f" It can be taken back on its card for {wording.counted(left, 'second')}."))
        if reply.files:
            spans.append(text.Trusted(f" {talk.FILES_LEFT}"))
        return card.Line(tuple(spans))

    async def _mark(self, reply: parse.Reply) -> None:
        """Show everybody that the answer was taken."""
        try:
            await self._send("PUT", _REACTION, channel_id=reply.channel, message=reply.message, emoji=_TAKEN)
        except errors.ChannelError as error:
            log.info("reaction refused", extra={"error": error.message})

    async def _say(self, reply: parse.Reply, told: card.Line) -> str:
        """Reply to a message. Returns the id of the reply, or an empty text if it was refused."""
        # Discord shows something to one person only after a press of theirs
        reference = {"message_id": reply.message, "fail_if_not_exists": False}
        body = {**render.spoken(told), "message_reference": reference}
        # the same reply to the same words is posted once, even if a crash comes between posting and marking
        body |= {"nonce": nonce("said", reply.message, reply.text, str(told)), "enforce_nonce": True}
        try:
            return str((await self._send("POST", _PATH, body, channel_id=reply.channel))["id"])
        except errors.ChannelError as error:
            log.info("reply refused", extra={"error": error.message})
        return ""

    async def _send(self, method: str, path: str, body: Any = None, **ids: str) -> dict[str, Any]:
        """Send what a person is to see, however many cards wait before it. Raises `ChannelError`."""
        send = functools.partial(self._api.send, method, path, body, **ids)
        return await background.persist(send, "reply waits for its turn", _TURNS, self._desk.clock, passes=_is_early)


def _is_early(error: BaseException) -> bool:
    return isinstance(error, errors.NotYet)
