"""The page of all requests: what somebody looks for, newest first, page by page. A GET changes nothing."""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from sayso import aside, model
from sayso.desk import Desk, keys
from sayso.desk.answering import searching
from sayso_web import cursors, render, sessions, view
from sayso_web.guard import Guard

ROWS = 20
# Names of agents that are offered to choose from.
_MOST_NAMES = 200

WHOSE: Mapping[str, str] = {"me": "which I may answer", "mine": "asked on my behalf"}
"""How the form says whose requests are shown."""


class SearchPage:
    """The handler for `/requests`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def show(self, request: web.Request) -> web.Response:
        """Show a page of what fits. Raises `InvalidRequest`, `NotFound`."""
        session = await self._guard.session_of(request)
        wanted, own = searching.read(request.query), await view.of(self._desk, session)
        exact = await searching.by_id(self._desk.store.load, wanted.search)
        before = cursors.read(request.query.get("before"))
        found = searching.Found((exact,)) if exact else await self._find(session, wanted, before)
        asked = searching.written(wanted)
        rows = await aside.run(_draw, own, found.tickets)
        following = found.last and cursors.write((found.last.created_at, found.last.id))
        shown: dict[str, Any] = {
            "session": session,
            "asked": asked,
            "rows": rows,
            "found": found,
            "next": following and urllib.parse.urlencode({**asked, "before": following}),
            "first": urllib.parse.urlencode(asked) if "before" in request.query else None,
            "choices": searching.CHOICES,
            "whose": WHOSE,
            "known": await self._known(),
        }
        body = await aside.run(functools.partial(render.fill, "requests.html", **shown))
        return web.Response(text=body, content_type="text/html", charset="utf-8")

    async def _find(
        self, session: sessions.Session, wanted: searching.Filter, before: tuple[datetime, str] | None
    ) -> searching.Found:
        return await searching.run(self._desk, wanted, ROWS, before, actor=session.actor)

    async def _known(self) -> Mapping[str, Sequence[str]]:
        """Names that are offered where somebody types."""
        setup = self._desk.setup
        names = {one.name for one in await keys.Keys(self._desk.store).list()}
        places = dict.fromkeys((*setup.route, *(place for one in setup.rules.rules for place in one.route or ())))
        return {
            "agent": sorted(names)[:_MOST_NAMES],
            "policy": list(setup.policies),
            "rule": [one.id for one in setup.rules.rules],
            "place": list(places),
        }


def _draw(own: view.View, tickets: Sequence[model.Ticket]) -> list[str]:
    return [own.draw_row(ticket) for ticket in tickets]
