"""The web inbox as routes of the service's application. What goes wrong is told on a page, with the reason."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from sayso import errors
from sayso.desk import Desk
from sayso_web import (
    grants_page,
    inbox,
    live,
    many_page,
    numbers,
    people_page,
    policies_page,
    push_calls,
    render,
    search_page,
    sessions,
    signin,
    stop_page,
    view,
)
from sayso_web.guard import HEADERS, Guard

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


def add_routes(
    app: web.Application,
    desk: Desk,
    signed_in: sessions.Sessions,
    *,
    origins: Collection[str],
    plots: numbers.Plots = numbers.NO_PLOTS,
    devices: push_calls.Devices | None = None,
) -> None:
    """Add the inbox to *app*; *plots* draw the numbers, *devices* keeps those that are told by push.

    *origins* are the addresses under which browsers reach it, such as `http://127.0.0.1:8700`; a form that comes from
    anywhere else is refused. That the service answers to no other host names is for the application's middleware.
    """
    guard = Guard(signed_in, origins)
    pages, sign, news = inbox.Inbox(desk, guard), signin.SignIn(guard, desk.clock), live.Live(desk, guard)
    app.on_shutdown.append(news.close)
    app.middlewares.append(_tell_people)
    router = app.router
    router.add_get("/", _with_error_pages(pages.index))
    router.add_get("/requests/{id}", _with_error_pages(pages.request))
    router.add_get("/requests/{id}/request.txt", _with_error_pages(pages.file))
    router.add_get("/requests/{id}/images/{index:[0-9]{1,2}}", _with_error_pages(pages.image))
    push = push_calls.PushCalls(guard, devices)
    router.add_get("/push", _with_error_pages(push.key))
    router.add_post("/push/on", _with_error_pages(push.on))
    router.add_post("/push/off", _with_error_pages(push.off))
    _add_pages(router, desk, guard, plots)
    router.add_post("/press", _with_error_pages(pages.press))
    router.add_get("/events", _with_error_pages(news.events), allow_head=False)
    router.add_get("/signin", _with_error_pages(sign.show))
    router.add_post("/signin", _with_error_pages(sign.enter))
    router.add_post("/signout", _with_error_pages(sign.leave))
    for path in sorted(_STATIC.iterdir()):
        router.add_get(f"/static/{path.name}", _with_error_pages(_serve(path)))
    router.add_get("/favicon.ico", _with_error_pages(_serve(_STATIC / "quiet.svg")))
    router.add_get("/icons/{count:[0-9]{1,3}}.svg", _with_error_pages(_serve_icon))
    # at the top, since a worker serves only what stands below it
    router.add_get("/worker.js", _with_error_pages(_serve(_STATIC / "worker.js")))


def _add_pages(router: web.UrlDispatcher, desk: Desk, guard: Guard, plots: numbers.Plots) -> None:
    """The pages beside the list of what waits."""
    router.add_get("/requests", _with_error_pages(search_page.SearchPage(desk, guard).show))
    halt = stop_page.StopPage(desk, guard)
    router.add_get("/stops", _with_error_pages(halt.show))
    router.add_post("/stop", _with_error_pages(halt.stop))
    router.add_post("/resume", _with_error_pages(halt.resume))
    given = grants_page.GrantsPage(desk, guard)
    router.add_get("/grants", _with_error_pages(given.show))
    router.add_post("/grants/end", _with_error_pages(given.end))
    router.add_get("/people", _with_error_pages(people_page.PeoplePage(desk, guard).show))
    router.add_get("/policies", _with_error_pages(policies_page.PoliciesPage(desk, guard, desk.numbers).show))
    many = many_page.ManyPage(desk, guard)
    router.add_get("/many", _with_error_pages(many.show))
    router.add_post("/many", _with_error_pages(many.answer))
    figures = numbers.Numbers(desk, guard, plots, desk.numbers)
    router.add_get("/stats", _with_error_pages(figures.page))
    router.add_get("/stats/{plot:[a-z]+}.svg", _with_error_pages(figures.plot))


def _with_error_pages(handler: Handler) -> Handler:
    """Wrap *handler*: errors become pages, and every answer gets the headers of the inbox."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except errors.SaysoError as error:
            response = _show_error(request, error)
        except web.HTTPRequestEntityTooLarge:
            response = _show_error(
                request, errors.InvalidRequest("this is more than a form can hold", hint="shorten it")
            )
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("a page failed", extra={"path": request.match_info.route.name})
            hint = (
                "Whoever runs the service finds the reason in its log. What is stored is shown on the request itself."
            )
            response = _show_error(request, errors.SaysoError("something went wrong inside this service", hint=hint))
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    return answer


def _show_error(request: web.Request, error: errors.SaysoError) -> web.Response:
    if request.path == "/events":
        return web.Response(status=error.status, text=error.message)
    signed_out = isinstance(error, errors.Unauthorized)
    if inbox.FRAGMENT in request.headers:
        body = render.fill("notice.html", said=view.refusal_words(error), hint=error.hint, signin=signed_out)
        return web.Response(text=body, status=error.status, content_type="text/html", charset="utf-8")
    if signed_out and request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A strict cookie does not come along with a link from a chat; it does when the page itself goes on.
        body = render.fill("opening.html", path=signin.local_path(request.path))
        return web.Response(text=body, content_type="text/html", charset="utf-8")
    if signed_out:
        return signin.show_page(request, status=401)
    # an address is not repeated: whoever made up the link would speak in the service's place
    said = "There is no such page." if isinstance(error, errors.NotFound) else view.refusal_words(error)
    heading = _HEADINGS.get(error.status, "That did not work")
    body = render.fill("message.html", session=None, heading=heading, said=said, hint=error.hint)
    return web.Response(text=body, status=error.status, content_type="text/html", charset="utf-8")


@web.middleware
async def _tell_people(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An address that is none, or none to be opened, is told to people by a page; programs hear of it as ever."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        opened = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if not opened or request.path.startswith("/v1/") or request.match_info.http_exception is None:
            raise
        hint = None if error.status == 404 else "Nothing is decided by opening an address."
        page = _show_error(request, errors.NotFound("there is no such page", hint=hint))
        page.set_status(error.status)
        page.headers.update({**HEADERS, **{name: error.headers[name] for name in ("Allow",) if name in error.headers}})
        return page


async def _serve_icon(request: web.Request) -> web.StreamResponse:
    """Serve the icon with a count on it. It knows nothing of the requests; the page names the count."""
    drawn = render.fill("icon.svg", count=int(request.match_info["count"]))
    return web.Response(text=drawn, content_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


def _serve(path: pathlib.Path) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    return serve
