"""Mentions people in a reply to a card that waits."""

from __future__ import annotations

from sayso import model
from sayso.cards import card
from sayso.machine import people
from sayso_discord import earlier, render
from sayso_discord.api import Api
from sayso_discord.channel import DiscordChannel
from sayso_discord.threads import nonce

_MESSAGES = "/channels/{channel_id}/messages"
# What was said a moment ago is among the first messages after its card.
_LOOK_BACK = 100


class Reminders:
    """A `Reminder`."""

    def __init__(self, api: Api, channel: DiscordChannel) -> None:
        self._api = api
        self._channel = channel

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        """Say it as a reply; with the same nonce Discord takes it once. Raises `ChannelError`."""
        posted = await self._channel.find_latest(posted)
        mark = render.mark(f"{posted.ticket_id} {number}")
        after = {"after": posted.message, "limit": _LOOK_BACK}
        if again and (found := await earlier.find(self._api, posted.conversation, after, mark)):
            return found[0]
        body = render.reminder(said, called, mark)
        body |= {"nonce": nonce("reminder", posted.ticket_id, posted.place, str(number)), "enforce_nonce": True}
        # a card that is gone meanwhile must not keep people from being reminded
        body["message_reference"] = {"message_id": posted.message, "fail_if_not_exists": False}
        sent = await self._api.send("POST", _MESSAGES, body, channel_id=posted.conversation)
        return str(sent["id"])
