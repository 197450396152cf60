"""Keeps open cards where people can press them: what was deleted is posted again, or it counts as undelivered.

The rule: a card that cannot be shown any more counts as undelivered at once, so that no agent waits for nobody.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sayso import errors, model
from sayso.chat import background, pending
from sayso.chat.received import Json
from sayso.desk import Desk, courier
from sayso.desk.posting import batching
from sayso_discord.api import Api
from sayso_discord.channel import DiscordChannel
from sayso_discord.settings import NAME

log = logging.getLogger(__name__)

# Seconds between tries; after the last one it is for the next session to look at.
_PAUSES = (1.0, 5.0, 25.0, 60.0)
_THREADS = (10, 11, 12)


class Upkeep:
    """The open cards of this desk on Discord."""

    def __init__(self, desk: Desk, channel: DiscordChannel, api: Api) -> None:
        self._desk = desk
        self._channel = channel
        self._api = api

    async def handle_deletion(self, conversation: str, messages: Iterable[str]) -> None:
        """Know that messages were deleted: cards of open requests are posted again."""
        for message in messages:
            await self._persist(functools.partial(self._renew_deleted, conversation, message))

    async def handle_change(self, conversation: str) -> None:
        """Know that a channel or thread went, was closed or was locked: its open cards are looked after."""
        await self._persist(functools.partial(self._look_after, conversation))

    async def _persist(self, look: Callable[[], Awaitable[None]]) -> None:
        # Discord tells of it once
        await background.persist(look, "card not looked at yet", _PAUSES, self._desk.clock)

    async def _renew_deleted(self, conversation: str, message: str) -> None:
        posted = await self._desk.store.find_card(NAME, conversation, message)
        if posted is not None:
            await self.renew(posted)

    async def _look_after(self, conversation: str) -> None:
        stood = await pending.cards_in(self._desk.store, NAME, conversation)
        if not stood:
            return
        try:
            await self.keep_open(conversation)
        except errors.ChannelError as error:
            log.warning("place not looked at", extra={"conversation": conversation, "error": error.message})
        for _, posted in stood:
            await self.renew(posted)

    async def keep_open(self, conversation: str) -> bool:
        """Open a thread that Discord closed: in a closed thread some clients send no press.

        Returns whether people can press there now: a thread that somebody locked stays closed. Raises `ChannelError`.
        """
        found: Any = await self._api.get("/channels/{channel_id}", channel_id=conversation)
        about: Json = found.get("thread_metadata") or {}
        if found.get("type") not in _THREADS or not about.get("archived"):
            return True
        if about.get("locked"):
            return False
        await self._api.send("PATCH", "/channels/{channel_id}", {"archived": False}, channel_id=conversation)
        return True

    async def renew(self, posted: model.PostedCard) -> None:
        """Show an open request where its card stood; if that is not possible, it counts as undelivered there."""
        show = functools.partial(self._show, posted)
        try:
            await background.persist(show, "card not renewed yet", _PAUSES, self._desk.clock)
        except errors.ChannelError as error:
            if not error.final:
                log.warning("card not renewed", extra={"ticket": posted.ticket_id, "error": error.message})
                return
            log.error("card lost", extra={"ticket": posted.ticket_id, "error": error.message, "hint": error.hint})
            for one in await batching.tickets_at(self._desk.store, posted):
                await self._desk.place_lost(one.id, posted.place, courier.reason(error))

    async def _show(self, posted: model.PostedCard) -> None:
        ticket = await batching.ticket_at(self._desk, posted)
        if ticket.decision is None:
            await self._channel.edit(posted, await batching.card_at(self._desk, posted, ticket))
