"""The response_urls of presses: each edits the card that was pressed on, outside the limits of all other edits.

The rule: one is kept for as long and as often as Slack takes it; a word to the person who pressed is always left over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso.chat.recent import Recent
from sayso.clock import Clock

# Slack: five times within thirty minutes. One is left for a word to whoever pressed.
_USES = 4
_KEPT = timedelta(minutes=29)
_MOST = 5_000


class ResponseUrls:
    """By message, the newest press on it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: Recent[str, tuple[str, datetime, int]] = Recent(_MOST)

    def add(self, where: str, url: str) -> None:
        """Somebody pressed on a message."""
        self._kept[where] = (url, self._clock.now() + _KEPT, _USES)

    def take(self, where: str) -> str | None:
        """Use one, if there is one."""
        url, ends, left = self._kept.get(where, ("", None, 0))
        if ends is None or left < 1 or self._clock.now() >= ends:
            self.forget(where)
            return None
        self._kept[where] = (url, ends, left - 1)
        return url

    def forget(self, where: str) -> None:
        """It is of no use any more."""
        self._kept.pop(where, None)
