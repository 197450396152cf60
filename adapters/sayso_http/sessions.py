"""Notes of an agent about a session."""

from __future__ import annotations

from typing import Annotated

import pydantic
from aiohttp import web

from sayso import model
from sayso.desk import Desk, notes
from sayso_http import access, auth, reading, replies


class Note(model.Frozen):
    """What the agent is doing, in Markdown; at most 1,500 characters."""

    text: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=notes.LONGEST, pattern=r"\S")]


class Told(model.Frozen):
    """Where a note was told."""

    places: tuple[str, ...]


class Sessions:
    """The routes of sessions."""

    def __init__(self, front: Desk, authenticate: auth.Authenticate) -> None:
        self._desk = front
        self._authenticate = authenticate

    async def note(self, request: web.Request) -> web.Response:
        """Tell a note in the thread of a session."""
        owner = access.Caller(self._desk, await self._authenticate(request)).may_ask()
        given = await reading.body(request, Note)
        # a body may take its time
        await self._authenticate(request)
        return replies.reply(Told(places=await self._desk.note(request.match_info["session"], given.text, owner)))
