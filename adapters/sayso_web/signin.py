"""The way in and out. Opening a sign-in link changes nothing: only the button on the page uses it up."""

from __future__ import annotations

import re
from collections import deque
from datetime import datetime, timedelta

from aiohttp import web

from sayso import clock, errors, model
from sayso_web import guard, render

# Codes have 256 random bits and cannot be guessed; this only keeps a program from hammering on the door. A right code
# always opens it: people share an address, behind a proxy all of them do, and must not lock each other out.
MOST_FAILURES = 10
# Bytes: a code, and the page to go on to.
LARGEST_FORM = 16_384
WINDOW = timedelta(minutes=1)
_MOST_ADDRESSES = 1_000

_NEXT = re.compile(rf"/(?:requests/{model.REQUEST_ID})?")


class SignIn:
    """Handlers for `/signin` and `/signout`."""

    def __init__(self, door: guard.Guard, now: clock.Clock) -> None:
        self._door = door
        self._clock = now
        self._failures: dict[str, deque[datetime]] = {}

    async def show(self, request: web.Request) -> web.Response:
        """The form. The code of a link stands behind the `#`, where only the page's script sees it."""
        return page(request)

    async def enter(self, request: web.Request) -> web.Response:
        """Take a code or a key, and give a cookie."""
        self._door.same_origin(request)
        # anybody may send this one
        form = await self._door.form(request, LARGEST_FORM)
        try:
            session = await self._door.sessions.sign_in(form.one("code"))
        except errors.SaysoError as error:
            self._count_failure(request.remote or "")
            return page(request, error, goes_to=local(form.one("next")))
        response = web.Response(status=303, headers={"Location": local(form.one("next"))})
        self._door.remember(request, response, session)
        return response

    async def leave(self, request: web.Request) -> web.Response:
        """Sign out."""
        session, _ = await self._door.posted(request)
        await self._door.sessions.end(session)
        response = web.Response(status=303, headers={"Location": "/signin"})
        self._door.forget(response)
        return response

    def _count_failure(self, address: str) -> None:
        """Raises `NotAllowed` where this address failed too often of late."""
        now = self._clock.now()
        if address not in self._failures and len(self._failures) >= _MOST_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        times = self._failures.setdefault(address, deque(maxlen=MOST_FAILURES))
        if len(times) == MOST_FAILURES and times[0] > now - WINDOW:
            raise errors.NotAllowed("too many failed tries", hint="check the code; a right one is taken at any time")
        times.append(now)


def page(
    request: web.Request, error: errors.SaysoError | None = None, *, goes_to: str | None = None, status: int = 200
) -> web.Response:
    """The sign-in page; with what was wrong, where something was."""
    said, hint = (error.message, error.hint) if error else ("", None)
    body = render.template(
        "signin.html",
        session=None,
        next=goes_to or local(request.path),
        said=said[:1].upper() + said[1:],
        hint=hint,
    )
    status = error.status if error else status
    return web.Response(text=body, status=status, content_type="text/html", charset="utf-8")


def local(path: str) -> str:
    """*path* if it is a page of the inbox, else the inbox: a form or an address leads nowhere else."""
    return path if _NEXT.fullmatch(path) else "/"
