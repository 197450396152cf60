"""Conversations: the messages of each are judged one after the other, and whom somebody spoke to is remembered."""

from __future__ import annotations

import asyncio
import weakref

from sayso.chat.recent import Recent

_MOST = 5_000


class Conversations:
    """The conversations of one chat, by place."""

    def __init__(self) -> None:
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._spoken_to: Recent[tuple[str, str], None] = Recent(_MOST)

    def turn(self, place: str) -> asyncio.Lock:
        """The lock that is held while a message of this place is judged."""
        lock = self._turns.get(place)
        if lock is None:
            lock = self._turns[place] = asyncio.Lock()
        return lock

    def was_spoken_to(self, place: str, writer: str, speaks_to: str | None) -> bool:
        """Whether somebody else spoke to this writer here just before; and remember whom the writer speaks to."""
        spoken_to = (place, writer) in self._spoken_to
        self._spoken_to.pop((place, writer), None)
        if speaks_to is not None and speaks_to != writer:
            self._spoken_to[place, speaks_to] = None
        return spoken_to
