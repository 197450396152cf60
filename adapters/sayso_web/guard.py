"""Who may come in: the cookie says who, Origin and a token in the form say that it was they who pressed.

Every change of state goes through `Guard.read_post`; a GET changes nothing.
"""

from __future__ import annotations

import hmac
import urllib.parse
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiohttp import web

from sayso import aside, errors, model
from sayso_web import sessions

# An edited request is longer once it is encoded for a form.
LARGEST_FORM = 8 * model.MAX_REQUEST_BYTES
MOST_FIELDS = 2_000

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # As silent towards others as no-referrer, with which browsers would send a form with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

# A cookie of this prefix cannot be set by a neighbouring host; browsers take it over https only.
_SECURE_COOKIE = "__Host-sayso"
_PLAIN_COOKIE = "sayso"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was sent."""

    values: Mapping[str, list[str]]

    def first(self, name: str) -> str:
        """Give the first value of this name, or an empty text."""
        return self.values.get(name, [""])[0]


class Guard:
    """The rules for every request, for a service that is reached under *origins*."""

    def __init__(self, signed_in: sessions.Sessions, origins: Collection[str]) -> None:
        self.sessions = signed_in
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    async def session_of(self, request: web.Request) -> sessions.Session:
        """Find the session of this browser. Raises `Unauthorized`."""
        cookies = [request.cookies.get(_SECURE_COOKIE)]
        if any(origin.startswith("http://") for origin in self._origins):
            cookies.append(request.cookies.get(_PLAIN_COOKIE))
        return await self.sessions.find(next(filter(None, cookies), ""))

    async def read_post(self, request: web.Request) -> tuple[sessions.Session, Form]:
        """Read who sent a form, and what is in it.

        Raises:
            Unauthorized: nobody is signed in.
            NotAllowed: it comes from another site, or from a page of another session.
            InvalidRequest: it is not a form.
        """
        self.check_origin(request)
        session = await self.session_of(request)
        form = await self.read_form(request)
        # a form may take its time, and the session may have ended meanwhile
        await self.sessions.find(session.secret)
        if not hmac.compare_digest(form.first("csrf").encode(), session.csrf.encode()):
            hint = "reload the page and press again"
            raise errors.NotAllowed("this form is not from your present session; nothing was changed", hint=hint)
        return session, form

    def check_origin(self, request: web.Request) -> None:
        """Refuse what another site, or no browser at all, has sent. Raises `NotAllowed`."""
        if request.headers.get("Origin") not in self._origins:
            hint = f"open the inbox at {' or '.join(sorted(self._origins))}"
            raise errors.NotAllowed("this was not sent from the inbox itself; nothing was changed", hint=hint)

    async def read_form(self, request: web.Request, largest: int = LARGEST_FORM) -> Form:
        """Read the form in the body.

        Raises:
            InvalidRequest: it is not a form, or cannot be read.
            HTTPRequestEntityTooLarge: it has more than *largest* bytes.
        """
        if request.content_type != "application/x-www-form-urlencoded":
            raise errors.InvalidRequest("this is not a form", field="body", hint="application/x-www-form-urlencoded")
        body = await request.clone(client_max_size=largest).read()
        try:
            values = await aside.run_large(len(body) > aside.LARGE, _parse, body)
        except ValueError as error:
            raise errors.InvalidRequest("this form cannot be read", field="body") from error
        return Form(values)

    def remember(self, request: web.Request, response: web.StreamResponse, session: sessions.Session) -> None:
        """Give the browser its cookie."""
        secure = request.headers.get("Origin", "").startswith("https://")
        response.set_cookie(
            _SECURE_COOKIE if secure else _PLAIN_COOKIE,
            session.secret,
            max_age=int(sessions.LONGEST.total_seconds()),
            httponly=True,
            samesite="Strict",
            secure=secure,
        )

    def forget(self, response: web.StreamResponse) -> None:
        """Take the cookie away."""
        response.del_cookie(_PLAIN_COOKIE, httponly=True, samesite="Strict")
        response.del_cookie(_SECURE_COOKIE, httponly=True, samesite="Strict", secure=True)


def _parse(body: bytes) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(
        body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
    )
