"""Posts to a chat's address with a wrong signature: logged, and kept for `sayso doctor` until a right one comes.

The rule: anybody can post here, so log and store are written at most once a minute, and nothing of a post is repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sayso import errors
from sayso.stores import Record, Store

log = logging.getLogger(__name__)

NAME = "posts"
# Seconds.
_SAID_EVERY = 60.0
_KEPT = timedelta(days=1)


class Unsigned:
    """The posts of a platform that were not let in; *seconds* is the time since 1970."""

    def __init__(self, platform: str, seconds: Callable[[], float], store: Store | None = None) -> None:
        self._platform = platform
        self._seconds = seconds
        self._store = store
        self._count = 0
        self._said: float | None = None
        self._is_noted: bool | None = None  # an earlier run may have left one

    async def note_refusal(self, hint: str) -> None:
        """Note that a post was not let in; *hint* says what to do about it."""
        self._count += 1
        now = self._seconds()
        if self._said is not None and 0 <= now - self._said < _SAID_EVERY:
            return
        self._said = now
        log.warning(
            "a post was not signed by its platform",
            extra={"platform": self._platform, "posts": self._count, "hint": f"if it came from there: {hint}"},
        )
        await self._note(datetime.fromtimestamp(now, UTC), hint)

    async def forget(self) -> None:
        """Forget the posts that were not let in, since a post was signed as it should be."""
        if self._is_noted is False or self._store is None:
            return
        self._is_noted = False
        try:
            await self._store.remove(kind(self._platform), NAME)
        except errors.SaysoError as error:
            log.info("wrong signatures not forgotten", extra={"error": error.message})

    async def _note(self, at: datetime, hint: str) -> None:
        if self._store is None:
            return
        self._is_noted = True
        try:
            found = await self._store.get(kind(self._platform), NAME)
            value = {"posts": self._count, "at": f"{at:%Y-%m-%d %H:%M} UTC", "hint": hint}
            version = found.version if found else 0
            await self._store.put(Record(kind(self._platform), NAME, value, at + _KEPT, version))
        except errors.SaysoError as error:
            log.info("wrong signatures not kept", extra={"error": error.message})


def kind(platform: str) -> str:
    """The kind of the record of a platform."""
    return f"{platform.lower()}-unsigned"


async def find_notice(platform: str, store: Store, at: datetime) -> tuple[str, str] | None:
    """What a service noticed in the last day, and what to do. Raises `StoreUnavailable`."""
    found = await store.get(kind(platform), NAME)
    if found is None or found.expires_at is None or found.expires_at <= at:
        return None
    posts, at = found.value["posts"], found.value["at"]
    said = f"the service refuses what {platform} posts, since its signature is wrong: {posts} so far, the last at {at}"
    return said, found.value["hint"]
