"""Takes stops, and what lifts them, from operators and from people whom the settings name."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso.desk.keys import Authenticate
from sayso.desk.upkeep import stopping, stops
from sayso_http import standing_stops
from sayso_http.server import access, reading, responses


class Stops:
    """The handlers for `/v1/stop`, `/v1/resume` and `/v1/stops`."""

    def __init__(self, desk: Desk, authenticate: Authenticate[web.Request]) -> None:
        self._desk = desk
        self._authenticate = authenticate

    async def stop(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Stop everything, or one agent."""
        wanted = await reading.body(request, standing_stops.Wanted, empty=True)
        # a body may take its time
        await self._authenticate(request)
        await stopping.stop(self._desk, await caller.stopper(), wanted.agent, wanted.reason)
        return await self.show(request, caller)

    async def resume(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Lift a stop."""
        lifted = await reading.body(request, standing_stops.Lifted, empty=True)
        await self._authenticate(request)
        await stopping.resume(self._desk, await caller.stopper(), lifted.agent)
        return await self.show(request, caller)

    async def show(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Show what is stopped."""
        await caller.stopper()
        return responses.write(standing_stops.Standing(stops=(await stops.standing(self._desk.store)).all))
