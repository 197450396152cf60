"""Shows what people allowed for a while, and ends it, for operators and people whom the settings name."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk, granting
from sayso_http import standing_grants
from sayso_http.server import access, responses


class Grants:
    """The handlers for `/v1/grants`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Show the grants that hold."""
        await caller.stopper()
        found = await granting.listed(self._desk.store, self._desk.clock.now())
        return responses.write(standing_grants.Grants(grants=tuple(found)))

    async def end(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """End one."""
        who = await caller.stopper()
        await granting.end(self._desk.store, request.match_info["id"], who.id, self._desk.clock.now())
        return await self.show(request, caller)
