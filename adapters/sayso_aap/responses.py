"""How the operations answer: a resource, or the protocol's one form of an error."""

from __future__ import annotations

import http
import json
import logging
import uuid
from collections.abc import Mapping

from aiohttp import typedefs, web

from sayso import errors, model

log = logging.getLogger(__name__)

_TYPES: Mapping[int, str] = {
    400: "invalid_request",
    401: "authentication",
    403: "authorization",
    404: "not_found",
    409: "conflict",
    429: "rate_limit",
    503: "dependency",
}


class Failed(errors.SaysoError):
    """An operation that cannot be done; `code` is the protocol's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Conflict(Failed):
    """The operation conflicts with what is there."""

    status = 409


def write(body: model.JsonObject | None, status: int = 200) -> web.Response:
    """Write a resource, or an answer without a body."""
    if body is None:
        return web.Response(status=status)
    return web.Response(text=json.dumps(body, ensure_ascii=False), content_type="application/json", status=status)


@web.middleware
async def as_the_protocol_says(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    """Give every answer an `X-Request-ID`, and make every failure the protocol's `ErrorResponse`."""
    exchange = str(uuid.uuid4())
    try:
        answer = await handler(request)
    except errors.SaysoError as error:
        answer = _answer_ours(error, exchange)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        message = http.HTTPStatus(error.status).phrase.lower()
        answer = _fail(error.status, message.replace(" ", "_"), message, exchange)
    except ConnectionError:
        raise  # nobody is there to answer
    except Exception:
        log.exception("a request failed", extra={"exchange": exchange})
        answer = _fail(500, "internal", "the provider could not complete the operation", exchange)
    answer.headers["X-Request-ID"] = exchange
    return answer


def _answer_ours(error: errors.SaysoError, exchange: str) -> web.Response:
    status = 400 if isinstance(error, errors.InvalidRequest) else error.status
    if isinstance(error, errors.MembershipUnknown):
        return _fail(status, error.code, error.message, exchange)
    if status >= 500:
        log.warning("a request failed", extra={"code": error.code, "exchange": exchange})
        return _fail(503, "unavailable", "the provider cannot serve this now", exchange)
    code = error.code if status in (400, 409, 422) else _TYPES.get(status, error.code)
    return _fail(status, code, error.message, exchange, error.field)


def _fail(status: int, code: str, message: str, exchange: str, param: str | None = None) -> web.Response:
    kind = _TYPES.get(status, "internal" if status >= 500 else "invalid_request")
    error = {"type": kind, "code": code, "message": message, "request_id": exchange}
    return write({"error": error | ({"param": param} if param else {})}, status)
