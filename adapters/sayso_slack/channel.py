"""Posts and edits cards on Slack, and finds a card again if its posting was cut short."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sayso import errors, model
from sayso.cards import card
from sayso.clock import Clock
from sayso.content import digest
from sayso.machine import people
from sayso_slack import earlier, pace, refusals, render
from sayso_slack.api import Api
from sayso_slack.places import Places
from sayso_slack.response_urls import ResponseUrls
from sayso_slack.settings import NAME
from sayso_slack.uploads import Uploads

log = logging.getLogger(__name__)

EVENT_TYPE = "sayso_request"
# chat.postMessage: about one a second and channel, short bursts allowed
_POST_EVERY, _POST_BURST = 1.0, 5
# chat.update: tier 3, which is 50 a minute over all channels, and not all of them at once
_EDIT_EVERY, _EDIT_BURST, _EDIT_MOST = 1.2, 20, 50
# A card that was posted and not recorded is a recent one: two pages of conversations.history.
_LOOK_BACK, _PAGE = 2, 100


class SlackChannel:
    """A `Channel` that posts with a bot token."""

    name = NAME

    def __init__(
        self,
        api: Api,
        places: Places,
        clock: Clock,
        uploads: Uploads,
        directory: Callable[[], people.Directory] = people.Directory,
        copies: Callable[[], int] = lambda: 1,
    ) -> None:
        self._api = api
        self._places = places
        self._uploads = uploads
        self._directory = directory
        self._channel = pace.Pace(clock, _POST_EVERY, _POST_BURST, copies=copies)
        self._edits = pace.Pace(clock, _EDIT_EVERY, _EDIT_BURST, _EDIT_MOST, copies=copies)
        self.response_urls = ResponseUrls(api, clock)

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        """Post a card. Raises `ChannelError`."""
        conversation = await self._places.find(place)
        if again and (found := await self._find_all(conversation, drawn.ticket_id)):
            posted = model.PostedCard(drawn.ticket_id, place, NAME, conversation, found[-1])
            return replace(posted, shown=_digest_of(await self._edit(posted, drawn)))
        files = await self._uploads.ensure(drawn)
        who = f"{drawn.ticket_id} {place}"
        await self._channel.turn(conversation, who)
        message = {
            **self._render(conversation, drawn, files),
            "metadata": earlier.metadata(EVENT_TYPE, request_id=drawn.ticket_id),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            told = await self._api.post("chat.postMessage", channel=conversation, **message)
        except errors.NotYet as error:
            raise self._hold(self._channel, conversation, who, error) from error
        except errors.ChannelError as error:
            if error.gone:
                self._places.forget(place)
            if files and refusals.word_of(error) == "invalid_blocks":
                await self._uploads.give_time(drawn)
            raise
        return model.PostedCard(
            drawn.ticket_id, place, NAME, str(told["channel"]), str(told["ts"]), _digest_of(message)
        )

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        """Bring a posted card up to date. Raises `ChannelError`, `gone` if the message or its channel is gone."""
        await self._edit(posted, drawn)

    async def _edit(self, posted: model.PostedCard, drawn: card.Card) -> dict[str, Any]:
        """As `edit`; what stands there now."""
        # without parse="none" Slack reads names and addresses into the text of an update
        files = await self._uploads.known(drawn)
        message = {**self._render(posted.conversation, drawn, files), "parse": "none"}
        key = f"{posted.conversation}/{posted.message}"
        if await self.response_urls.edit(key, {**message, "replace_original": True}):
            return message
        await self._edits.turn("", key)
        try:
            await self._api.post("chat.update", channel=posted.conversation, ts=posted.message, **message)
        except errors.NotYet as error:
            raise self._hold(self._edits, "", key, error) from error
        except errors.ChannelError as error:
            if error.gone and refusals.word_of(error) != "message_not_found":
                self._places.forget(posted.place)
            raise
        return message

    def _render(self, conversation: str, drawn: card.Card, files: Mapping[int, str]) -> dict[str, Any]:
        # Slack notifies the reader of a direct message anyway
        named = () if conversation.startswith("D") else drawn.notify
        return render.render(drawn, self._directory().called(named, NAME), files)

    def _hold(self, paced: pace.Pace, key: str, who: str, error: errors.NotYet) -> errors.NotYet:
        log.warning("Slack asks to wait", extra={"seconds": error.wait})
        paced.hold(key, error.wait, who)
        return error

    async def find_cards(self, place: model.Place, ticket_id: str) -> Sequence[model.PostedCard]:
        """See `channel.Platform`: Slack has no key by which it would refuse to post a card twice."""
        conversation = await self._places.find(place)
        found = await self._find_all(conversation, ticket_id)
        return [model.PostedCard(ticket_id, place, NAME, conversation, one) for one in found]

    async def _find_all(self, conversation: str, ticket_id: str) -> Sequence[str]:
        """The cards of this request in the channel's recent history, the oldest last; both decide the same request."""
        about, recent = earlier.metadata(EVENT_TYPE, request_id=ticket_id), {"channel": conversation, "limit": _PAGE}
        return await earlier.find(self._api, "conversations.history", recent, about, _LOOK_BACK)


def _digest_of(message: dict[str, Any]) -> str:
    return digest.digest(message, "card")
