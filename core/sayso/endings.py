"""Waits for what must come to its end, also where whoever waits is stopped a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any


async def see_through(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Return once all of them have ended, however. Whoever is cancelled meanwhile is so after that."""
    stopped: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as error:
            stopped = error
    if stopped:
        raise stopped
