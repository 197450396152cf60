"""The numbers of a period, for operators."""

from __future__ import annotations

from aiohttp import web

from sayso import stats
from sayso.desk import Desk
from sayso_http.server import access, reading, responses

_DAYS = 30.0


class Statistics:
    """The handler for `GET /v1/stats`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Count what the last days brought."""
        asked = request.query.get("days")
        days = _DAYS if asked is None else reading.number(asked, "days", stats.MOST_DAYS, "days")
        return responses.write(await self._desk.numbers.of_last(days))
