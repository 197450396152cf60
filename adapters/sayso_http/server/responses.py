"""Writes what the service answers: models as JSON, failures in one form, and nothing of the inside in a 5xx."""

from __future__ import annotations

import http
import logging
import math
from collections.abc import Mapping

import pydantic
from aiohttp import typedefs, web

from sayso import errors
from sayso.cards import phrases
from sayso_http import routes
from sayso_http.wire_errors import Failed, Failure

log = logging.getLogger(__name__)

# Never cached, never taken for anything but JSON.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

CODES: Mapping[int, str] = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    421: "unknown_host",
}
"""The codes of what the web server itself refuses."""
_HINTS: Mapping[int, str] = {
    404: f"see {routes.DESCRIPTION.path}",
    405: f"see {routes.DESCRIPTION.path}; an address is never decided by opening it",
    413: "a request holds at most 1 MiB beside its images; attach a link instead",
    415: "send Content-Type: application/json",
    421: "call the service by a host name it was given",
}


def write(shape: pydantic.BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """The response with *shape* as its JSON body, encoded once."""
    body = shape.model_dump_json().encode()
    return web.Response(
        status=status, body=body, content_type="application/json", headers={**_HEADERS, **(headers or {})}
    )


def fail(status: int, failure: Failure, headers: Mapping[str, str] | None = None) -> web.Response:
    """The response that says what went wrong."""
    return write(Failed(error=failure), status, headers)


def fail_with(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The same for what is refused because of its HTTP alone."""
    code = CODES.get(status, f"http_{status}")
    return fail(status, Failure(code=code, message=message, hint=_HINTS.get(status)), headers)


@web.middleware
async def errors_as_json(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    """Answer every error in the one form. Pages and redirects that a handler raises itself pass through."""
    try:
        return await handler(request)
    except errors.SaysoError as error:
        return _answer_ours(error)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type != "text/plain":
            raise
        return _answer_aiohttp(error)
    except web.RequestPayloadError:
        return fail(400, Failure(code="unreadable_body", message="the body cannot be read", field="body"))
    except ConnectionError:
        raise  # the caller has gone: there is nobody to answer
    except Exception:
        resource = request.match_info.route.resource
        # the pattern, not the path: a path may hold a one-time token
        log.exception("a request failed", extra={"route": resource.canonical if resource else None})
        return fail(500, Failure(code="internal", message="the service failed", hint="see its log"))


def _answer_ours(error: errors.SaysoError) -> web.Response:
    # what a chat or a rota did not say is no failure of ours, and its words are for whoever asks
    if error.status >= 500 and not isinstance(error, errors.Refused):
        log.warning("a request failed", extra={"code": error.code, "error": error.message})
        if isinstance(error, errors.StoreUnavailable):
            return _without_store(error)
        later = error.status == 503
        failure = Failure(code=error.code, message="the service failed", hint="try again" if later else "see its log")
        return fail(error.status, failure, {"Retry-After": "2"} if later else None)
    hint = phrases.too_late(error.ticket) if isinstance(error, errors.AlreadyDecided) else error.hint
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    if isinstance(error, errors.TooMany):
        headers = {"Retry-After": str(math.ceil(error.retry_after))}
    failure = Failure(code=error.code, message=error.message, field=error.field, hint=hint)
    return fail(error.status, failure, headers)


def _without_store(error: errors.StoreUnavailable) -> web.Response:
    if isinstance(error, errors.Unreadable):
        return fail(error.status, Failure(code=error.code, message=error.why, hint=error.hint))
    stored, hint = "nothing was stored", "try again"
    if error.unsure:
        stored = "it is not known whether this was stored"
        hint = "look before you send it again; under the same id it is stored once"
    failure = Failure(code=error.code, message=f"{error.why}; {stored}", hint=hint)
    return fail(error.status, failure, {"Retry-After": "2"})


def _answer_aiohttp(error: web.HTTPException) -> web.Response:
    allowed = error.headers.get("Allow")
    message = http.HTTPStatus(error.status).phrase.lower()
    return fail_with(error.status, message, {"Allow": allowed} if allowed else None)
