"""How long the service runs: until it is told to stop, or a worker has crashed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

from sayso import errors


async def wait_for_stop(stopped: asyncio.Future[None], failed: asyncio.Future[None]) -> None:
    """Return when the service is to stop. Raises `SaysoError` if a worker crashed."""
    await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
    if failed.done() and (crash := failed.exception()):
        if isinstance(crash, errors.SaysoError):
            raise crash
        raise errors.SaysoError(f"a background worker crashed: {type(crash).__name__}", hint="see the log above")


def watch_signals() -> asyncio.Future[None]:
    """Done at the first SIGTERM or SIGINT; a second one kills, as ever."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        # two may come at the same moment, or one after the terminal is gone
        if not stopped.done():
            stopped.set_result(None)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopped


def watch_hang_up(stopped: asyncio.Future[None], reload: Callable[[], None]) -> None:
    """Read the settings again at a SIGHUP; if it means that the terminal is gone, stop as before."""
    at_terminal = sys.stdin.isatty()

    def hang_up() -> None:
        if at_terminal and not sys.stdin.isatty() and not stopped.done():
            stopped.set_result(None)
        else:
            reload()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up)


class Leaving:
    """The end of the service, told before it comes: what sends calls here looks at `/readyz` and sends them on."""

    def __init__(self) -> None:
        self._begun = False

    async def check_ready(self) -> None:
        """Raise once the service is about to end; for `/readyz`."""
        if self._begun:
            raise errors.StoreUnavailable("the service is about to end", hint="call another copy, or come back")

    async def begin(self, seconds: float) -> None:
        """Be unready from now on; return after *seconds*, in which calls are still taken."""
        self._begun = True
        await asyncio.sleep(seconds)
