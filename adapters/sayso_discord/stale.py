"""Presses on cards that are not what they should be: decided since, made with another secret, or of no request at all.

The rule: the person who pressed learns the true reason, and the card is put right, so that it happens to nobody again.
"""

from __future__ import annotations

import logging
from typing import Any

from sayso import errors, model
from sayso.cards import batch_tokens, card, telling, tokens
from sayso.desk import Desk
from sayso.desk.posting import batching
from sayso_discord import components, parse, render
from sayso_discord.api import Api
from sayso_discord.channel import DiscordChannel
from sayso_discord.settings import NAME

log = logging.getLogger(__name__)

_PATH = "/channels/{channel_id}/messages/{message}"
_GONE = "-# This request is gone: nothing can be decided here any more."


class Stale:
    """Puts right the cards that somebody pressed in vain."""

    def __init__(self, desk: Desk, channel: DiscordChannel, api: Api) -> None:
        self._desk = desk
        self._channel = channel
        self._api = api

    async def renew(self, spot: parse.Spot | None, account: str) -> card.Line | None:
        """Renew our card with an invalid button. Returns what this account is told, or None if the card is not ours."""
        posted = await self._desk.store.find_card(NAME, spot.channel, spot.message) if spot else None
        if posted is None:
            return None
        try:
            ticket = await batching.ticket_at(self._desk, posted)
        except errors.NotFound:
            return None
        await self._edit(posted, ticket)
        late = errors.AlreadyDecided(ticket)
        return telling.refusal(late, account) if ticket.decision else telling.line(telling.RENEWED)

    async def is_known(self, token: str) -> bool:
        """Whether the request of a button is in the store."""
        if batch_tokens.is_one(token):
            return await batching.load(self._desk.store, batch_tokens.read(token).ref) is not None
        try:
            await self._desk.store.load_by_ref(tokens.read(token).ref)
        except errors.InvalidToken:
            return True  # it does not have our form, so no other program has it either
        except errors.NotFound:
            return False
        return True

    async def freshen(self, ticket: model.Ticket) -> None:
        """Bring the cards up to date at which somebody was too late."""
        for _, posted in await batching.cards_of(self._desk.store, ticket.id):
            if posted.channel == NAME:
                await self._edit(posted, ticket)

    async def disarm(self, spot: parse.Spot, token: str) -> None:
        """Take away the buttons of a card whose request is gone, if this button still stands there.

        Raises:
            ChannelError: Discord does not let it be done.
        """
        ids = {"channel_id": spot.channel, "message": spot.message}
        message: Any = await self._api.get(_PATH, None, **ids)
        if not any(token in str(part.get("custom_id", "")) for part in components.walk(message.get("components"))):
            return  # the program that knows the request has answered meanwhile
        kept = [_without_rows(part) for part in message.get("components") or () if part.get("type") != components.ROW]
        if kept and kept[-1].get("type") == components.CONTAINER:
            kept[-1]["components"].append({"type": components.TEXT, "content": _GONE})
        await self._api.send("PATCH", _PATH, {"components": kept, "allowed_mentions": render.NOBODY}, **ids)

    async def _edit(self, posted: model.PostedCard, ticket: model.Ticket) -> None:
        try:
            await self._channel.edit(posted, await batching.card_at(self._desk, posted, ticket))
        except (errors.ChannelError, errors.NotFound) as error:
            log.info("card not put right", extra={"ticket": ticket.id, "error": error.message})


def _without_rows(part: dict[str, Any]) -> dict[str, Any]:
    inner = [one for one in part.get("components") or () if one.get("type") != components.ROW]
    return {**part, "components": inner} if "components" in part else part
