"""The MCP server of one client, which started it: on standard input and output, until one of the two ends."""

from __future__ import annotations

import asyncio
import os
import signal

from sayso_mcp import tools


async def serve(served: tools.Tools) -> None:
    """Serve until standard input ends, or SIGTERM or SIGINT ends the process."""
    loop = asyncio.get_running_loop()
    leaving: set[asyncio.Task[None]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: leaving.add(loop.create_task(_leave(served))))
    await served.server().run_stdio_async()


async def _leave(served: tools.Tools) -> None:
    """End at once: the thread that reads standard input cannot be stopped otherwise."""
    try:
        await served.leave()
    finally:
        os._exit(0)
