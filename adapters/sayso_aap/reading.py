"""How the operations read: the service that checks keys and bodies for them, and the small parts of a call."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pydantic
from aiohttp import web

from sayso import errors, model
from sayso.content import requests
from sayso.desk import Desk, keys

Body = TypeVar("Body", bound=pydantic.BaseModel)

_KEY = re.compile(r"[\x21-\x7e]{1,256}")


class Reader(Protocol):
    """Reads a bounded, strict JSON body as *shape*. Raises `InvalidRequest`."""

    async def __call__(self, request: web.Request, shape: type[Body]) -> Body:
        """Read the body."""
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """What the service around this can do: check a key, read a body, wait for a decision."""

    authenticate: keys.Authenticate[web.Request]
    read: Reader
    wait_for_decision: Callable[[Desk, model.Ticket, float], Awaitable[model.Ticket]]


def idempotency_key(request: web.Request) -> str:
    """Read the caller's name for this attempt. Raises `InvalidRequest`."""
    headers = request.headers.getall("Idempotency-Key", [])
    if len(headers) != 1 or not _KEY.fullmatch(headers[0]):
        raise errors.InvalidRequest("one Idempotency-Key of 1 to 256 characters is needed", field="Idempotency-Key")
    return headers[0]


def check(shape: Any, value: str, field: str) -> str:
    """Give *value*, if it has this shape. Raises `InvalidRequest`."""
    try:
        return str(pydantic.TypeAdapter[Any](shape).validate_python(value))
    except pydantic.ValidationError as error:
        raise errors.InvalidRequest(requests.invalid(error).message, field=field) from error
