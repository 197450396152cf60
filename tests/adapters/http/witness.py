"""Holds what a service answers against its own OpenAPI: `lies` names what the document does not say.

Rule: what is written alike is judged once by each schema.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
from aiohttp import web
from jsonschema import validators

from sayso_http import openapi


@cache
def document() -> Any:
    return openapi.describe()


@cache
def validator(path: str, method: str, status: str, media: str) -> jsonschema.Draft202012Validator:
    response = document()["paths"][path][method]["responses"][status]
    return jsonschema.Draft202012Validator(spelled_out(response["content"][media].get("schema", {})))


@cache
def named(reference: str) -> Any:
    """What `#/components/schemas/Name` stands for. No schema of the document holds itself."""
    return spelled_out(document()["components"]["schemas"][reference.rpartition("/")[2]])


def spelled_out(schema: Any) -> Any:
    """A schema with what it refers to in its place: following references is most of the work of a validator."""
    if isinstance(schema, list):
        return [spelled_out(one) for one in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    inner: dict[str, Any] = {name: spelled_out(one) for name, one in schema.items() if name != "$ref"}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    # beside a reference stands nothing but what it is when it is left out
    return {**named(str(schema["$ref"])), **inner} if "$ref" in schema else inner  # pyright: ignore[reportUnknownArgumentType]


def lies(path: str, method: str, response: web.StreamResponse) -> list[str]:
    """What a response does that the document does not say."""
    where = f"{method} {path} {response.status}"
    said = document()["paths"].get(path, {}).get(method)
    if said is None:
        return [f"{where}: not in the document"]
    status = str(response.status)
    if status not in said["responses"]:
        # what any server does: a wrong host, a failure inside
        if response.status not in (421, 500, 503):
            return [f"{where}: this status is not in the document"]
        status = "default"
    if response.content_type not in said["responses"][status]["content"]:
        return [f"{where}: {response.content_type} is not in the document"]
    if not isinstance(response, web.Response) or response.content_type != "application/json":
        return []
    body = json.loads(bytes(response.body or b""))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    return [f"{where}: {said}" for said in untrue(path, method, status, body)]


def untrue(path: str, method: str, status: str, body: Any) -> list[str]:
    """What is wrong with a body, as the schema says that stands there."""
    judge = validator(path, method, status, "application/json")
    if is_valid(judge.schema, body):
        return []
    return [error.message[:300] for error in judge.iter_errors(body)]


_JUDGED: dict[tuple[int, str], bool] = {}
"""What was judged, by the schema and what was written."""


def is_valid(schema: Any, value: Any) -> bool:
    """Whether a value is as a schema says that stays: each part of it is judged once, as it is written."""
    alike = id(schema), repr(value)
    if alike not in _JUDGED:
        _JUDGED[alike] = bool(_QUICK(schema).is_valid(value))
    return _JUDGED[alike]


def _properties(_: Any, properties: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    """As the library has it, but for the words."""
    for name, inner in properties.items() if isinstance(value, dict) else ():
        if name in value and not is_valid(inner, value[name]):
            yield jsonschema.ValidationError(f"{name} is wrong")


def _items(_: Any, inner: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    """As the library has it, but for the words."""
    if isinstance(value, list) and not all(is_valid(inner, one) for one in value):
        yield jsonschema.ValidationError("an item is wrong")


_extend: Any = validators.extend  # it has no types
_QUICK: Any = _extend(jsonschema.Draft202012Validator, {"properties": _properties, "items": _items})
