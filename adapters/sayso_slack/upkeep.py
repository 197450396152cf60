"""Keeps open cards where people can see them: what was deleted is posted again, or it counts as undelivered.

The rule: what Slack reports is acted on at once; what it reported while nobody listened is found out after a start.
"""

from __future__ import annotations

import logging
from typing import Any

from sayso import errors
from sayso.chat import pending
from sayso.desk import Desk
from sayso.desk.posting import batching
from sayso_slack import happenings
from sayso_slack.api import Api
from sayso_slack.channel import SlackChannel
from sayso_slack.places import Places
from sayso_slack.settings import NAME

log = logging.getLogger(__name__)

_BECAME = {
    "archived": "the channel was archived (unarchive it, or route to another one)",
    "deleted": "the channel was deleted (route to another one)",
    "left": "the app was removed from the channel (invite it again: /invite @sayso)",
}


class Upkeep:
    """The open cards of this desk on Slack."""

    def __init__(self, desk: Desk, places: Places, channel: SlackChannel, api: Api) -> None:
        self._desk = desk
        self._channel = channel
        self._places = places
        self._api = api

    async def handle_deletion(self, conversation: str, message: str) -> None:
        """Know that somebody deleted a message: a pending card of ours is posted again."""
        posted = await self._desk.store.find_card(NAME, conversation, message)
        if posted is not None:
            self._channel.response_urls.forget(f"{conversation}/{message}")
            ticket = await batching.ticket_at(self._desk, posted)
            await self._desk.card_lost(ticket.id, posted.place)

    async def handle_change(self, room: happenings.Room) -> None:
        """Know that a channel was archived, deleted or renamed, or that the app was removed from it."""
        if room.became == "renamed":
            log.warning("a channel was renamed", extra={"channel": room.channel, "hint": "write its id C… in settings"})
            return
        self._places.forget_all()
        for ticket, posted in await pending.cards_in(self._desk.store, NAME, room.channel):
            await self._desk.place_lost(ticket.id, posted.place, _BECAME[room.became])

    async def look_at(self, conversation: str) -> bool:
        """Whether people can still see the cards in a channel; if not, the cards count as undelivered.

        Raises:
            ChannelError: Slack does not say now.
        """
        if conversation.startswith("D"):
            return True  # nobody can take a direct message away, and to ask would need one more scope
        try:
            found: Any = await self._api.get("conversations.info", channel=conversation)
        except errors.ChannelError as error:
            if not error.final:
                raise
            if not error.gone:
                return True  # it cannot be looked at; the next post finds out
            await self.handle_change(happenings.Room(conversation, "deleted"))
            return False
        about: dict[str, Any] = found["channel"]
        if about.get("is_archived"):
            await self.handle_change(happenings.Room(conversation, "archived"))
        elif not about.get("is_member") and not about.get("is_im"):
            await self.handle_change(happenings.Room(conversation, "left"))
        else:
            return True
        return False
