"""The page on which everything, or one agent, is stopped and let go on. A GET changes nothing."""

from __future__ import annotations

from aiohttp import web

from sayso.cards import history
from sayso.desk import Desk
from sayso.desk.upkeep import stopping, stops
from sayso_web import render
from sayso_web.guard import Guard


class StopPage:
    """Handlers for `/stops`, `/stop` and `/resume`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def show(self, request: web.Request) -> web.Response:
        """Show what is stopped, with the forms for whoever may."""
        session = await self._guard.session_of(request)
        standing = await stops.standing(self._desk.store)
        body = render.fill(
            "stops.html",
            session=session,
            stops=[(stop.agent or "", history.stop_line(stop)) for stop in standing.all],
            may=await stopping.may(self._desk, session.actor),
            who=", ".join(self._desk.setup.stoppers),
        )
        return web.Response(text=body, content_type="text/html", charset="utf-8")

    async def stop(self, request: web.Request) -> web.Response:
        """Stop everything, or one agent. Raises `NotAllowed`, `InvalidRequest`."""
        session, form = await self._guard.read_post(request)
        who = await stopping.find(self._desk, session.actor)
        agent, reason = form.first("agent").strip() or None, form.first("reason").strip() or None
        await stopping.stop(self._desk, who, agent, reason, follow=False)
        return _back()

    async def resume(self, request: web.Request) -> web.Response:
        """Lift a stop. Raises `NotAllowed`, `NotFound`."""
        session, form = await self._guard.read_post(request)
        who = await stopping.find(self._desk, session.actor)
        await stopping.resume(self._desk, who, form.first("agent") or None, follow=False)
        return _back()


def _back() -> web.Response:
    return web.Response(status=303, headers={"Location": "/stops"})
