"""Checks payloads against Discord's own API description where a copy of it lies beside the project.

Rule: finds, never refuses by itself; without the file nothing is found. The rules that the description is too loose for
are in `limits`.
"""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

from tests.fakes.discord.calls import ROUTES
from tests.fakes.discord.errors import Json

_FILE = Path(__file__).resolve().parents[4] / "shared" / "specs" / "discord-openapi.json"
_SNOWFLAKE = 10**15  # discord.py writes ids as numbers, which Discord takes and its description does not


def at_hand() -> bool:
    """Whether there is a copy to check against."""
    return _FILE.is_file()


def problems_of_request(operation: str, body: Any) -> list[str]:
    """What is wrong with the JSON body of a route."""
    document = _document()
    if not document or operation not in _operations():
        return []
    method = ROUTES[operation][0]
    content = document["paths"][_operations()[operation]][method.lower()].get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return _problems(json.dumps(schema), body) if schema else []


def problems_of(name: str, value: Any) -> list[str]:
    """What is wrong with a value as the named schema of the description, such as `MessageResponse`."""
    return _problems(json.dumps({"$ref": f"#/components/schemas/{name}"}), value) if _document() else []


@functools.cache
def _document() -> Json:
    return json.loads(_FILE.read_text()) if at_hand() else {}


@functools.cache
def _operations() -> dict[str, str]:
    paths: Json = _document().get("paths", {})
    parts = ((path, part) for path, item in paths.items() for part in item.values())
    return {part["operationId"]: path for path, part in parts if "operationId" in part}


@functools.cache
def _validator(schema: str) -> Any:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return jsonschema.Draft202012Validator({**dialect, "components": _document()["components"], **json.loads(schema)})


def _problems(schema: str, value: Any) -> list[str]:
    return [_deepest(error) for error in _validator(schema).iter_errors(_coerced(value))]


def _deepest(error: Any) -> str:
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def _coerced(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _coerced(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_coerced(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value >= _SNOWFLAKE else value
