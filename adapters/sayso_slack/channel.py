"""Posts and edits cards on Slack, and finds again a card whose posting was cut short.

The rule: only ids leave in the metadata, which any app of the workspace can read.
"""

from __future__ import annotations

import logging
from typing import Any

from sayso import card, channel, clock, errors
from sayso_slack import pace, places, render, web

log = logging.getLogger(__name__)

NAME = "slack"
EVENT_TYPE = "sayso_request"
# chat.postMessage: about one a second and channel, short bursts allowed
_POST_EVERY, _POST_BURST = 1.0, 5
# chat.update: tier 3, 50 a minute over all channels: 20 at once and 30 more
_EDIT_EVERY, _EDIT_BURST = 2.0, 20
# A card that was posted and not recorded is a recent one: two pages of conversations.history.
_LOOK_BACK, _PAGE = 2, 100


class SlackChannel:
    """A `Channel` that posts with a bot token."""

    name = NAME

    def __init__(self, api: web.Web, where: places.Places, now: clock.Clock, bot_user: str) -> None:
        self._api = api
        self._places = where
        self._bot_user = bot_user
        self._posts = pace.Pace(now, _POST_EVERY, _POST_BURST)
        self._edits = pace.Pace(now, _EDIT_EVERY, _EDIT_BURST)

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> channel.MessageRef:
        """Post a card. Raises `ChannelError`."""
        conversation = await self._places.find(place)
        found = await self._posted_before(conversation, drawn.ticket_id) if again else None
        if found is not None:
            ref = channel.MessageRef(drawn.ticket_id, place, NAME, conversation, found)
            await self.edit(ref, drawn)
            return ref
        await self._posts.turn(conversation)
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"request_id": drawn.ticket_id}}
        message = {**render.render(drawn), "metadata": metadata, "unfurl_links": False, "unfurl_media": False}
        try:
            posted = await self._api.post("chat.postMessage", channel=conversation, **message)
        except errors.ChannelError as error:
            self._hold(self._posts, conversation, error)
            raise
        return channel.MessageRef(drawn.ticket_id, place, NAME, str(posted["channel"]), str(posted["ts"]))

    async def edit(self, ref: channel.MessageRef, drawn: card.Card) -> None:
        """Bring a posted card up to date. Raises `ChannelError`, `final` where the message is gone."""
        await self._edits.turn("")
        # without parse="none" Slack reads names and addresses into the text of an update
        message = {**render.render(drawn), "parse": "none"}
        try:
            await self._api.post("chat.update", channel=ref.conversation, ts=ref.message, **message)
        except errors.ChannelError as error:
            self._hold(self._edits, "", error)
            raise

    def _hold(self, paced: pace.Pace, key: str, error: errors.ChannelError) -> None:
        if error.retry_after is not None:
            paced.hold(key, error.retry_after)

    async def _posted_before(self, conversation: str, ticket_id: str) -> str | None:
        """The oldest card of this request in the channel's recent history."""
        cursor, found = "", None
        for _ in range(_LOOK_BACK):
            try:
                page = await self._api.get(
                    "conversations.history", channel=conversation, limit=_PAGE, cursor=cursor, include_all_metadata=True
                )
            except errors.ChannelError as error:
                if not error.final:
                    raise
                # without the history scope a second card is possible; it settles the same request
                log.warning("cannot look for an earlier card", extra={"hint": error.hint, "error": error.message})
                return None
            ours = [message["ts"] for message in page["messages"] if self._is_card(message, ticket_id)]
            found = ours[-1] if ours else found
            cursor = web.next_page(page)
            if not cursor:
                break
        return found

    def _is_card(self, message: dict[str, Any], ticket_id: str) -> bool:
        metadata: dict[str, Any] = message.get("metadata") or {}
        payload: dict[str, Any] = metadata.get("event_payload") or {}
        ours = message.get("user") == self._bot_user and metadata.get("event_type") == EVENT_TYPE
        return bool(ours and payload.get("request_id") == ticket_id)
