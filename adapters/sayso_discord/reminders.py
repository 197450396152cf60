"""Mentions people in a reply to a card that waits."""

from __future__ import annotations

from typing import Any

from sayso import errors, model
from sayso.cards import card
from sayso.machine import people
from sayso_discord import parse, render
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
        if again and (found := await self._find_earlier(posted, mark)):
            return found
        body = render.reminder(said, called, mark)
        body |= {"nonce": nonce("reminder", posted.ticket_id, posted.place, str(number)), "enforce_nonce": True}
        # a card that is gone meanwhile must not keep people from being reminded
        body["message_reference"] = {"message_id": posted.message, "fail_if_not_exists": False}
        sent = await self._api.send("POST", _MESSAGES, body, channel_id=posted.conversation)
        return str(sent["id"])

    async def _find_earlier(self, posted: model.PostedCard, mark: int) -> str | None:
        query = {"after": posted.message, "limit": _LOOK_BACK}
        try:
            found: list[Any] = await self._api.get(_MESSAGES, query, channel_id=posted.conversation)
        except errors.ChannelError as error:
            if not error.final:
                raise
            return None  # without the right to read, a second reminder is possible
        ours = (one for one in found if parse.author(one) == self._api.bot_user)
        return next((str(one["id"]) for one in ours if _mark_of(one) == mark), None)


def _mark_of(message: Any) -> object:
    parts: list[Any] = message.get("components") or [{}]
    return parts[0].get("id")
