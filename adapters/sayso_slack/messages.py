"""Tells one person what became of a request, by a direct message with a link to its card."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sayso import errors, model
from sayso.cards import card
from sayso_slack import render
from sayso_slack.api import Api
from sayso_slack.places import Places
from sayso_slack.settings import NAME

log = logging.getLogger(__name__)

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
        if again and await self._is_told(conversation, ticket_id):
            return
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"request_id": ticket_id}}
        shown = render.message(said, self._link(cards))
        await self._api.post("chat.postMessage", channel=conversation, metadata=metadata, **shown)

    def _link(self, cards: Sequence[model.PostedCard]) -> str:
        """The address of a card that others can see; nothing if there is none."""
        seen = [one for one in cards if one.channel == NAME and not one.conversation.startswith("D")]
        if not seen or not self._workspace:
            return ""
        return f"{self._workspace}archives/{seen[0].conversation}/p{seen[0].message.replace('.', '')}"

    async def _is_told(self, conversation: str, ticket_id: str) -> bool:
        try:
            page: dict[str, Any] = await self._api.get(
                "conversations.history", channel=conversation, limit=_LOOK_BACK, include_all_metadata=True
            )
        except errors.ChannelError as error:
            if not error.final:
                raise
            log.warning("cannot look for an earlier message", extra={"hint": error.hint, "error": error.message})
            return False
        return any(_tells_of(message, ticket_id) for message in page["messages"])


def _tells_of(message: dict[str, Any], ticket_id: str) -> bool:
    metadata: dict[str, Any] = message.get("metadata") or {}
    payload: dict[str, Any] = metadata.get("event_payload") or {}
    return metadata.get("event_type") == EVENT_TYPE and payload.get("request_id") == ticket_id
