"""Whether the service lives (`/healthz`) and can do its work (`/readyz`). Reasons go to the log, not to strangers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from aiohttp import web

from sayso import model
from sayso.desk import Desk
from sayso_http import replies

log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[object]]
"""Raises where something is not ready."""

# Seconds that one check may take.
_PATIENCE = 5.0
# What fails and goes on failing stands in the log this often.
_TOLD_AGAIN = timedelta(minutes=1)


class Health(model.Frozen):
    """The body of both probes."""

    ok: bool
    checks: dict[str, Literal["ok", "failed"]]


class Probes:
    """The two probes; the store is always among the checks, and has to commit something."""

    def __init__(self, front: Desk, checks: Mapping[str, Check], vital: Mapping[str, Check] | None = None) -> None:
        self._store = front.store
        self._checks: Mapping[str, Check] = {"store": self._commits, **checks}
        self._vital: Mapping[str, Check] = vital or {}
        self._committing: asyncio.Task[None] | None = None
        self._clock = front.clock
        self._told: dict[str, datetime] = {}

    async def alive(self, _: web.Request) -> web.Response:
        """The process answers, and nothing in it has ended for good; otherwise 503, and what has."""
        return await self._looked(self._vital)

    async def ready(self, _: web.Request) -> web.Response:
        """All checks hold: 200; otherwise 503, and which do not."""
        return await self._looked(self._checks)

    async def _looked(self, checks: Mapping[str, Check]) -> web.Response:
        found = await asyncio.gather(*(self._holds(name, check) for name, check in checks.items()))
        results = dict(zip(checks, found, strict=True))
        health = Health(ok=all(found), checks={name: "ok" if held else "failed" for name, held in results.items()})
        return replies.reply(health, 200 if health.ok else 503)

    async def _commits(self) -> None:
        # strangers may ask as often as they like, and one commit at a time answers them all
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._store.check())
        await asyncio.shield(self._committing)

    async def _holds(self, name: str, check: Check) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await check()
        except Exception as error:
            now = self._clock.now()
            # strangers may ask as often as they like, and the log says it now and then
            if name not in self._told or now - self._told[name] >= _TOLD_AGAIN:
                self._told[name] = now
                log.warning("not ready", extra={"check": name, "error": f"{type(error).__name__}: {error}"})
            return False
        if self._told.pop(name, None):
            log.info("ready again", extra={"check": name})
        return True
