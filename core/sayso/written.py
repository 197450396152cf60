"""A request as JSON, which is what is stored, sent and hashed; and the copy of it that belongs to nobody else."""

from __future__ import annotations

from typing import Any

import pydantic
import pydantic_core

from sayso import digest, errors, model

# Characters of its JSON form from which on a request counts as large.
_LARGE = 65_536


def document(request: model.Request) -> model.JsonObject:
    """The JSON form of a request, without the keys that say nothing."""
    found = request.model_dump(mode="json", exclude_defaults=True)
    # a source that was read and says nothing is not the default one to every version of Pydantic
    if not found.get("source", True):
        del found["source"]
    return found


def alike(one: model.Request, other: model.Request) -> bool:
    """Whether two requests ask the same, to the byte."""
    return digest.canonical(document(one)) == digest.canonical(document(other))


def plain(request: model.Request) -> model.Request:
    """The request itself, as it is stored: no part of it belongs to the caller, who may change theirs afterwards.

    Raises:
        InvalidRequest: it cannot be written as JSON and read again.
    """
    return read(text_of(request))


def read(text: str) -> model.Request:
    """A request from its JSON. Raises `InvalidRequest`."""
    try:
        return model.Request.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise invalid(error) from error


def is_large(request: model.Request) -> bool:
    """Whether checking it takes its time, so that it is done beside the event loop."""
    # no JSON is made: most requests are small, and this is asked for each of them
    waiting: list[Any] = [value for value in vars(request).values() if value]
    weight = 0
    while waiting and weight <= _LARGE:
        value = waiting.pop()
        weight += len(value) if isinstance(value, str) else 4
        if isinstance(value, pydantic.BaseModel):
            waiting += vars(value).values()
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list | tuple):
            waiting += value
    return weight > _LARGE


def invalid(error: pydantic.ValidationError) -> errors.InvalidRequest:
    """The first of Pydantic's complaints, as ours: the field named, the value not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    return errors.InvalidRequest(f"{field}: {first['msg'].removeprefix('Value error, ')}", field=field)


def text_of(request: model.Request) -> str:
    """A request as JSON, which is what is stored and sent."""
    try:
        return request.model_dump_json(exclude_defaults=True)
    except ValueError as error:
        named = next((name for name, value in request if not _is_json(value)), "request")
        field = "schema" if named == "json_schema" else named
        message = f"{field} is not plain JSON: it holds half a character, or something else that has no JSON form"
        raise errors.InvalidRequest(message, field=field, hint="send whole Unicode text") from error


def _is_json(value: Any) -> bool:
    try:
        pydantic_core.to_json(value)
    except ValueError:
        return False
    return True
