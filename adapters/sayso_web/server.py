"""The web inbox as routes of the service's application. What goes wrong is told on a page, with the reason."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from sayso import errors
from sayso.desk import Desk
from sayso_web import guard, inbox, live, render, sessions, signin, view

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATIC = pathlib.Path(__file__).parent / "static"
_HEADINGS = {
    401: "Signed out",
    403: "Not allowed",
    404: "Not found",
    409: "Too late",
    500: "This did not work",
    503: "Not available now",
}


def add_routes(app: web.Application, front: Desk, kept: sessions.Sessions, *, origins: Collection[str]) -> None:
    """Add the inbox to *app*.

    *origins* are the addresses under which browsers reach it, such as `http://127.0.0.1:8700`; a form that comes from
    anywhere else is refused. That the service answers to no other host names is for the application's middleware.
    """
    door = guard.Guard(kept, origins)
    pages, ways, news = inbox.Inbox(front, door), signin.SignIn(door, front.clock), live.Live(front, door)
    app.on_shutdown.append(news.close)
    router = app.router
    router.add_get("/", _told(pages.index))
    router.add_get("/requests/{id}", _told(pages.request))
    router.add_post("/press", _told(pages.press))
    router.add_get("/events", _told(news.events), allow_head=False)
    router.add_get("/signin", _told(ways.show))
    router.add_post("/signin", _told(ways.enter))
    router.add_post("/signout", _told(ways.leave))
    for path in sorted(_STATIC.iterdir()):
        router.add_get(f"/static/{path.name}", _told(_file(path)))
    router.add_get("/favicon.ico", _told(_file(_STATIC / "quiet.svg")))


def _told(handler: Handler) -> Handler:
    """*handler*, with errors as pages and the headers that every answer of the inbox has."""

    async def told(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except errors.SaysoError as error:
            response = _error(request, error)
        except web.HTTPRequestEntityTooLarge:
            response = _error(request, errors.InvalidRequest("this is more than a form can hold", hint="shorten it"))
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("a page failed", extra={"path": request.match_info.route.name})
            hint = (
                "Whoever runs the service finds the reason in its log. What is stored is shown on the request itself."
            )
            response = _error(request, errors.SaysoError("something went wrong inside this service", hint=hint))
        if not response.prepared:
            for name, value in guard.HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    return told


def _error(request: web.Request, error: errors.SaysoError) -> web.Response:
    if request.path == "/events":
        return web.Response(status=error.status, text=error.message)
    signed_out = isinstance(error, errors.Unauthorized)
    if inbox.FRAGMENT in request.headers:
        body = render.template("notice.html", said=view.refusal(error), hint=error.hint, signin=signed_out)
        return web.Response(text=body, status=error.status, content_type="text/html", charset="utf-8")
    if signed_out and request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A strict cookie does not come along with a link from a chat; it does when the page itself goes on.
        body = render.template("opening.html", path=signin.local(request.path))
        return web.Response(text=body, content_type="text/html", charset="utf-8")
    if signed_out:
        return signin.page(request, status=401)
    # an address is not repeated: whoever made up the link would speak in the service's place
    said = "There is no such page." if isinstance(error, errors.NotFound) else view.refusal(error)
    heading = _HEADINGS.get(error.status, "That did not work")
    body = render.template("message.html", session=None, heading=heading, said=said, hint=error.hint)
    return web.Response(text=body, status=error.status, content_type="text/html", charset="utf-8")


def _file(path: pathlib.Path) -> Handler:
    async def file(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    return file
