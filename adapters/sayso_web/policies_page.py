"""The page of policies and rules: what each says, and what it did in the last days. A GET changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from aiohttp import web

from sayso import aside, stats
from sayso.cards import agreement
from sayso.desk import Desk
from sayso.desk.upkeep import versions
from sayso_web import numbers, render
from sayso_web.guard import Guard

VERSIONS = 20
"""Settings that were taken up, which are listed."""
DAYS = 30
"""Of the counts; whoever may not read the numbers sees none."""


class PoliciesPage:
    """The handler for `/policies`."""

    def __init__(self, desk: Desk, guard: Guard, figures: stats.Numbers) -> None:
        self._desk = desk
        self._guard = guard
        self._figures = figures

    async def show(self, request: web.Request) -> web.Response:
        """Show all policies and rules, in the order of the settings."""
        session = await self._guard.session_of(request)
        may = await numbers.may_read(self._desk, session)
        found = await self._figures.of_last(DAYS) if may else None
        setup = self._desk.setup
        shown = {
            "session": session,
            "policies": [(name, [*agreement.lines(one, setup.directory)]) for name, one in setup.policies.items()],
            "rules": setup.rules.rules,
            "default": setup.policy,
            "counts": may,
            "days": DAYS,
            "by_policy": _by_name(found.policies if found else ()),
            "by_rule": _by_name(found.rules if found else ()),
            "would_have": found.would_have if found else {},
            "versions": await _versions(self._desk),
        }
        body = await aside.run(lambda: render.fill("policies.html", **shown))
        return web.Response(text=body, content_type="text/html", charset="utf-8")


async def _versions(desk: Desk) -> list[tuple[versions.Version, str]]:
    """The newest settings that were taken up, each with what it changed."""
    found = await versions.listed(desk.store)
    shown, before = found[:VERSIONS], found[1 : VERSIONS + 1]
    return [(one, _changed(one, old)) for one, old in zip_longest(shown, before[: len(shown)])]


def _changed(one: versions.Version, before: versions.Version | None) -> str:
    if before is None or one.said is None or before.said is None:
        return ""
    return versions.difference(before, one)


def _by_name(named: tuple[stats.Named, ...]) -> Mapping[str, stats.Named]:
    return {one.name: one for one in named}
