"""The page of grants: what people allowed for a while, and its end. A GET changes nothing."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso.desk.admission import granted, granting
from sayso.desk.upkeep import stopping
from sayso_web import render
from sayso_web.guard import Guard


class GrantsPage:
    """Handlers for `/grants`: everybody sees them; who gave one may end it, and those who may stop."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def show(self, request: web.Request) -> web.Response:
        """Show the grants that hold."""
        session = await self._guard.session_of(request)
        found = await granting.listed(self._desk.store, self._desk.clock.now())
        all_of_them = await stopping.may(self._desk, session.actor)
        mine = {one.id for one in found if all_of_them or one.by == session.person}
        body = render.fill("grants.html", session=session, grants=found, mine=mine)
        return web.Response(text=body, content_type="text/html", charset="utf-8")

    async def end(self, request: web.Request) -> web.Response:
        """End one. Raises `NotAllowed`, `NotFound`."""
        session, form = await self._guard.read_post(request)
        await granted.end(self._desk, session.actor, form.first("id"))
        return web.Response(status=303, headers={"Location": "/grants"})
