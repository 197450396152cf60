"""Background work of the service. What crashes stops the service; what has lost its database waits for it, unready."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sayso import errors

log = logging.getLogger(__name__)

# Seconds between tries while the database cannot be reached.
_PAUSE = 1.0


class Workers:
    """A few tasks that run until the service stops."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises what made a worker crash; it is never done otherwise."""
        self._waiting: dict[str, errors.StoreUnavailable] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run *work*, again and again."""
        self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    async def well(self) -> None:
        """Raise what is wrong with any worker; for `/readyz`."""
        await self.alive()
        for error in self._waiting.values():
            raise error

    async def alive(self) -> None:
        """Raise what made a worker crash; for `/healthz`: the service ends then."""
        if self.failed.done():
            self.failed.result()

    async def stop(self) -> None:
        """End all of them. What a worker was delivering is delivered again later, by whoever runs then."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.failed.done():
            self.failed.exception()  # told by now; without this asyncio would warn that nobody looked

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        while not self.failed.done():
            try:
                await work()
            except errors.StoreUnavailable as error:
                waits = {"worker": name, "error": error.message, "hint": error.hint}
                log.warning("worker waits for the database", extra=waits)
                self._waiting[name] = error
                await asyncio.sleep(_PAUSE)
                del self._waiting[name]
            except Exception as error:
                log.exception("worker crashed", extra={"worker": name})
                if not self.failed.done():
                    self.failed.set_exception(error)
