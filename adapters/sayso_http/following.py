"""Hears that something happened at a service, by its stream of events; a stream that is cut is begun anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sayso import errors
from sayso_http import calls, routes

# Seconds before a stream that was cut is begun anew, and of silence after which it counts as cut.
_PAUSE, _SILENCE = 1.0, 60.0


async def changes(service: calls.Calls) -> AsyncIterator[None]:
    """Yield at once, and then when something happened that this key may see; also after each new beginning."""
    while True:
        yield
        try:
            async for line in service.lines(routes.EVENTS, silence=_SILENCE):
                if line.startswith(b"data:"):
                    yield
        except errors.StoreUnavailable:
            # the list is read next, and says so if the service is away for long
            await asyncio.sleep(_PAUSE)
