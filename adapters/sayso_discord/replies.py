"""What somebody writes becomes the answer to a question: a reply to its card, or words in its session's thread.

The rule: a permission is never decided by talking, and people who talk to each other are left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sayso import desk, errors, model, store, submission, wording
from sayso_discord import parse, render, threads, web
from sayso_discord.channel import NAME
from sayso_discord.members import Members

log = logging.getLogger(__name__)

_TAKEN = "✅"
_NOT_BY_REPLY = "A reply does not decide this request. Please use the buttons on its card."
_WHICH = "Several questions are open here. Please reply to the card of the one you mean."
_PATH = "/channels/{channel_id}/messages"


class Replies:
    """Turns messages into answers at the desk."""

    def __init__(self, front: desk.Desk, members: Members, api: web.Web, sessions: threads.Threads) -> None:
        self._desk = front
        self._members = members
        self._api = api
        self._threads = sessions

    async def handle(self, reply: parse.Reply) -> None:
        """Take a message for what it is; nothing is raised for what is none of ours."""
        try:
            await self._handle(reply)
        except errors.SaysoError as error:
            log.warning("reply not counted", extra={"error": error.message})

    async def _handle(self, reply: parse.Reply) -> None:
        if not reply.text:
            return  # without the intent Discord hides what does not speak to the app
        asked = await self._meant(reply)
        spoken_to = bool(reply.mention or reply.to)
        if len(asked) > 1:
            if spoken_to:
                await self._say(reply, _WHICH)
            return
        for ticket in asked:
            if ticket.request.kind == "permission":
                if ticket.decision is None:
                    await self._say(reply, _NOT_BY_REPLY)
                return
            await self._answered(reply, ticket, aloud=spoken_to)

    async def _meant(self, reply: parse.Reply) -> Sequence[model.Ticket]:
        """The request that a message is about; several where that is not clear."""
        if reply.to is not None and (found := await self._by_card(reply.channel, reply.to)):
            return [found]
        whose = await self._threads.session_of(reply.channel)
        if whose is None:
            return []
        owner, session = whose
        pending = await self._desk.store.list(store.Query(state="pending", owner=owner, session=session, limit=100))
        return [one for one in pending if one.request.kind != "permission" and await self._is_here(one, reply.channel)]

    async def _by_card(self, channel: str, message: str) -> model.Ticket | None:
        ref = await self._desk.store.find_ref(NAME, channel, message)
        return await self._desk.get(ref.ticket_id) if ref else None

    async def _is_here(self, ticket: model.Ticket, channel: str) -> bool:
        return any(ref.conversation == channel for ref in await self._desk.store.refs(ticket.id))

    async def _answered(self, reply: parse.Reply, ticket: model.Ticket, *, aloud: bool) -> None:
        account = ""
        try:
            actor = await self._members.actor(reply.who, reply.channel)
            account = actor.account
            await self._desk.answer(ticket.id, submission.spoken(ticket, reply.text), actor)
        except errors.AlreadyDecided as error:
            if aloud and not submission.repeated(error.ticket, account, reply.text):
                await self._say(reply, wording.told(error))
            return
        except (errors.Refused, errors.NotFound) as error:
            if aloud:
                await self._say(reply, wording.told(error))
            return
        await self._mark(reply)

    async def _mark(self, reply: parse.Reply) -> None:
        """Show that the answer was taken."""
        path = f"{_PATH}/{{message}}/reactions/{{emoji}}/@me"
        try:
            await self._api.send("PUT", path, channel_id=reply.channel, message=reply.message, emoji=_TAKEN)
        except errors.ChannelError as error:
            log.info("reaction refused", extra={"error": error.message})

    async def _say(self, reply: parse.Reply, said: str) -> None:
        # nothing in Discord is shown to one person only without a press of theirs
        reference = {"message_id": reply.message, "fail_if_not_exists": False}
        try:
            body = {**render.spoken(said), "message_reference": reference}
            await self._api.send("POST", _PATH, body, channel_id=reply.channel)
        except errors.ChannelError as error:
            log.info("reply refused", extra={"error": error.message})
