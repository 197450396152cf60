"""Tells what an agent is doing, in the thread of its session."""

from __future__ import annotations

import hashlib

from sayso import errors
from sayso.cards import card
from sayso.stores import Record, Store
from sayso_slack import refusals, render
from sayso_slack.api import Api
from sayso_slack.places import Places
from sayso_slack.settings import NAME

KIND = f"{NAME}-thread"
_NO_THREAD = ("cannot_reply_to_message", "thread_not_found", "message_not_found")


class Notes:
    """A teller of notes; the store keeps the message that begins the thread of a session."""

    name = NAME

    def __init__(self, api: Api, places: Places, store: Store) -> None:
        self._api = api
        self._places = places
        self._store = store

    async def note(self, place: str, session: card.Session, said: card.Says | card.Line) -> None:
        """Tell a note. Raises `ChannelError`."""
        conversation = await self._places.find(place)
        thread = await self._thread(conversation, session)
        try:
            await self._post(conversation, thread, said)
        except errors.ChannelError as error:
            if refusals.word_of(error) not in _NO_THREAD:
                raise
            # somebody deleted the message that began the thread
            await self._store.remove(KIND, _record_name(conversation, session))
            await self._post(conversation, await self._thread(conversation, session), said)

    async def _post(self, conversation: str, thread: str, said: card.Says | card.Line) -> None:
        await self._api.post("chat.postMessage", channel=conversation, thread_ts=thread, **render.note(said))

    async def _thread(self, conversation: str, session: card.Session) -> str:
        name = _record_name(conversation, session)
        found = await self._store.get(KIND, name)
        if found is not None:
            return str(found.value["thread"])
        posted = await self._api.post("chat.postMessage", channel=conversation, **render.opening(session))
        try:
            # recorded by its message as well, so that people who reply to a note are told what it is
            await self._store.put(Record(KIND, root_name(conversation, str(posted["ts"]))))
            await self._store.put(Record(KIND, name, {"thread": posted["ts"]}))
        except errors.Conflict:
            # another process began the thread at the same moment; the recorded one counts
            kept = await self._store.get(KIND, name)
            return str(kept.value["thread"]) if kept else str(posted["ts"])
        return str(posted["ts"])


def _record_name(conversation: str, session: card.Session) -> str:
    digest = hashlib.sha256(f"{session.owner}\n{session.id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{NAME}/{conversation}/{digest}"


def root_name(conversation: str, message: str) -> str:
    """The name under which the first message of a thread of notes is recorded."""
    return f"{NAME}/{conversation}@{message}"
