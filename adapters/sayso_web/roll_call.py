"""Asks whether sessions still hold: once for all that ask at the same moment, as open pages do at each change.

The rule: what was known before counts for nothing. A session is looked up after it was asked for, each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from sayso_web import sessions


class RollCall:
    """Looks up the sessions of open pages together."""

    def __init__(self, signed_in: sessions.Sessions) -> None:
        self._sessions = signed_in
        self._asked = set[str]()
        self._looking: asyncio.Task[Collection[str]] | None = None

    async def check(self, session: sessions.Session) -> None:
        """Raise `Unauthorized` if a session has ended or its key was revoked, `StoreUnavailable` if nobody knows."""
        self._asked.add(session.secret)
        if self._looking is None:
            # it begins once all have asked who are awake now
            self._looking = asyncio.create_task(self._look())
        if session.secret not in await asyncio.shield(self._looking):
            raise sessions.signed_out()

    async def _look(self) -> Collection[str]:
        asked, self._asked, self._looking = self._asked, set[str](), None
        return await self._sessions.holding(asked)
