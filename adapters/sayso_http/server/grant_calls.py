"""Shows what people allowed for a while, and ends it: to operators all of it, to a person what they may end."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso.desk.admission import granted, granting
from sayso_http import standing_grants
from sayso_http.server import access, responses


class Grants:
    """The handlers for `/v1/grants`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Show the grants that hold."""
        found = (
            await granting.listed(self._desk.store, self._desk.clock.now())
            if caller.key.role == "operator"
            else await granted.seen_by(self._desk, caller.key.actor)
        )
        return responses.write(standing_grants.Grants(grants=tuple(found)))

    async def end(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """End one."""
        id = request.match_info["id"]
        if caller.key.role == "operator":
            await granting.end(self._desk.store, id, caller.key.name, self._desk.clock.now())
        else:
            await granted.end(self._desk, caller.key.actor, id)
        return await self.show(request, caller)
