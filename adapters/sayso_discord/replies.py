"""What somebody writes becomes the answer to a question: a reply to its card, or words in its session's thread.

The rule: the messages of a place are judged one after the other, and each of them once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sayso import errors, model
from sayso.cards import card, plain_words, telling
from sayso.chat import bounds, marks, talk
from sayso.chat.conversations import Conversations
from sayso.content import text
from sayso.desk import Desk
from sayso_discord import names, parse, refusals, render, spoken, threads
from sayso_discord.api import Api
from sayso_discord.channel import NAME
from sayso_discord.members import Members
from sayso_discord.sharing import Sharing
from sayso_discord.situation import Situation
from sayso_discord.taken import Counted, Taken, is_free

log = logging.getLogger(__name__)

_TAKEN = "✅"
_PATH = "/channels/{channel_id}/messages"
_REACTION = f"{_PATH}/{{message}}/reactions/{{emoji}}/@me"
# Seconds between tries while Discord or the database cannot be asked.
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
_TURNS = 20


class Replies:
    """Turns messages into answers at the desk."""

    def __init__(self, front: Desk, members: Members, api: Api, sessions: threads.Threads) -> None:
        self._desk = front
        self._members = members
        self._api = api
        self._threads = sessions
        self._situation = Situation(front, api, sessions)
        self._names = names.Known(api, members.places)
        self._taken = Taken(front)
        self.sharing = Sharing(front)
        self._conversations = Conversations()
        self.marks = marks.Marks(front.store, NAME)
        self.behind: set[str] = set()
        """Where what was written could not be read yet: what comes in live there is read with it."""
        self.caught_up = asyncio.Event()
        """What comes in live waits for this: what was written before it is read first."""
        self.caught_up.set()

    async def handle(self, said: parse.Reply) -> None:
        """A message that was written now."""
        await self.caught_up.wait()
        if said.channel not in self.behind:
            await self.judge(said)

    async def judge(self, said: parse.Reply) -> None:
        """Take a message for what it is, once; nothing is raised for what is none of ours."""
        async with self._conversations.turn(said.channel):
            for pause in (*_PAUSES, None):
                try:
                    return await self._once(said)
                except (errors.ChannelError, errors.StoreUnavailable) as error:
                    log.warning("message not judged yet", extra={"error": error.message})
                    if pause is None:
                        break
                    await asyncio.sleep(pause)
                except Exception:
                    # the outermost loop of a message: one that cannot be read must not keep back those after it
                    log.exception("message not judged", extra={"message_id": said.message})
                    return
        log.error("message not judged", extra={"message_id": said.message})

    async def edited(self, said: parse.Reply) -> None:
        """A message was changed: within the grace the change counts, and later its writer is told that it does not."""
        await self.caught_up.wait()
        async with self._conversations.turn(said.channel):
            try:
                counted = await self._taken.of(said.message)
                ticket = await self._desk.get(counted.ticket) if counted else None
                if counted is None or ticket is None or is_free(ticket, counted):
                    await self._judged(said)
                else:
                    await self._changed(said, counted, ticket)
            except errors.SaysoError as error:
                log.warning("changed message not judged", extra={"error": error.message})

    async def deleted(self, message: str) -> None:
        """A message was deleted: within the grace its answer is taken back."""
        try:
            ticket = await self._taken.back(message)
            if ticket is not None:
                await self.taken_back(ticket)
        except errors.Refused as error:
            log.info("answer not taken back", extra={"error": error.message})
        except errors.SaysoError as error:
            log.warning("deleted message not judged", extra={"error": error.message})

    async def look_again(self) -> None:
        """Look whether messages that were taken lately were changed or deleted, while nobody told."""
        for counted in await self._taken.recent(self._desk.clock.now()):
            try:
                path = f"{_PATH}/{{message}}"
                found = await self._api.get(path, channel_id=counted.conversation, message=counted.message)
            except refusals.DiscordRefused as error:
                if error.number == refusals.UNKNOWN_MESSAGE:
                    await self.deleted(counted.message)
                continue
            said = parse.reply(found)
            if said is not None and said.edited:
                await self.edited(said)

    async def taken_back(self, ticket: model.Ticket) -> None:
        """An answer by words was taken back: what was said to show it is put right."""
        counted = await self._taken.by(ticket)
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

    async def _once(self, said: parse.Reply) -> None:
        if not marks.later(said.message, await self.marks.of(said.channel)):
            return
        if await self._judged(said):
            await self.marks.raise_to(said.channel, said.message)

    async def _judged(self, said: parse.Reply) -> bool:
        """Judge a message; whether it could have meant anything to us."""
        named = await self._names.first(said)
        asked = self._asked(said)
        session = await self._threads.session_of(said.channel)
        alone = await self._alone(said, session)
        if not (said.to or named == "app" or alone or session):
            return False
        written = await self._names.words(said)
        about, to = await self._situation.replied_to(said, session)
        words = talk.Words(written, to, named, alone, session is not None, asked)
        meaning = talk.judge(words, about, [] if to else await self._situation.here(said, session))
        if meaning.told in (talk.NOTHING_OPEN, talk.NO_CARD) and self.sharing.is_noticed:
            return True  # another program with this bot may know what it is about, and answer
        if meaning.told:
            await self._say(said, telling.line(meaning.told))
        elif meaning.ticket is not None:
            await self._answered(said, written, meaning, meaning.ticket)
        return True

    def _asked(self, said: parse.Reply) -> bool:
        """Whether somebody else spoke to this person there just before; and know whom this one speaks to."""
        other = spoken.person_named(said.text) or said.to_author
        other = None if other == self._api.bot_user else other
        return self._conversations.was_spoken_to(said.channel, said.who.user, other)

    async def _alone(self, said: parse.Reply, session: threads.Whose | None) -> bool:
        """Whether nobody but the app reads it; what is read later does not say."""
        if said.guild is not None or session is not None:
            return False
        return said.private if said.private is not None else await self._members.places.guild(said.channel) is None

    async def _answered(self, said: parse.Reply, written: str, meaning: talk.Meaning, asked: model.Ticket) -> None:
        account = ""
        try:
            actor = await self._members.actor(said.who, said.channel)
            account = actor.account
            answer = plain_words.read(asked, written)
            grace = talk.grace(self._desk.setup.grace, meaning)
            ticket = await self._desk.answer(asked.id, answer, actor, grace=grace)
        except errors.AlreadyDecided as error:
            if meaning.addressed and not plain_words.is_repeated(error.ticket, account, written):
                await self._say(said, telling.late_words(error, account))
            return
        except (errors.Refused, errors.NotFound) as error:
            if meaning.addressed:
                await self._say(said, telling.refusal(error))
            return
        counted = Counted(ticket.id, account, said.channel, said.message, written)
        await self._taken.remember(counted)
        await self._mark(said)
        line = await self._say(said, self._told_taken(said, ticket))
        await self._taken.remember(replace(counted, line=line))

    async def _changed(self, said: parse.Reply, before: Counted, ticket: model.Ticket) -> None:
        written = await self._names.words(said)
        if written == before.text:
            return
        actor = await self._members.actor(said.who, said.channel)
        try:
            left = ticket.taken.until - self._desk.clock.now() if ticket.taken else timedelta()
            if ticket.decision is not None or left <= timedelta():
                raise errors.AlreadyDecided(ticket)
            await self._desk.answer(ticket.id, plain_words.read(ticket, written), actor, grace=left)
            told = telling.line(talk.CHANGE_COUNTED)
        except errors.AlreadyDecided as error:
            told = telling.refusal(error)
            if error.ticket.decision and any(one.via == before.account for one in error.ticket.decision.by):
                told = telling.line(talk.FIRST_COUNTED)
        except errors.Refused as error:
            told = telling.refusal(error, actor.account)
        await self._taken.remember(replace(before, text=written))
        await self._say(said, told)

    def _told_taken(self, said: parse.Reply, ticket: model.Ticket) -> card.Line:
        asked = text.line((ticket.request.title or "")[: bounds.TITLE_SHOWN])
        spans: list[card.Inline] = [text.Trusted("Taken as the answer to "), asked]
        if ticket.taken is not None:
            left = max(1, round((ticket.taken.until - self._desk.clock.now()).total_seconds()))
            spans.append(text.Trusted(f" It can be taken back on its card for {left} seconds."))
        if said.files:
            spans.append(text.Trusted(f" {talk.FILES_LEFT}"))
        return card.Line(tuple(spans))

    async def _mark(self, said: parse.Reply) -> None:
        """Show that the answer was taken."""
        try:
            await self._sent("PUT", _REACTION, channel_id=said.channel, message=said.message, emoji=_TAKEN)
        except errors.ChannelError as error:
            log.info("reaction refused", extra={"error": error.message})

    async def _say(self, said: parse.Reply, told: card.Line) -> str:
        """Say it to whoever wrote a message; the message that says it, or nothing."""
        # nothing in Discord is shown to one person only without a press of theirs
        reference = {"message_id": said.message, "fail_if_not_exists": False}
        body = {**render.spoken(told), "message_reference": reference}
        # the same sentence to the same words is said once, should a crash come between saying and marking it
        body |= {"nonce": threads.nonce("said", said.message, said.text, str(told)), "enforce_nonce": True}
        try:
            return str((await self._sent("POST", _PATH, body, channel_id=said.channel))["id"])
        except errors.ChannelError as error:
            log.info("reply refused", extra={"error": error.message})
        return ""

    async def _sent(self, method: str, path: str, body: Any = None, **ids: str) -> dict[str, Any]:
        """Send what a person is to see, however many cards stand before it. Raises `ChannelError`."""
        for _ in range(_TURNS):
            try:
                return await self._api.send(method, path, body, **ids)
            except errors.NotYet as error:
                await asyncio.sleep(error.wait)
        return await self._api.send(method, path, body, **ids)
