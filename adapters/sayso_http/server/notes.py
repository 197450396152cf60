"""Takes notes of agents about what they do."""

from __future__ import annotations

from aiohttp import web

from sayso.desk import Desk
from sayso.desk.keys import Authenticate
from sayso_http import session_notes
from sayso_http.server import access, reading, responses


class Notes:
    """The handler for the notes of a session."""

    def __init__(self, desk: Desk, authenticate: Authenticate[web.Request]) -> None:
        self._desk = desk
        self._authenticate = authenticate

    async def tell(self, request: web.Request, caller: access.HttpCaller) -> web.Response:
        """Tell a note in the thread of a session."""
        note = await reading.body(request, session_notes.Note)
        # a body may take its time
        await self._authenticate(request)
        places = await self._desk.note(request.match_info["session"], note.text, caller.key.caller)
        return responses.write(session_notes.Told(places=places))
