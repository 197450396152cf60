"""The response_urls of presses: each edits the card that was pressed on, outside the limits of all other edits.

The rule: a url is used as long and as often as Slack allows, except that one use stays for a reply to the person who
pressed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso.chat.recent import Recent
from sayso.clock import Clock

# Slack allows five uses within thirty minutes. One is left for a reply to the person who pressed.
_USES = 4
_KEPT = timedelta(minutes=29)
_MOST = 5_000


class ResponseUrls:
    """By message, the newest press on it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: Recent[str, tuple[str, datetime, int]] = Recent(_MOST)

    def add(self, message: str, url: str) -> None:
        """Know that somebody pressed on a message."""
        self._kept[message] = (url, self._clock.now() + _KEPT, _USES)

    def take(self, message: str) -> str | None:
        """Use the url of a message, if there is one."""
        url, ends, left = self._kept.get(message, ("", None, 0))
        if ends is None or left < 1 or self._clock.now() >= ends:
            self.forget(message)
            return None
        self._kept[message] = (url, ends, left - 1)
        return url

    def forget(self, message: str) -> None:
        """Forget the url of a message."""
        self._kept.pop(message, None)
