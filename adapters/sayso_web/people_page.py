"""The page of people: who is who over all platforms, in which group, and who is on call. A GET changes nothing."""

from __future__ import annotations

from aiohttp import web

from sayso import errors
from sayso.desk import Desk
from sayso.desk.answering import acquaintance
from sayso_web import render
from sayso_web.guard import Guard


class PeoplePage:
    """The handler for `/people`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def show(self, request: web.Request) -> web.Response:
        """Show a page of people, with all groups. Raises `NotFound`."""
        session = await self._guard.session_of(request)
        number = request.query.get("page", "0")
        if not (number.isascii() and number.isdigit() and len(number) < 5):
            raise errors.NotFound("there is no such page")
        first, everybody = int(number) * acquaintance.PAGE, len(self._desk.setup.directory.people)
        body = render.fill(
            "people.html",
            session=session,
            people=await acquaintance.of_people(self._desk, first),
            groups=await acquaintance.of_groups(self._desk),
            page=int(number),
            more=everybody > first + acquaintance.PAGE,
        )
        return web.Response(text=body, content_type="text/html", charset="utf-8")
