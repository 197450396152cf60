"""Posts and edits cards on Discord, and finds a card again if its posting was cut short or somebody deleted it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from sayso import errors, model
from sayso.cards import card
from sayso.chat.received import Json
from sayso.content import digest
from sayso.desk.admission import pictures
from sayso.stores import Record, Store
from sayso_discord import components, earlier, pace, refusals, render
from sayso_discord.api import Api
from sayso_discord.places import Places
from sayso_discord.settings import NAME
from sayso_discord.threads import Threads, nonce

MOVED_KIND = f"{NAME}-moved"
# A card that was posted and not recorded is a recent one.
_LOOK_BACK = 100
# A card that is deleted again and again, perhaps by a rule of the server, is not posted forever.
_MOST_TIMES = 20
_MESSAGES, _MESSAGE = "/channels/{channel_id}/messages", "/channels/{channel_id}/messages/{message}"


class DiscordChannel:
    """A `Channel` that posts with a bot token."""

    name = NAME

    def __init__(self, api: Api, places: Places, store: Store, threads: Threads) -> None:
        self._api = api
        self._places = places
        self._store = store
        self._threads = threads
        self._reposting = asyncio.Lock()

    async def post(self, place: str, drawn: card.Card, *, again: bool) -> model.PostedCard:
        """Post a card. Raises `ChannelError`."""
        async with _within_an_effect():
            return await self._post(place, drawn, again=again, before="")

    async def edit(self, posted: model.PostedCard, drawn: card.Card) -> None:
        """Bring a card up to date; a pending one that somebody deleted is posted again. Raises `ChannelError`."""
        async with _within_an_effect():
            posted = await self.find_latest(posted)
            try:
                await self._edit_message(posted.conversation, posted.message, drawn)
            except refusals.DiscordRefused as error:
                if drawn.tone != "pending" or not await self._is_lost(posted, error):
                    raise
                await self._repost(posted, drawn)

    async def _is_lost(self, posted: model.PostedCard, error: refusals.DiscordRefused) -> bool:
        """Whether a card is gone, or in a thread where nobody can press it any more."""
        if error.number in refusals.SHUT:
            return await self._threads.is_locked(posted.conversation)
        return error.number in refusals.GONE

    async def find_latest(self, posted: model.PostedCard) -> model.PostedCard:
        """The newest message of a card that was deleted and posted again."""
        while moved := await self._store.get(MOVED_KIND, _record_name(posted)):
            posted = replace(posted, **moved.value)
        return posted

    async def _repost(self, posted: model.PostedCard, drawn: card.Card) -> None:
        async with self._reposting:
            moved = await self.find_latest(posted)
            if moved != posted:
                await self._edit_message(moved.conversation, moved.message, drawn)
                return
            if len(await self._store.cards(posted.ticket_id)) >= _MOST_TIMES:
                hint = "look which rule or person of the server deletes the bot's messages"
                raise errors.ChannelError("the card is deleted again and again", final=True, hint=hint)
            now = await self._post(posted.place, drawn, again=False, before=posted.message)
            await self._store.add_card(now)
            there = {"conversation": now.conversation, "message": now.message}
            # another process was first, with the same nonce and therefore the same message
            with contextlib.suppress(errors.Conflict):
                await self._store.put(Record(MOVED_KIND, _record_name(posted), there))

    async def _post(self, place: str, drawn: card.Card, *, again: bool, before: str) -> model.PostedCard:
        conversation, has_threads = await self._places.find(place)
        # permissions stay where everybody sees them; and in a closed thread some clients send no press at all
        session = drawn.session if has_threads and drawn.talk else None
        if session is None:
            return await self._post_to(place, conversation, drawn, again=again, before=before)
        try:
            return await self._post_in_thread(place, conversation, session, drawn, again=again, before=before)
        except refusals.DiscordRefused as error:
            if error.number not in refusals.NO_THREAD:
                raise
            await self._threads.tell_failed(conversation, session, error)
        return await self._post_to(place, conversation, drawn, again=again, before=before)

    async def _post_in_thread(
        self, place: str, conversation: str, session: card.Session, drawn: card.Card, *, again: bool, before: str
    ) -> model.PostedCard:
        thread = await self._threads.ensure(conversation, session)
        try:
            return await self._post_to(place, thread, drawn, again=again, before=before)
        except refusals.DiscordRefused as error:
            if error.number not in refusals.CLOSED and not await self._threads.is_locked(thread):
                raise
        thread = await self._threads.replace(conversation, session, thread)
        return await self._post_to(place, thread, drawn, again=False, before=before)

    async def _post_to(
        self, place: str, conversation: str, drawn: card.Card, *, again: bool, before: str
    ) -> model.PostedCard:
        recent, mark = {"limit": _LOOK_BACK}, render.mark(drawn.ticket_id)
        # of two cards both decide the same request
        if again and (found := await earlier.find(self._api, conversation, recent, mark)):
            shown = _digest_of(await self._edit_message(conversation, found[-1], drawn))
            return model.PostedCard(drawn.ticket_id, place, NAME, conversation, found[-1], shown)
        body = render.render(drawn, self._places.mentioned(drawn.notify), loud=True)
        # with the nonce of the one *before* it Discord would answer with that one, which is gone
        body |= {"nonce": nonce(drawn.ticket_id, place, before), "enforce_nonce": True}
        if files := await self._files(drawn, body):
            sent = await self._api.send_files(_MESSAGES, body, files, channel_id=conversation)
        else:
            sent = await self._api.send("POST", _MESSAGES, body, channel_id=conversation)
        posted = model.PostedCard(drawn.ticket_id, place, NAME, conversation, str(sent["id"]), _digest_of(body))
        if again:
            # it may be the first card, found by its nonce, which still shows what it showed then
            posted = replace(posted, shown=_digest_of(await self._edit_message(conversation, posted.message, drawn)))
        return posted

    async def _files(self, drawn: card.Card, body: Json) -> dict[str, tuple[str, bytes]]:
        """The images that a message names, with their bytes."""
        read = pictures.bytes_of
        try:
            named = _images_in(drawn, body)
            return {one.file_name: (one.media_type, await read(self._store, one.ticket_id, one)) for one in named}
        except errors.NotFound as error:
            raise errors.ChannelError(error.message, final=True) from error

    def body_of(self, drawn: card.Card) -> dict[str, Any]:
        """The message of a card as it is edited: it notifies nobody a second time."""
        return render.render(drawn, self._places.mentioned(drawn.notify))

    async def _edit_message(self, conversation: str, message: str, drawn: card.Card) -> Json:
        """Edit a message; what stands there now."""
        body = self.body_of(drawn)
        try:
            await self._api.send("PATCH", _MESSAGE, body, channel_id=conversation, message=message)
        except refusals.DiscordRefused as error:
            if error.number != refusals.ARCHIVED:
                raise
            await self._threads.reopen(conversation)
            await self._api.send("PATCH", _MESSAGE, body, channel_id=conversation, message=message)
        return body


@contextlib.asynccontextmanager
async def _within_an_effect() -> AsyncGenerator[None]:
    """Limit the time of all calls for one card together, so that the courier is never held up for long."""
    try:
        async with asyncio.timeout(pace.EFFECT_WITHIN):
            yield
    except TimeoutError as error:
        raise errors.ChannelError("Discord took too long", unsure=True) from error


def _digest_of(body: Json) -> str:
    return digest.digest(body, "card")


def _images_in(drawn: card.Card, body: Json) -> list[card.Image]:
    """The images that a message names. A later edit names them again, and Discord has kept them."""
    galleries = (one for one in components.walk(body["components"]) if one["type"] == components.GALLERY)
    named = {item["media"]["url"].removeprefix("attachment://") for one in galleries for item in one["items"]}
    return [part for part in drawn.parts if isinstance(part, card.Image) and part.file_name in named]


def _record_name(posted: model.PostedCard) -> str:
    return f"{NAME}/{posted.message}"
