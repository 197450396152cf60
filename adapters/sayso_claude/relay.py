"""What Claude Code tells its user is told in the session's thread, too. Nobody waits for it; nothing hangs on it."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, cast

from aiohttp import web

from sayso import errors, model
from sayso.desk import Caller, Desk
from sayso.desk.posting import notes

log = logging.getLogger(__name__)

# Notes on their way; more at once come from an agent that runs wild.
_MOST = 20


class Relay:
    """Tells notes from one process, in the background."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told: set[asyncio.Task[None]] = set()

    def notification(self, raw: bytes, caller: Caller) -> None:
        """Tell what a Notification hook says."""
        payload = cast("dict[str, Any]", json.loads(raw))
        session, message = str(payload.get("session_id") or ""), str(payload.get("message") or "")
        title = payload.get("title")
        self.tell(session, f"{title}: {message}" if title else message, caller)

    def tell(self, session: str, said: str, caller: Caller) -> None:
        """Tell *said* in the session's thread; if that cannot be done, the log says so."""
        if len(self._told) < _MOST:
            task = asyncio.create_task(self._tell(model.name_of(session), said[: notes.LONGEST], caller))
            self._told.add(task)
            task.add_done_callback(self._told.discard)

    async def close(self, _: web.Application) -> None:
        """End what is on its way."""
        for task in self._told:
            task.cancel()
        await asyncio.gather(*self._told, return_exceptions=True)

    async def _tell(self, session: str, said: str, caller: Caller) -> None:
        try:
            await self._desk.note(session, said, caller)
        except errors.SaysoError as error:
            log.info("note not told", extra={"code": error.code, "hint": error.hint})
        except Exception:
            log.exception("note not told")
