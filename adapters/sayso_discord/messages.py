"""Tells one person what became of a request, by a direct message with a link to its card."""

from __future__ import annotations

from collections.abc import Sequence

from sayso import model
from sayso.cards import card
from sayso_discord import render
from sayso_discord.api import Api
from sayso_discord.places import Places
from sayso_discord.settings import NAME
from sayso_discord.threads import nonce


class Messages:
    """A `Messenger`."""

    def __init__(self, api: Api, places: Places) -> None:
        self._api = api
        self._places = places

    async def tell(
        self, place: str, said: card.Line, cards: Sequence[model.PostedCard], *, ticket_id: str, again: bool
    ) -> None:
        """Tell the person of *place*; with the same nonce Discord takes it once. Raises `ChannelError`."""
        conversation, _ = await self._places.find(place)
        body = render.message(said, await self._link(cards))
        body |= {"nonce": nonce("outcome", ticket_id, place), "enforce_nonce": True}
        await self._api.send("POST", "/channels/{channel_id}/messages", body, channel_id=conversation)

    async def _link(self, cards: Sequence[model.PostedCard]) -> str:
        """The address of a card that others can see; nothing if there is none."""
        for one in cards:
            if one.channel == NAME and not self._places.read(one.place).person:
                guild = await self._places.find_guild(one.conversation)
                return f"https://discord.com/channels/{guild}/{one.conversation}/{one.message}" if guild else ""
        return ""
