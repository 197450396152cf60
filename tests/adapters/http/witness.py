"""Holds what a service answers against its own OpenAPI: `lies` names what the document does not say.

Rule: bodies in which a schema can see no difference are looked at once; what a schema can see is `_seen`.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, cast

import jsonschema
from aiohttp import web

from sayso_http import openapi

# They see where a number stands between the bounds of the document, and so for how much there is of anything.
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "minItems", "maxItems")
# They see which keys there are and what type a value has, and whether it is one of these words.
NAMED = ("type", "required", "additionalProperties", "propertyNames", "maxProperties", "const", "enum")
INNER = ("items", "anyOf", "oneOf", "allOf", "not", "if", "then", "properties", "$ref")
SILENT = ("title", "description", "default", "format", "gt")


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


_true: set[tuple[str, str, str, object]] = set()


def untrue(path: str, method: str, status: str, body: Any) -> list[str]:
    """What is wrong with a body, as the schema says that stands there."""
    alike = (path, method, status, _seen(body))
    if alike in _true:
        return []
    found = validator(path, method, status, "application/json").iter_errors(body)
    if wrong := [error.message[:300] for error in found]:
        return wrong
    _true.add(alike)
    return []


def _seen(value: Any) -> object:
    """All that a schema of the document can see of a value."""
    if isinstance(value, dict):
        return frozenset((name, _seen(one)) for name, one in cast("dict[str, Any]", value).items())
    if isinstance(value, list):
        return _among(len(value)), frozenset(_seen(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, str):
        return _seen_text(value)
    # a number without a fraction is an integer to a schema, however it is written
    return type(value), value if value in (None, True, False) else (_among(value), value % 1 == 0)


@lru_cache(20_000)
def _seen_text(text: str) -> object:
    words, _, patterns = _asked()
    return text if text in words else (_among(len(text)), tuple(bool(one.search(text)) for one in patterns))


def _among(number: float) -> tuple[int, int]:
    """Where a number stands between the bounds of the document."""
    _, bounds, _ = _asked()
    return bisect_left(bounds, number), bisect_right(bounds, number)


@cache
def _asked() -> tuple[frozenset[str], list[float], list[re.Pattern[str]]]:
    """The words, the bounds and the patterns that the document asks for."""
    answers = [
        one for path in document()["paths"].values() for each in path.values() for one in each["responses"].values()
    ]
    schemas = [*document()["components"]["schemas"].values()]
    schemas += [one.get("schema", {}) for answer in answers for one in answer["content"].values()]
    asked = [found for schema in schemas for found in _keywords(schema)]
    words = {
        one for name, given in asked if name in ("const", "enum") for one in (given if name == "enum" else [given])
    }
    bounds = {given for name, given in asked if name in BOUNDS}
    patterns = {given for name, given in asked if name == "pattern"}
    return frozenset(words), sorted(bounds), [re.compile(one) for one in patterns]


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Each keyword of a schema and of all inside it."""
    if not isinstance(schema, dict):
        return
    for name, given in cast("dict[str, Any]", schema).items():
        assert name in (*BOUNDS, *NAMED, *INNER, *SILENT, "pattern"), f"what does {name} see of a value?"
        yield name, given
        inner = given.values() if name == "properties" else given if isinstance(given, list) else [given]
        if name in (*INNER, "additionalProperties", "propertyNames"):
            for one in inner:
                yield from _keywords(one)
