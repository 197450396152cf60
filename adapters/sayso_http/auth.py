"""Who calls, and how a failure looks on the wire: one error form for everything, and nothing of the inside in a 5xx."""

from __future__ import annotations

import http
import logging
import math
import re
from collections.abc import Awaitable, Callable, Collection, Mapping

from aiohttp import typedefs, web

from sayso import errors, model
from sayso.content import wording
from sayso.desk import keys
from sayso_http import replies

log = logging.getLogger(__name__)

Authenticate = Callable[[web.Request], Awaitable[keys.Key]]

_BEARER = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.IGNORECASE | re.ASCII)
_CODES: Mapping[int, str] = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    421: "unknown_host",
}
_HINTS: Mapping[int, str] = {
    404: "see /v1/openapi.json",
    405: "see /v1/openapi.json; an address is never decided by opening it",
    413: "a request holds at most 1 MiB; attach a link instead",
    415: "send Content-Type: application/json",
    421: "call the service by a host name it was given",
}


class Failure(model.Frozen):
    """One error: `code` is stable for programs, `field` names the part of the input that is wrong."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None


class Failed(model.Frozen):
    """The body of every response of 400 and above."""

    error: Failure


def authenticate(kept: keys.Keys) -> Authenticate:
    """The check of `Authorization: Bearer`, against the store at every call, so that a revoked key is dead at once."""

    async def check(request: web.Request) -> keys.Key:
        given = request.headers.getall("Authorization", [])
        found = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if found is None:
            raise errors.Unauthorized("a key is needed", hint="send Authorization: Bearer and a key of this service")
        return await kept.find(found[1])

    return check


@web.middleware
async def errors_as_json(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    """Answer every error in the one form. Pages and redirects that a handler raises itself pass through."""
    try:
        return await handler(request)
    except errors.SaysoError as error:
        return _of_ours(error)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type != "text/plain":
            raise
        return _of_aiohttp(error)
    except web.RequestPayloadError:
        return failed(400, Failure(code="unreadable_body", message="the body cannot be read", field="body"))
    except ConnectionError:
        raise  # the caller has gone: there is nobody to answer
    except Exception:
        resource = request.match_info.route.resource
        # the pattern, not the path: a path may hold a one-time token
        log.exception("a request failed", extra={"route": resource.canonical if resource else None})
        return failed(500, Failure(code="internal", message="the service failed", hint="see its log"))


def known_hosts(hosts: Collection[str]) -> typedefs.Middleware:
    """Answer only to these host names (`name` for any port, or `name:port`): 421 to all others.

    A page that makes its own name point to this machine (DNS rebinding) thereby reaches nothing.
    """
    known = {host.lower() for host in hosts}

    @web.middleware
    async def check(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
        given = [host.lower() for host in request.headers.getall("Host", [])]
        if len(given) != 1 or not {given[0], _without_port(given[0])} & known:
            hint = _HINTS[421]
            return failed(421, Failure(code=_CODES[421], message="this host name is not ours", hint=hint))
        return await handler(request)

    return check


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]+\Z", "", host)


def _of_ours(error: errors.SaysoError) -> web.Response:
    if error.status >= 500:
        log.warning("a request failed", extra={"code": error.code, "error": error.message})
        if isinstance(error, errors.StoreUnavailable):
            return _without_store(error)
        later = error.status == 503
        failure = Failure(code=error.code, message="the service failed", hint="try again" if later else "see its log")
        return failed(error.status, failure, {"Retry-After": "2"} if later else None)
    hint = wording.too_late(error.ticket) if isinstance(error, errors.AlreadyDecided) else error.hint
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    if isinstance(error, errors.TooMany):
        headers = {"Retry-After": str(math.ceil(error.retry_after))}
    failure = Failure(code=error.code, message=error.message, field=error.field, hint=hint)
    return failed(error.status, failure, headers)


def _without_store(error: errors.StoreUnavailable) -> web.Response:
    if isinstance(error, errors.Unreadable):
        return failed(error.status, Failure(code=error.code, message=error.why, hint=error.hint))
    stored, hint = "nothing was stored", "try again"
    if error.unsure:
        stored = "it is not known whether this was stored"
        hint = "look before you send it again; under the same id it is stored once"
    failure = Failure(code=error.code, message=f"{error.why}; {stored}", hint=hint)
    return failed(error.status, failure, {"Retry-After": "2"})


def _of_aiohttp(error: web.HTTPException) -> web.Response:
    message = http.HTTPStatus(error.status).phrase.lower()
    failure = Failure(
        code=_CODES.get(error.status, f"http_{error.status}"), message=message, hint=_HINTS.get(error.status)
    )
    allowed = error.headers.get("Allow")
    return failed(error.status, failure, {"Allow": allowed} if allowed else None)


def failed(status: int, failure: Failure, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error on the wire."""
    return replies.reply(Failed(error=failure), status, headers)
