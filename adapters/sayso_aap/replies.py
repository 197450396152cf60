"""What the operations share: how they read, whom they trust, and the one form of an error."""

from __future__ import annotations

import http
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pydantic
from aiohttp import typedefs, web

from sayso import errors, model
from sayso.content import requests
from sayso.desk import Desk, keys

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=pydantic.BaseModel)
Shape = TypeVar("Shape")

_TYPES: Mapping[int, str] = {
    400: "invalid_request",
    401: "authentication",
    403: "authorization",
    404: "not_found",
    409: "conflict",
    429: "rate_limit",
    503: "dependency",
}
_KEY = re.compile(r"[\x21-\x7e]{1,256}")


class Reader(Protocol):
    """Reads a bounded, strict JSON body as *shape*. Raises `InvalidRequest`."""

    async def __call__(self, request: web.Request, shape: type[Body]) -> Body:
        """The body."""
        ...


@dataclass(frozen=True, slots=True)
class Doors:
    """What the service lends: the check of a key, the reading of a body, the waiting for a decision."""

    authenticate: keys.Authenticate[web.Request]
    read: Reader
    decided: Callable[[Desk, model.Ticket, float], Awaitable[model.Ticket]]


class Failed(errors.SaysoError):
    """An operation that cannot be done; `code` is the protocol's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Conflict(Failed):
    """The operation conflicts with what is there."""

    status = 409


def reply(body: model.JsonObject | None, status: int = 200) -> web.Response:
    """A resource, or nothing."""
    if body is None:
        return web.Response(status=status)
    return web.Response(text=json.dumps(body, ensure_ascii=False), content_type="application/json", status=status)


def idempotency_key(request: web.Request) -> str:
    """The caller's name for this attempt. Raises `InvalidRequest`."""
    given = request.headers.getall("Idempotency-Key", [])
    if len(given) != 1 or not _KEY.fullmatch(given[0]):
        raise errors.InvalidRequest("one Idempotency-Key of 1 to 256 characters is needed", field="Idempotency-Key")
    return given[0]


def fitting(shape: Any, value: str, field: str) -> str:
    """*value*, once it has this shape. Raises `InvalidRequest`."""
    try:
        return str(pydantic.TypeAdapter[Any](shape).validate_python(value))
    except pydantic.ValidationError as error:
        raise errors.InvalidRequest(requests.invalid(error).message, field=field) from error


@web.middleware
async def in_its_form(request: web.Request, handler: typedefs.Handler) -> web.StreamResponse:
    """Every answer carries an `X-Request-ID`, and every failure is the protocol's `ErrorResponse`."""
    exchange = str(uuid.uuid4())
    try:
        answer = await handler(request)
    except errors.SaysoError as error:
        answer = _of_ours(error, exchange)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        message = http.HTTPStatus(error.status).phrase.lower()
        answer = _failed(error.status, message.replace(" ", "_"), message, exchange)
    except ConnectionError:
        raise  # nobody is there to answer
    except Exception:
        log.exception("a request failed", extra={"exchange": exchange})
        answer = _failed(500, "internal", "the provider could not complete the operation", exchange)
    answer.headers["X-Request-ID"] = exchange
    return answer


def _of_ours(error: errors.SaysoError, exchange: str) -> web.Response:
    status = 400 if isinstance(error, errors.InvalidRequest) else error.status
    if status >= 500:
        log.warning("a request failed", extra={"code": error.code, "exchange": exchange})
        return _failed(503, "unavailable", "the provider cannot serve this now", exchange)
    code = error.code if status in (400, 409, 422) else _TYPES.get(status, error.code)
    return _failed(status, code, error.message, exchange, error.field)


def _failed(status: int, code: str, message: str, exchange: str, param: str | None = None) -> web.Response:
    kind = _TYPES.get(status, "internal" if status >= 500 else "invalid_request")
    told = {"type": kind, "code": code, "message": message, "request_id": exchange}
    return reply({"error": told | ({"param": param} if param else {})}, status)
