"""Shows people and groups, policies and rules: to operators, and to the person behind an approver's key."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso.desk.answering import overview
from sayso_http.server import access, responses


class Overview:
    """The handlers for `/v1/people` and `/v1/policies`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def people(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Show a page of people, and all groups."""
        page = request.query.get("page", "0")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else -1
        return responses.write(await overview.of_people(self._desk, number))

    async def policies(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Show all policies and rules."""
        actor = None if caller.key.role == "operator" else caller.key.actor
        return responses.write(await overview.of_policies(self._desk, actor))
