"""What a supervisor such as systemd is told: that the service is ready, that it lives, that it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import socket

log = logging.getLogger(__name__)

_ADDRESS, _WATCHDOG, _WATCHED = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


def tell(said: str) -> None:
    """Tell it something, as `sd_notify` does."""
    address = os.environ.get(_ADDRESS)
    if not address:
        return
    # an address that begins with @ is in no folder
    path = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(path)
            line.sendall(said.encode())
    except OSError as error:
        log.warning("the supervisor cannot be told", extra={"said": said, "error": str(error)})


async def beat() -> None:
    """Show signs of life for ever, if it wants any: a service whose loop stands still is killed and started anew."""
    pause = _pause()
    while pause is not None:
        tell("WATCHDOG=1")
        await asyncio.sleep(pause)


def _pause() -> float | None:
    """Seconds between two signs of life, half of what it waits for; None if it wants none from this process."""
    wanted, watched = os.environ.get(_WATCHDOG, ""), os.environ.get(_WATCHED)
    if not wanted.isdecimal() or int(wanted) == 0 or watched not in (None, str(os.getpid())):
        return None
    return int(wanted) / 2_000_000
