"""The way in and out. Opening a sign-in link changes nothing: only the button on the page uses it up."""

from __future__ import annotations

import re
from collections import deque
from datetime import datetime, timedelta

from aiohttp import web

from sayso import errors, parts
from sayso.clock import Clock
from sayso_web import render
from sayso_web.guard import Guard

# Codes have 256 random bits and cannot be guessed; this only slows down a program that tries many. A right code
# is always taken: people share an address, behind a proxy all of them do, and must not lock each other out.
MOST_FAILURES = 10
# Bytes: a code, and the page to go on to.
LARGEST_FORM = 16_384
WINDOW = timedelta(minutes=1)
_MOST_ADDRESSES = 1_000

_NEXT = re.compile(rf"/(?:requests/{parts.REQUEST_ID})?")


class SignIn:
    """Handlers for `/signin` and `/signout`."""

    def __init__(self, guard: Guard, clock: Clock) -> None:
        self._guard = guard
        self._clock = clock
        self._failures: dict[str, deque[datetime]] = {}

    async def show(self, request: web.Request) -> web.Response:
        """Show the form. The code of a link stands behind the `#`, where only the page's script sees it."""
        return show_page(request)

    async def enter(self, request: web.Request) -> web.Response:
        """Take a code or a key, and give a cookie."""
        self._guard.check_origin(request)
        # anybody may send this one
        form = await self._guard.read_form(request, LARGEST_FORM)
        try:
            session = await self._guard.sessions.sign_in(form.first("code"))
        except errors.SaysoError as error:
            self._count_failure(request.remote or "")
            person = await self._person_of(request)
            return show_page(request, error, goes_to=local_path(form.first("next")), person=person)
        response = web.Response(status=303, headers={"Location": local_path(form.first("next"))})
        self._guard.remember(request, response, session)
        return response

    async def leave(self, request: web.Request) -> web.Response:
        """Sign out."""
        session, _ = await self._guard.read_post(request)
        await self._guard.sessions.end(session)
        response = web.Response(status=303, headers={"Location": "/signin"})
        self._guard.forget(response)
        return response

    async def _person_of(self, request: web.Request) -> str | None:
        """Who is signed in already, of whom a link that was opened again takes nothing."""
        try:
            return (await self._guard.session_of(request)).person
        except errors.Unauthorized:
            return None

    def _count_failure(self, address: str) -> None:
        """Count it. Raises `NotAllowed` if this address failed too often of late."""
        now = self._clock.now()
        if address not in self._failures and len(self._failures) >= _MOST_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        times = self._failures.setdefault(address, deque(maxlen=MOST_FAILURES))
        if len(times) == MOST_FAILURES and times[0] > now - WINDOW:
            raise errors.NotAllowed("too many failed tries", hint="check the code; a right one is taken at any time")
        times.append(now)


def show_page(
    request: web.Request,
    error: errors.SaysoError | None = None,
    *,
    goes_to: str | None = None,
    status: int = 200,
    person: str | None = None,
) -> web.Response:
    """Show the sign-in page, with what was wrong if something was."""
    message, hint = (error.message, error.hint) if error else ("", None)
    body = render.fill(
        "signin.html",
        session=None,
        next=goes_to or local_path(request.path),
        said=message[:1].upper() + message[1:],
        hint=hint,
        person=person,
    )
    status = error.status if error else status
    return web.Response(text=body, status=status, content_type="text/html", charset="utf-8")


def local_path(path: str) -> str:
    """Give *path* if it is a page of the inbox, else the inbox: a form or an address leads nowhere else."""
    return path if _NEXT.fullmatch(path) else "/"
