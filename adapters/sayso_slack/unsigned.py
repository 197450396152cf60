"""Posts whose signature is wrong: said in the log, and kept for `sayso doctor` until one is right again.

The rule: anybody can post here, so neither log nor store is written more than once a minute, and nothing of a post is
repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sayso import errors, store

log = logging.getLogger(__name__)

KIND, NAME = "slack-unsigned", "posts"
# Seconds.
_SAID_EVERY = 60.0
_KEPT = timedelta(days=1)


class Unsigned:
    """What was not let in; *now* is the time in seconds since 1970."""

    def __init__(self, now: Callable[[], float], records: store.Store | None = None) -> None:
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
            "a post was not signed by Slack",
            extra={"posts": self._count, "hint": f"if it came from Slack: {hint}"},
        )
        await self._keep(datetime.fromtimestamp(now, UTC), hint)

    async def taken(self) -> None:
        """A post was signed as it should be: what is known of wrong ones is over."""
        if self._is_kept is False or self._records is None:
            return
        self._is_kept = False
        try:
            await self._records.remove(KIND, NAME)
        except errors.SaysoError as error:
            log.info("wrong signatures not forgotten", extra={"error": error.message})

    async def _keep(self, at: datetime, hint: str) -> None:
        if self._records is None:
            return
        self._is_kept = True
        try:
            found = await self._records.get(KIND, NAME)
            value = {"posts": self._count, "at": f"{at:%Y-%m-%d %H:%M} UTC", "hint": hint}
            version = found.version if found else 0
            await self._records.put(store.Record(KIND, NAME, value, at + _KEPT, version))
        except errors.SaysoError as error:
            log.info("wrong signatures not kept", extra={"error": error.message})


async def noticed(records: store.Store, now: datetime) -> tuple[str, str] | None:
    """What a service noticed in the last day, and what to do. Raises `StoreUnavailable`."""
    found = await records.get(KIND, NAME)
    if found is None or found.expires_at is None or found.expires_at <= now:
        return None
    posts, at = found.value["posts"], found.value["at"]
    said = f"the service refuses what Slack posts, since its signature is wrong: {posts} so far, the last at {at}"
    return said, found.value["hint"]
