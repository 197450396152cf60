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
    """What was not let in of a platform's posts; *now* is the time in seconds since 1970."""

    def __init__(self, platform: str, now: Callable[[], float], records: Store | None = None) -> None:
        self._platform = platform
        self._now = now
        self._records = records
        self._count = 0
        self._said: float | None = None
        self._is_kept: bool | None = None  # an earlier run may have left one

    async def refused(self, hint: str) -> None:
        """A post was not let in."""
        self._count += 1
        now = self._now()
        if self._said is not None and 0 <= now - self._said < _SAID_EVERY:
            return
        self._said = now
        log.warning(
            "a post was not signed by its platform",
            extra={"platform": self._platform, "posts": self._count, "hint": f"if it came from there: {hint}"},
        )
        await self._keep(datetime.fromtimestamp(now, UTC), hint)

    async def taken(self) -> None:
        """A post was signed as it should be: what is known of wrong ones is over."""
        if self._is_kept is False or self._records is None:
            return
        self._is_kept = False
        try:
            await self._records.remove(kind(self._platform), NAME)
        except errors.SaysoError as error:
            log.info("wrong signatures not forgotten", extra={"error": error.message})

    async def _keep(self, at: datetime, hint: str) -> None:
        if self._records is None:
            return
        self._is_kept = True
        try:
            found = await self._records.get(kind(self._platform), NAME)
            value = {"posts": self._count, "at": f"{at:%Y-%m-%d %H:%M} UTC", "hint": hint}
            version = found.version if found else 0
            await self._records.put(Record(kind(self._platform), NAME, value, at + _KEPT, version))
        except errors.SaysoError as error:
            log.info("wrong signatures not kept", extra={"error": error.message})


def kind(platform: str) -> str:
    """What the record of a platform is kept under."""
    return f"{platform.lower()}-unsigned"


async def noticed(platform: str, records: Store, now: datetime) -> tuple[str, str] | None:
    """What a service noticed in the last day, and what to do. Raises `StoreUnavailable`."""
    found = await records.get(kind(platform), NAME)
    if found is None or found.expires_at is None or found.expires_at <= now:
        return None
    posts, at = found.value["posts"], found.value["at"]
    said = f"the service refuses what {platform} posts, since its signature is wrong: {posts} so far, the last at {at}"
    return said, found.value["hint"]
