"""Reads what a caller sent: bounded, strict JSON, and every complaint names the field. Nothing unread gets further."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import Collection
from decimal import Decimal
from typing import Any, TypeVar, cast

import pydantic
from aiohttp import web

from sayso import aside, errors, model
from sayso.content import complaints, numbers, requests
from sayso_http import routes
from sayso_http.server import encoded

# Large bodies that are read at once, whoever sends them.
_MANY = asyncio.Semaphore(4)

Body = TypeVar("Body", bound=pydantic.BaseModel)


async def body(request: web.Request, shape: type[Body], *, empty: bool = False, most: int = routes.BODY_LIMIT) -> Body:
    """Read the body as *shape*; with *empty* there may be none.

    Raises:
        InvalidRequest: `field` names what is wrong.
        HTTPRequestEntityTooLarge, HTTPUnsupportedMediaType, Encoded: it was not read.
    """
    if empty and not request.body_exists:
        return shape()
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    encoded.refuse(request)
    document = await read_bounded(request, most)
    return parse(document, shape) if len(document) < aside.LARGE else await aside.run(parse, document, shape)


def parse(document: bytes, shape: type[Body]) -> Body:
    """Read JSON as *shape*. Raises `InvalidRequest`, also for a key given twice: readers differ on which one counts."""
    try:
        # what a person answered must not change on the way, not in the last digit either
        number = _exact if issubclass(shape, model.Answer) else _finite
        names = json.loads(document.decode(), object_pairs_hook=_keys, parse_constant=_finite, parse_float=number)
        _refuse_unknown(names, shape)
        return shape.model_validate_json(document)
    except pydantic.ValidationError as error:
        raise requests.invalid(error, shape) from error
    except errors.InvalidRequest:
        raise
    except (ValueError, RecursionError) as error:
        # the message of a decoder may repeat what was sent
        hint = "send one JSON object in UTF-8, with finite numbers and not nested deeply"
        raise errors.InvalidRequest("the body is not JSON", field="body", hint=hint) from error


def check_query(request: web.Request, known: Collection[str]) -> None:
    """Refuse a query parameter that nobody reads, or one that is given twice. Raises `InvalidRequest`."""
    for name in request.query:
        if name not in known:
            hint = requests.meant(name[:100], known) if known else "there is none here"
            raise errors.InvalidRequest("a query parameter is unknown", field=name[:100], hint=hint)
        if len(request.query.getall(name)) > 1:
            raise errors.InvalidRequest(f"{name} is given twice", field=name)


def seconds(text: str | None) -> float:
    """Read a wait in seconds; without one it is 0. Raises `InvalidRequest`."""
    return 0.0 if text is None else number(text, "wait", routes.LONGEST_WAIT, "seconds")


def number(text: str, field: str, most: float, unit: str) -> float:
    """Read how many of a unit. Raises `InvalidRequest`."""
    try:
        value = float(text) if text.isascii() and len(text) <= 20 else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:  # not true of NaN, either
        raise errors.InvalidRequest(f"{field} is no number of {unit} from 0 to {most:g}", field=field)
    return value


def flag(text: str | None, field: str) -> bool:
    """Read yes or no; without one it is no. Raises `InvalidRequest`."""
    if text not in (None, "true", "false"):
        raise errors.InvalidRequest(f"{field} is not a yes or no", field=field, hint="true or false")
    return text == "true"


def whole(text: str | None, field: str, default: int, most: int = routes.LAST_ROW, least: int = 0) -> int:
    """Read a whole number from *least* to *most*. Raises `InvalidRequest`."""
    if text is None:
        return default
    # int() would also take signs, spaces, underscores and digits of other scripts
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= most):
        raise errors.InvalidRequest(f"{field} is not a whole number from {least} to {most}", field=field)
    return int(text)


async def read_bounded(request: web.Request, most: int = routes.BODY_LIMIT) -> bytes:
    """Read the body. Raises `HTTPRequestEntityTooLarge`, also while it is still coming."""
    length = request.content_length or 0
    if length > most:
        raise web.HTTPRequestEntityTooLarge(most, length)
    # whoever does not say beforehand how much it is may not send much
    async with _MANY if length > routes.BODY_LIMIT else contextlib.nullcontext():
        read = bytearray()
        async for chunk in request.content.iter_any():
            read += chunk
            if len(read) > max(length, routes.BODY_LIMIT):
                raise web.HTTPRequestEntityTooLarge(most, len(read))
        return bytes(read)


def _keys(pairs: list[tuple[str, Any]]) -> set[str]:
    seen = set[str]()
    for name, _ in pairs:
        if name in seen:
            raise errors.InvalidRequest("a key is given twice in one object", field=name[:100], hint="give it once")
        seen.add(name)
    return seen


def _refuse_unknown(names: object, shape: type[pydantic.BaseModel]) -> None:
    """Refuse one unknown key at once: Pydantic would collect a complaint about each of a hundred thousand."""
    if not isinstance(names, set) or shape.model_config.get("extra") != "forbid":
        return
    known = complaints.keys_of(shape)
    if unknown := cast("set[str]", names) - known:
        name = min(unknown)[:100] or "body"
        raise errors.InvalidRequest(f"{name}: is not known here", field=name, hint=requests.meant(name, known))


def _exact(text: str) -> None:
    _finite(text)
    if numbers.to_decimal(float(text)) != Decimal(text):
        hint = "give at most 15 digits, or all of them as text if the form takes any number of digits"
        raise errors.InvalidRequest("a number has more digits than JSON readers keep", field="body", hint=hint)


def _finite(text: str) -> None:
    if not math.isfinite(float(text)):
        raise errors.InvalidRequest("a number is not finite", field="body", hint="JSON numbers must fit a double")
