"""In which situation a message was written: what it replies to, and what was open there at that moment.

The rule: Discord's own order of messages decides what was there before what, since two machines' clocks differ.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import discord

from sayso import errors, model
from sayso.cards import tokens
from sayso.chat import marks, pending, talk
from sayso.desk import Desk, pressing
from sayso.stores import Query
from sayso_discord import components, custom_ids, parse, refusals, threads
from sayso_discord.api import Api
from sayso_discord.channel import NAME

_MOST_OF_SESSION = 300


class Situation:
    """Looks back at the moment of a message."""

    def __init__(self, front: Desk, api: Api, sessions: threads.Threads) -> None:
        self._desk = front
        self._api = api
        self._threads = sessions

    async def replied_to(self, said: parse.Reply, session: threads.Whose | None) -> tuple[model.Ticket | None, talk.To]:
        """The request whose card it replies to, and what it is that it replies to. Raises `ChannelError`."""
        if said.to is None:
            return None, None
        posted = await self._desk.store.find_card(NAME, said.channel, said.to)
        if posted is not None:
            return await self._desk.get(posted.ticket_id), "card"
        if said.to_author not in (None, self._api.bot_user):
            return None, "other"
        return await self._not_recorded(said, said.to, session)

    async def here(self, said: parse.Reply, session: threads.Whose | None) -> list[model.Ticket]:
        """What was open where it was written, at that moment."""
        at = discord.utils.snowflake_time(int(said.message))
        spots = {said.channel, *([session.channel] if session and session.channel else [])}
        open_then = await self._open_at(at, said, session)
        return [one for one in open_then if await self._stood(one, spots, said)]

    async def _not_recorded(
        self, said: parse.Reply, some_id: str, session: threads.Whose | None
    ) -> tuple[model.Ticket | None, talk.To]:
        """The card may have been posted a moment ago: then it is known by its buttons."""
        path = "/channels/{channel_id}/messages/{message}"
        try:
            message: Any = await self._api.get(path, channel_id=said.channel, message=some_id)
        except refusals.DiscordRefused:
            return None, "other"  # it is gone, or hidden
        if parse.author(message) != self._api.bot_user:
            return None, "other"
        ticket = await ticket_on(self._desk, message.get("components"))
        if ticket is None:
            return None, "app"
        within = session.channel if session else None
        try:
            await pressing.seated(self._desk, ticket, pressing.PressedMessage(NAME, said.channel, some_id, within))
        except errors.InvalidToken:
            return None, "app"
        return ticket, "card"

    async def _open_at(self, at: datetime, said: parse.Reply, session: threads.Whose | None) -> list[model.Ticket]:
        if session is None:
            return await pending.open_at(self._desk.store, at, changed=said.edited)
        wanted = Query(owner=session.owner, session=session.id, limit=_MOST_OF_SESSION)
        found = await self._desk.store.list(wanted)
        return [one for one in found if pending.was_open(one, at, changed=said.edited)]

    async def _stood(self, ticket: model.Ticket, spots: set[str], said: parse.Reply) -> bool:
        return any(_before(posted, spots, said) for posted in await self._desk.store.cards(ticket.id))


async def ticket_on(front: Desk, parts: object) -> model.Ticket | None:
    """The request of the card that these components are, by its buttons; None where they are none of ours."""
    for part in components.walk(parts):
        carried = custom_ids.read(str(part.get("custom_id", "")))
        if carried is None:
            continue
        try:
            pressed = tokens.read(carried.token)
            ticket = await front.store.load_by_ref(pressed.ref)
            front.mint.check(pressed, ticket)
        except (errors.InvalidToken, errors.NotFound):
            continue
        return ticket
    return None


def _before(posted: model.PostedCard, spots: set[str], said: parse.Reply) -> bool:
    """Whether this card stood in one of these places, or over this very thread, when the message was written."""
    near = posted.conversation in spots or posted.message == said.channel
    return posted.channel == NAME and near and marks.later(said.message, posted.message)
