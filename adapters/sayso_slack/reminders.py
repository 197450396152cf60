"""Mentions people in the thread of a card that waits."""

from __future__ import annotations

import logging
from typing import Any

from sayso import errors, model
from sayso.cards import card
from sayso.machine import people
from sayso_slack import render
from sayso_slack.api import Api

log = logging.getLogger(__name__)

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
        about: dict[str, Any] = {"request_id": posted.ticket_id, "number": number}
        if again and (found := await self._find_earlier(posted, about)):
            return found
        shown = render.reminder(said, called)
        sent = await self._api.post(
            "chat.postMessage",
            channel=posted.conversation,
            thread_ts=posted.message,
            metadata={"event_type": EVENT_TYPE, "event_payload": about},
            **shown,
        )
        return str(sent["ts"])

    async def _find_earlier(self, posted: model.PostedCard, about: dict[str, Any]) -> str | None:
        try:
            page: dict[str, Any] = await self._api.get(
                "conversations.replies",
                channel=posted.conversation,
                ts=posted.message,
                limit=_LOOK_BACK,
                include_all_metadata=True,
            )
        except errors.ChannelError as error:
            if not error.final:
                raise
            log.warning("cannot look for an earlier reminder", extra={"hint": error.hint, "error": error.message})
            return None
        return next((str(one["ts"]) for one in page["messages"] if _is_about(one, about)), None)


def _is_about(message: dict[str, Any], about: dict[str, Any]) -> bool:
    metadata: dict[str, Any] = message.get("metadata") or {}
    return metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload") == about
