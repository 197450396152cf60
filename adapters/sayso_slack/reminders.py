"""Mentions people in the thread of a card that waits."""

from __future__ import annotations

from sayso import model
from sayso.cards import card
from sayso.machine import people
from sayso_slack import earlier, render
from sayso_slack.api import Api

EVENT_TYPE = "sayso_reminder"
# What was said a moment ago stands at the end of a thread.
_LOOK_BACK = 100


class Reminders:
    """A `Reminder`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def remind(
        self, posted: model.PostedCard, said: card.Line, called: people.Called, *, number: int, again: bool
    ) -> str:
        """Say it in the card's thread. Raises `ChannelError`."""
        about = earlier.metadata(EVENT_TYPE, request_id=posted.ticket_id, number=number)
        there = {"channel": posted.conversation}
        if again:
            below = {**there, "ts": posted.message, "limit": _LOOK_BACK}
            if found := await earlier.find(self._api, "conversations.replies", below, about):
                return found[0]
        shown = render.reminder(said, called)
        sent = await self._api.post("chat.postMessage", **there, thread_ts=posted.message, metadata=about, **shown)
        return str(sent["ts"])
