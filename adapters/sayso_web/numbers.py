"""The page of numbers: how long people take, what they decide, and who decides by habit. Only readers may see it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from aiohttp import web

from sayso import aside, errors, stats
from sayso.desk import Desk
from sayso.desk.answering import overview
from sayso_web import render, sessions
from sayso_web.guard import Guard

PERIODS = (7, 30, 90)
"""Days that the page offers."""

# The style of a drawing is its own, and an image can do nothing else.
_ALONE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


@dataclass(frozen=True, slots=True)
class Plots:
    """What draws: the names of its plots, and how one is drawn as SVG. Without any the page has its tables only."""

    names: Collection[str] = ()
    draw: Callable[[str, stats.Figures], bytes] = lambda name, figures: b""


NO_PLOTS = Plots()


class Numbers:
    """Handlers for `/stats` and its plots."""

    def __init__(self, desk: Desk, guard: Guard, plots: Plots, figures: stats.Numbers) -> None:
        self._desk = desk
        self._guard = guard
        self._plots = plots
        self._numbers = figures

    async def page(self, request: web.Request) -> web.Response:
        """Show the numbers of a period. Raises `NotAllowed`."""
        session = await self._reader(request)
        days = _days(request)
        found = await self._numbers.of_last(days)
        shown = {
            "session": session,
            "figures": found,
            "days": days,
            "periods": PERIODS,
            "plots": list(self._plots.names),
        }
        body = await aside.run(render.fill, "stats.html", **shown)
        return web.Response(text=body, content_type="text/html", charset="utf-8")

    async def plot(self, request: web.Request) -> web.Response:
        """Draw one plot of the period. Raises `NotAllowed`, `NotFound`."""
        await self._reader(request)
        name = request.match_info["plot"]
        if name not in self._plots.names:
            raise errors.NotFound("there is no such plot")
        drawn = await aside.run(self._plots.draw, name, await self._numbers.of_last(_days(request)))
        return web.Response(body=drawn, content_type="image/svg+xml", headers=_ALONE)

    async def _reader(self, request: web.Request) -> sessions.Session:
        session = await self._guard.session_of(request)
        await overview.check_counts(self._desk, session.actor)
        return session


async def may_read(desk: Desk, session: sessions.Session) -> bool:
    """Whether the numbers are for whoever is signed in."""
    return await overview.may_count(desk, session.actor)


def _days(request: web.Request) -> int:
    given = request.query.get("days", str(PERIODS[1]))
    if given not in {str(one) for one in PERIODS}:
        hint = f"days is one of {', '.join(map(str, PERIODS))}"
        raise errors.InvalidRequest("there is no such period", field="days", hint=hint)
    return int(given)
