"""Takes hooks of the observability dashboard, on a listener of its own and from this machine only."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncGenerator

from aiohttp import web

import sayso_hitl.server
from sayso import errors
from sayso.desk import Desk, keys
from sayso_bots.service import listening
from sayso_http.server import auth, connections, hosts, responses

# Where the dashboard's helper looks, which has the name in it.
_HOSTS = ("localhost", "127.0.0.1")


def bind(port: int) -> socket.socket:
    """A socket for the hooks of this machine; port 0 takes a free one.

    Raises:
        InvalidSettings: the port is taken.
    """
    try:
        return listening.bind(_HOSTS[1], port)
    except errors.InvalidSettings as error:
        hint = "does the dashboard's own server run there? give that one another port, with SERVER_PORT"
        raise errors.InvalidSettings(error.message, field="--hitl-port", hint=hint) from error


@contextlib.asynccontextmanager
async def run(desk: Desk, listener: socket.socket) -> AsyncGenerator[None]:
    """Take hooks' questions on *listener*, until the block ends."""
    app = web.Application(middlewares=[responses.errors_as_json, connections.limit_time, hosts.known_hosts(_HOSTS)])
    sayso_hitl.server.add_routes(app, desk, authenticate=auth.authenticate(keys.Keys(desk.store)))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        server = await connections.serve(runner, listener, connections.Limits())
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()
