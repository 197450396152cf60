"""Tells one person what became of a request, by a direct message with a link to its card."""

from __future__ import annotations

from collections.abc import Sequence

from sayso import model
from sayso.cards import card
from sayso_slack import earlier, render
from sayso_slack.api import Api
from sayso_slack.places import Places
from sayso_slack.settings import NAME

EVENT_TYPE = "sayso_outcome"
# What was told a moment ago stands at the end of a direct message.
_LOOK_BACK = 50


class Messages:
    """A `Messenger`; *workspace* is its address, as `https://acme.slack.com/`."""

    def __init__(self, api: Api, places: Places, workspace: str) -> None:
        self._api = api
        self._places = places
        self._workspace = workspace

    async def tell(
        self, place: str, said: card.Line, cards: Sequence[model.PostedCard], *, ticket_id: str, again: bool
    ) -> None:
        """Tell the person of *place*. Raises `ChannelError`."""
        conversation = await self._places.find(place)
        about = earlier.metadata(EVENT_TYPE, request_id=ticket_id)
        there = {"channel": conversation}
        recent = {**there, "limit": _LOOK_BACK}
        if again and await earlier.find(self._api, "conversations.history", recent, about):
            return
        await self._api.post("chat.postMessage", **there, metadata=about, **render.message(said, self._link(cards)))

    def _link(self, cards: Sequence[model.PostedCard]) -> str:
        """The address of a card that others can see; nothing if there is none."""
        seen = [one for one in cards if one.channel == NAME and not one.conversation.startswith("D")]
        if not seen or not self._workspace:
            return ""
        return f"{self._workspace}archives/{seen[0].conversation}/p{seen[0].message.replace('.', '')}"
