"""The situation in which a message was written: what it replies to, and what was open there at that moment.

The rule: Discord's own order of messages decides what was there before what, since two machines' clocks differ.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import discord

from sayso import errors, model
from sayso.cards import tokens
from sayso.chat import marks, pending, talk
from sayso.desk import Desk
from sayso.desk.answering import pressing
from sayso.desk.posting import batching
from sayso.stores import Query
from sayso_discord import components, custom_ids, parse, refusals
from sayso_discord.api import Api
from sayso_discord.settings import NAME
from sayso_discord.threads import Threads, ThreadSession

_MOST_OF_SESSION = 300


class Situation:
    """Looks back at the moment of a message."""

    def __init__(self, desk: Desk, api: Api, threads: Threads) -> None:
        self._desk = desk
        self._api = api
        self._threads = threads

    async def find_replied_to(
        self, reply: parse.Reply, session: ThreadSession | None
    ) -> tuple[model.Ticket | None, talk.To]:
        """The request of the card that it replies to, and what it replies to. Raises `ChannelError`."""
        if reply.to is None:
            return None, None
        posted = await self._desk.store.find_card(NAME, reply.channel, reply.to)
        if posted is not None:
            return await batching.ticket_at(self._desk, posted), "card"
        if reply.to_author not in (None, self._api.bot_user):
            return None, "other"
        return await self._find_unrecorded(reply, reply.to, session)

    async def find_open(self, reply: parse.Reply, session: ThreadSession | None) -> list[model.Ticket]:
        """What was open in its place when it was written."""
        at = discord.utils.snowflake_time(int(reply.message))
        spots = {reply.channel, *([session.channel] if session and session.channel else [])}
        open_then = await self._open_at(at, reply, session)
        return [one for one in open_then if await self._was_there(one, spots, reply)]

    async def _find_unrecorded(
        self, reply: parse.Reply, some_id: str, session: ThreadSession | None
    ) -> tuple[model.Ticket | None, talk.To]:
        """The request of a card that may have been posted a moment ago: it is known by its buttons."""
        path = "/channels/{channel_id}/messages/{message}"
        try:
            message: Any = await self._api.get(path, channel_id=reply.channel, message=some_id)
        except refusals.DiscordRefused:
            return None, "other"  # it is gone, or hidden
        if parse.author(message) != self._api.bot_user:
            return None, "other"
        ticket = await ticket_on(self._desk, message.get("components"))
        if ticket is None:
            return None, "app"
        within = session.channel if session else None
        try:
            await pressing.seated(self._desk, ticket, pressing.PressedMessage(NAME, reply.channel, some_id, within))
        except errors.InvalidToken:
            return None, "app"
        return ticket, "card"

    async def _open_at(self, at: datetime, reply: parse.Reply, session: ThreadSession | None) -> list[model.Ticket]:
        if session is None:
            return await pending.open_at(self._desk.store, at, changed=reply.edited)
        wanted = Query(owner=session.owner, session=session.id, limit=_MOST_OF_SESSION)
        found = await self._desk.store.list(wanted)
        return [one for one in found if pending.was_open(one, at, changed=reply.edited)]

    async def _was_there(self, ticket: model.Ticket, spots: set[str], reply: parse.Reply) -> bool:
        cards = await batching.cards_of(self._desk.store, ticket.id)
        return any(_before(posted, spots, reply) for _, posted in cards)


async def ticket_on(desk: Desk, parts: object) -> model.Ticket | None:
    """The request of the card that these components are, by its buttons; None if they are not ours."""
    for part in components.walk(parts):
        carried = custom_ids.read(str(part.get("custom_id", "")))
        if carried is None:
            continue
        try:
            pressed = tokens.read(carried.token)
            ticket = await desk.store.load_by_ref(pressed.ref)
            desk.mint.check(pressed, ticket)
        except (errors.InvalidToken, errors.NotFound):
            continue
        return ticket
    return None


def _before(posted: model.PostedCard, spots: set[str], reply: parse.Reply) -> bool:
    """Whether this card stood in one of these places, or over this very thread, when the message was written."""
    near = posted.conversation in spots or posted.message == reply.channel
    return posted.channel == NAME and near and marks.later(reply.message, posted.message)
