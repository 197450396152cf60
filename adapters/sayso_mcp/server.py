"""`POST /mcp`: the MCP server inside the service, as streamable HTTP. Each call brings its key, and nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from sayso import errors, model
from sayso.desk import Desk, asker, callers, keys
from sayso_mcp import bridge, prompt

if TYPE_CHECKING:
    from mcp.server import mcpserver
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"
# A request that is written as JSON inside JSON.
_MOST_BYTES = 4 * model.MAX_REQUEST_BYTES
# Where a call's own desk is found by its tools.
_DESK = "sayso.desk"


def add_routes(
    app: web.Application,
    desk: Desk,
    *,
    authenticate: keys.Authenticate[web.Request],
    origins: Collection[str] = (),
    questions: Mapping[str, prompt.Question] | None = None,
) -> None:
    """Serve MCP clients that have an agent's key.

    The application answers only to its own host names by itself (`known_hosts`); a page of another origin than
    *origins* is refused here. *questions* is as for `Tools`. The SDK, slow to import, comes with the first call.
    """
    door = _Door(desk, authenticate, frozenset(origins), questions or {})
    app.router.add_post(PATH, door.handle)
    app.on_shutdown.append(door.stop)


class _Door:
    def __init__(
        self,
        desk: Desk,
        authenticate: keys.Authenticate[web.Request],
        origins: frozenset[str],
        questions: Mapping[str, prompt.Question],
    ) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._origins = origins
        self._questions = questions
        self._app: asyncio.Future[bridge.App] | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and origin not in self._origins:
            raise errors.NotAllowed("pages of other origins cannot ask", hint="call from a program")
        key = await self._authenticate(request)
        if key.role != "agent":
            raise errors.NotAllowed(f"a key of role {key.role} cannot ask", hint="use an agent's key")
        if self._app is None:
            self._app = asyncio.get_running_loop().create_future()
            self._running = asyncio.create_task(self._run(self._app))
        app = await asyncio.shield(self._app)
        return await bridge.serve(app, request, _MOST_BYTES, **{_DESK: callers.CallersDesk(self._desk, key.caller)})

    async def stop(self, _: web.Application) -> None:
        """Let every held call go, before the server closes its connections."""
        self._stopping.set()
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self, app: asyncio.Future[bridge.App]) -> None:
        """The SDK's manager must be entered and left by one task."""
        try:
            manager = await asyncio.to_thread(_manager, self._questions)
            async with manager.run():
                app.set_result(manager.handle_request)
                await self._stopping.wait()
        except Exception as error:
            if app.done():
                raise
            self._app = None
            app.set_exception(error)


def _manager(questions: Mapping[str, prompt.Question]) -> StreamableHTTPSessionManager:
    from mcp.server.transport_security import TransportSecuritySettings

    from sayso_mcp import tools

    server = tools.Tools(_desk_of, questions=questions).server()
    # host names and origins are checked before; without sessions any replica serves any call, and a restart ends none
    server.streamable_http_app(
        stateless_http=True, transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False)
    )
    return server.session_manager


def _desk_of(call: mcpserver.Context) -> asker.Asker:
    request = call.request_context.request
    assert request is not None  # it came over HTTP
    found: asker.Asker = request.scope[_DESK]
    return found
