"""How often receivers may be registered: the protocol wants a bound for each provisioner and each destination."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sayso.chat import recent
from sayso.clock import Clock
from sayso_aap import responses

# Registrations within the window, for one provisioner and for one host; in this process.
MOST = 20
_REMEMBERED = 10_000
WINDOW = timedelta(minutes=1)


class TooMany(responses.Failed):
    """The caller must slow down."""

    status = 429

    def __init__(self) -> None:
        super().__init__("rate_limit", f"at most {MOST} receivers are registered in {WINDOW.seconds} seconds")


class RegistrationRate:
    """The registrations of the last minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = recent.Recent[tuple[str, str], deque[datetime]](_REMEMBERED)

    def count(self, provisioner: str, url: str) -> None:
        """Count one more. Raises `TooMany`; a path or another instance on the same host makes no difference."""
        now = self._clock.now()
        for what in (("provisioner", provisioner), ("host", urlsplit(url).hostname or "")):
            times = self._seen[what] = self._seen.get(what) or deque()
            while times and times[0] <= now - WINDOW:
                times.popleft()
            if len(times) >= MOST:
                raise TooMany
            times.append(now)
