"""Ports for programs that must be told one before they start, and that may start again at the same one."""

import contextlib
import random
import socket

# Below those that Linux (32768 and up) and macOS (49152 and up) give to a connection that asks for none by number.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """One that nothing listens at, and that no connection of another test is given meanwhile."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
