"""Tells what an agent is doing, in the thread of its session."""

from __future__ import annotations

from sayso.cards import card
from sayso_discord import refusals, render
from sayso_discord.api import Api
from sayso_discord.places import Places
from sayso_discord.settings import NAME
from sayso_discord.threads import Threads


class Notes:
    """A teller of notes."""

    name = NAME

    def __init__(self, api: Api, places: Places, threads: Threads) -> None:
        self._api = api
        self._places = places
        self._threads = threads

    async def note(self, place: str, session: card.Session, said: card.Says | card.Line) -> None:
        """Tell a note; in a direct message it stands outside of a thread. Raises `ChannelError`."""
        conversation, _ = await self._places.find(place)
        if self._places.read(place).person:
            await self._send(conversation, said)
            return
        try:
            await self._tell(conversation, session, said)
        except refusals.DiscordRefused as error:
            if error.number not in refusals.NO_THREAD:
                raise
            await self._threads.tell_failed(conversation, session, error)
            await self._send(conversation, said)

    async def _tell(self, conversation: str, session: card.Session, said: card.Says | card.Line) -> None:
        thread = await self._threads.ensure(conversation, session)
        try:
            return await self._send(thread, said)
        except refusals.DiscordRefused as error:
            if error.number not in refusals.CLOSED and not await self._threads.is_locked(thread):
                raise
        await self._send(await self._threads.replace(conversation, session, thread), said)

    async def _send(self, conversation: str, said: card.Says | card.Line) -> None:
        await self._api.send("POST", "/channels/{channel_id}/messages", render.note(said), channel_id=conversation)
