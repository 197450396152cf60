"""Whether the service lives (`/healthz`) and can do its work (`/readyz`). Reasons go to the log, not to strangers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from aiohttp import web

from sayso.desk import Desk
from sayso_http.health import Check, Health
from sayso_http.server import responses

log = logging.getLogger(__name__)

# Seconds that one check may take.
_PATIENCE = 5.0
# What goes on failing is logged this often.
_LOGGED_AGAIN = timedelta(minutes=1)


class Probes:
    """The two probes; the store is always among the checks, and has to commit something."""

    def __init__(self, desk: Desk, checks: Mapping[str, Check], vital: Mapping[str, Check] | None = None) -> None:
        self._store = desk.store
        self._checks: Mapping[str, Check] = {"store": self._commit, **checks}
        self._vital: Mapping[str, Check] = vital or {}
        self._committing: asyncio.Task[None] | None = None
        self._clock = desk.clock
        self._logged: dict[Check, datetime] = {}

    async def alive(self, _: web.Request) -> web.Response:
        """Answer 200 if nothing in the process has ended for good; otherwise 503, and what has."""
        return await self._answer(self._vital)

    async def ready(self, _: web.Request) -> web.Response:
        """Answer 200 if all checks hold; otherwise 503, and which do not."""
        return await self._answer(self._checks)

    async def look(self) -> Mapping[str, bool]:
        """Which checks of `/readyz` hold."""
        return await self._look(self._checks)

    async def _look(self, checks: Mapping[str, Check]) -> Mapping[str, bool]:
        held = await asyncio.gather(*(self._holds(name, check) for name, check in checks.items()))
        return dict(zip(checks, held, strict=True))

    async def _answer(self, checks: Mapping[str, Check]) -> web.Response:
        results = await self._look(checks)
        told = {name: "ok" if holds else "failed" for name, holds in results.items()}
        health = Health.model_validate({"ok": all(results.values()), "checks": told})
        return responses.write(health, 200 if health.ok else 503)

    async def _commit(self) -> None:
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
            if check not in self._logged or now - self._logged[check] >= _LOGGED_AGAIN:
                self._logged[check] = now
                log.warning("not ready", extra={"check": name, "error": f"{type(error).__name__}: {error}"})
            return False
        # both probes have checks of one name, which do not say the same
        if self._logged.pop(check, None):
            log.info("ready again", extra={"check": name})
        return True
