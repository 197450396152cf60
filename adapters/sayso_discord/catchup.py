"""After a start: every pending card is brought up to date or posted again, and what people wrote meanwhile is read.

The rule: clicks made while nobody listened are lost in Discord, messages are not.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from sayso import channel, desk, draw, errors, model, store
from sayso_discord import parse, web
from sayso_discord.channel import NAME, DiscordChannel
from sayso_discord.replies import Replies

log = logging.getLogger(__name__)

_PAGE = 100


class CatchUp:
    """Makes up for the time in which nobody listened."""

    def __init__(self, front: desk.Desk, posts: DiscordChannel, replies: Replies, api: web.Web, bot_user: str) -> None:
        self._desk = front
        self._posts = posts
        self._replies = replies
        self._api = api
        self._bot_user = bot_user

    async def run(self) -> None:
        """Once over everything that is pending; what fails for one card does not stop the others."""
        read: dict[str, str] = {}
        async for ticket in self._pending():
            for ref in await self._desk.store.refs(ticket.id):
                if ref.channel != NAME:
                    continue
                await self._redraw(ticket, ref)
                if ticket.request.kind != "permission":
                    read[ref.conversation] = min(read.get(ref.conversation, ref.message), ref.message, key=int)
        for conversation, after in read.items():
            await self._read(conversation, after)

    async def _pending(self) -> AsyncIterator[model.Ticket]:
        before = None
        while page := await self._desk.store.list(store.Query(state="pending", limit=_PAGE, before=before)):
            for ticket in page:
                yield ticket
            before = (page[-1].created_at, page[-1].id)

    async def _redraw(self, ticket: model.Ticket, ref: channel.MessageRef) -> None:
        try:
            await self._posts.edit(ref, draw.card_of(ticket, self._desk.mint))
        except errors.ChannelError as error:
            log.warning("card not brought up to date", extra={"ticket": ticket.id, "error": error.message})

    async def _read(self, conversation: str, after: str) -> None:
        """What was written since a card was posted, oldest first."""
        try:
            while page := await self._page(conversation, after):
                for message in page:
                    reply = parse.reply(message, self._bot_user)
                    if reply is not None:
                        await self._replies.handle(reply)
                after = str(page[-1]["id"])
        except errors.ChannelError as error:
            log.warning("messages not read", extra={"error": error.message})

    async def _page(self, conversation: str, after: str) -> list[Any]:
        found: list[Any] = await self._api.get(
            "/channels/{channel_id}/messages", {"after": after, "limit": _PAGE}, channel_id=conversation
        )
        return sorted(found, key=lambda message: int(message["id"]))
