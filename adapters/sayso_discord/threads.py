"""One thread for each agent session in a channel: begun with the first question, found again after a restart.

The rule: a thread has the id of the message that begins it, so the id is recorded before the thread is made, and a
crash at any point leads to one thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from sayso import errors
from sayso.cards import card
from sayso.chat.received import Json
from sayso.stores import Record, Store
from sayso_discord import limits, measure, refusals, render
from sayso_discord.api import Api
from sayso_discord.settings import NAME

log = logging.getLogger(__name__)

KIND = f"{NAME}-thread"
# Minutes without a message after which Discord closes a thread; the longest there is. A message opens it again.
_KEPT_OPEN = 10_080


@dataclass(frozen=True, slots=True)
class ThreadSession:
    """The session of a thread, and the channel of the thread."""

    owner: str
    id: str
    channel: str = ""


async def find_session(store: Store, thread: str) -> ThreadSession | None:
    """The session that a thread belongs to; None if it is not ours."""
    found = await store.get(KIND, f"{NAME}/{thread}")
    if found is None:
        return None
    return ThreadSession(str(found.value["owner"]), str(found.value["session"]), str(found.value.get("channel", "")))


class Threads:
    """Finds and makes the threads of sessions."""

    def __init__(self, api: Api, store: Store) -> None:
        self._api = api
        self._store = store
        self._making = asyncio.Lock()

    async def ensure(self, channel: str, session: card.Session) -> str:
        """The thread of a session in a channel. Raises `ChannelError`."""
        async with self._making:
            found = await self._store.get(KIND, _record_name(channel, session))
            if found is not None and found.value.get("made"):
                return str(found.value["thread"])
            lost = found is not None and found.value.get("lost")
            begun = str(found.value["thread"]) if found and not lost else None
            thread = begun or await self._post_root(channel, session, str(found.value["thread"]) if found else "")
            told = bool(found and begun and found.value.get("told"))
            await self._make(channel, thread, session, told=told)
            return thread

    async def replace(self, channel: str, session: card.Session, thread: str) -> str:
        """The thread in place of one that somebody deleted or closed: one, whoever notices. Raises `ChannelError`."""
        async with self._making:
            await self._mark_lost(channel, session, thread)
        return await self.ensure(channel, session)

    async def _mark_lost(self, channel: str, session: card.Session, thread: str) -> None:
        """Know that a thread is gone: another message begins the next one, unless there is a next one already."""
        name = _record_name(channel, session)
        found = await self._store.get(KIND, name)
        if found is None or found.value["thread"] != thread:
            return
        await self._put(name, {**found.value, "made": False, "lost": True}, found.version)

    async def find_session(self, thread: str) -> ThreadSession | None:
        """The session that a thread belongs to; None if it is not ours."""
        return await find_session(self._store, thread)

    async def tell_failed(self, channel: str, session: card.Session, error: refusals.DiscordRefused) -> None:
        """Say once, on the message that should have begun it, why there is no thread. Raises `ChannelError`."""
        log.warning("thread not begun", extra={"session": session.id, "error": error.message, "hint": error.hint})
        found = await self._store.get(KIND, _record_name(channel, session))
        if found is None or found.value.get("told") or found.value.get("made"):
            return
        body = render.opening(session, f"{error.message} ({error.hint})" if error.hint else error.message)
        path = "/channels/{channel_id}/messages/{message}"
        await self._api.send("PATCH", path, body, channel_id=channel, message=str(found.value["thread"]))
        await self._put(found.name, {**found.value, "told": True})

    async def is_locked(self, thread: str) -> bool:
        """Whether a moderator has closed a thread for the bot, too. Raises `ChannelError`."""
        found: Any = await self._api.get("/channels/{channel_id}", channel_id=thread)
        about: Json = found.get("thread_metadata") or {}
        return bool(about.get("locked"))

    async def reopen(self, thread: str) -> None:
        """Open a thread that Discord closed after a time without messages. Raises `ChannelError`."""
        await self._api.send("PATCH", "/channels/{channel_id}", {"archived": False}, channel_id=thread)

    async def _post_root(self, channel: str, session: card.Session, before: str) -> str:
        # not the nonce of the lost message, which Discord would answer with that message
        body = {**render.opening(session), "nonce": nonce("thread", channel, session.owner, session.id, before)}
        posted = await self._api.send(
            "POST", "/channels/{channel_id}/messages", {**body, "enforce_nonce": True}, channel_id=channel
        )
        thread = str(posted["id"])
        whose = {"owner": session.owner, "session": session.id, "channel": channel}
        await self._put(f"{NAME}/{thread}", {**whose, "thread": thread})
        await self._put(_record_name(channel, session), {"thread": thread, "made": False})
        return thread

    async def _make(self, channel: str, thread: str, session: card.Session, *, told: bool) -> None:
        name = measure.cut(session.name.text.strip() or "session", limits.THREAD_NAME)
        try:
            await self._api.send(
                "POST",
                "/channels/{channel_id}/messages/{message}/threads",
                {"name": name, "auto_archive_duration": _KEPT_OPEN},
                channel_id=channel,
                message=thread,
            )
        except refusals.DiscordRefused as error:
            if error.number == refusals.UNKNOWN_MESSAGE:
                await self._mark_lost(channel, session, thread)
                raise errors.ChannelError("the message of a thread is gone", retry_after=1) from error
            if error.number != refusals.THREAD_EXISTS:
                raise
        await self._put(_record_name(channel, session), {"thread": thread, "made": True})
        if told:
            path = "/channels/{channel_id}/messages/{message}"
            await self._api.send("PATCH", path, render.opening(session), channel_id=channel, message=thread)

    async def _put(self, name: str, value: dict[str, object], version: int | None = None) -> None:
        if version is None:
            found = await self._store.get(KIND, name)
            version = found.version if found else 0
        # whoever was first in this moment, maybe another copy of the service, saw the same
        with contextlib.suppress(errors.Conflict):
            await self._store.put(Record(KIND, name, value, None, version))


def nonce(*about: str) -> str:
    """A text for which Discord answers a repeated post with the first one, for some minutes; at most 25 characters."""
    return hashlib.sha256("\n".join(about).encode("utf-8", "surrogatepass")).hexdigest()[: limits.NONCE]


def _record_name(channel: str, session: card.Session) -> str:
    return f"{NAME}/{channel}/{nonce(session.owner, session.id)}"
