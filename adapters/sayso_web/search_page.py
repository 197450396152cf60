"""The page of all requests: what somebody looks for, newest first, page by page. A GET changes nothing."""

from __future__ import annotations

import dataclasses
import functools
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from aiohttp import web

from sayso import aside, errors, model, parts
from sayso.desk import Desk, searching, visibility
from sayso.stores import Query, record_kinds
from sayso_web import cursors, render, sessions, view
from sayso_web.guard import Guard

ROWS = 20
_LONGEST = 200
# Names of agents that are offered to choose from.
_MOST_NAMES = 200

WHOSE: Mapping[str, str] = {"me": "which I may answer", "mine": "asked on my behalf"}
"""Whose requests are shown, beside everybody's."""
CHOICES: Mapping[str, Sequence[str]] = {
    "state": get_args(model.State),
    "risk": get_args(model.Risk),
    "priority": get_args(parts.Priority),
    "whose": tuple(WHOSE),
}
"""What is chosen from a few."""
TYPED = ("search", "tool", "agent", "session", "policy", "rule", "place")
"""What is typed."""


class SearchPage:
    """The handler for `/requests`."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def show(self, request: web.Request) -> web.Response:
        """Show a page of what fits. Raises `InvalidRequest`, `NotFound`."""
        session = await self._guard.session_of(request)
        asked = _read(request.query)
        own = await view.of(self._desk, session)
        exact = await searching.by_id(self._desk.store.load, asked.get("search", ""))
        found = searching.Found((exact,)) if exact else await self._find(session, asked, request.query.get("before"))
        rows = await aside.run(_draw, own, found.tickets)
        following = found.last and cursors.write((found.last.created_at, found.last.id))
        shown: dict[str, Any] = {
            "session": session,
            "asked": asked,
            "rows": rows,
            "found": found,
            "next": following and urllib.parse.urlencode({**asked, "before": following}),
            "first": urllib.parse.urlencode(asked) if "before" in request.query else None,
            "choices": CHOICES,
            "whose": WHOSE,
            "known": await self._known(),
        }
        body = await aside.run(functools.partial(render.fill, "requests.html", **shown))
        return web.Response(text=body, content_type="text/html", charset="utf-8")

    async def _find(self, session: sessions.Session, asked: Mapping[str, str], before: str | None) -> searching.Found:
        query = Query(
            state=_one_of(get_args(model.State), asked.get("state")),
            owner=asked.get("agent"),
            session=asked.get("session"),
            before=cursors.read(before),
            limit=ROWS,
        )
        read: searching.Read = self._desk.store.list
        if asked.get("whose") == "me":
            read = functools.partial(visibility.tickets, self._desk, session.actor)
        elif asked.get("whose") == "mine":
            me = self._desk.setup.directory.identify(session.actor).id
            query = dataclasses.replace(query, audiences=(), requester=me)
        wanted = searching.Filter(
            tool=asked.get("tool"),
            policy=asked.get("policy"),
            rule=asked.get("rule"),
            place=asked.get("place"),
            risk=_one_of(get_args(model.Risk), asked.get("risk")),
            priority=_one_of(get_args(parts.Priority), asked.get("priority")),
            words=asked.get("search", ""),
        )
        return await searching.find(read, query, wanted)

    async def _known(self) -> Mapping[str, Sequence[str]]:
        """Names that are offered where somebody types."""
        setup = self._desk.setup
        keys = {str(one.value.get("name")) for one in await self._desk.store.scan(record_kinds.KEY)}
        places = dict.fromkeys((*setup.route, *(place for one in setup.rules.rules for place in one.route or ())))
        return {
            "agent": sorted(keys)[:_MOST_NAMES],
            "policy": list(setup.policies),
            "rule": [one.id for one in setup.rules.rules],
            "place": list(places),
        }


def _read(given: Mapping[str, str]) -> dict[str, str]:
    """What somebody looks for, without what they left empty. Raises `InvalidRequest`."""
    asked = {name: said for name in (*TYPED, *CHOICES) if (said := given.get(name, "").strip())}
    for name, said in asked.items():
        if len(said) > _LONGEST:
            raise errors.InvalidRequest(f"{name} is too long", field=name, hint=f"at most {_LONGEST} characters")
        if name in CHOICES and said not in CHOICES[name]:
            raise errors.InvalidRequest(
                f"there is no such {name}", field=name, hint=f"one of {', '.join(CHOICES[name])}"
            )
    return asked


def _one_of(known: Sequence[Any], said: str | None) -> Any:
    return said if said in known else None


def _draw(own: view.View, tickets: Sequence[model.Ticket]) -> list[str]:
    return [own.draw_row(ticket) for ticket in tickets]
