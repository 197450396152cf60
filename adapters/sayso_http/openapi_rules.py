"""What the service checks of a body beyond the form of each key, as JSON Schema, made from what checks it.

What JSON Schema cannot say stands in the description: sizes in bytes, and what must differ from each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pydantic

from sayso import model
from sayso.content import digest, requests
from sayso.machine import fitting

Schema = model.JsonObject

_REQUEST = (
    f"At most {model.MAX_REQUEST_BYTES:,} bytes as JSON and {digest.MAX_DEPTH} levels deep. Labels of options, names "
    "of fields and names of offers differ from each other. Policy, places and `supersedes` must be there."
)
_ANSWER = "It must fit what was asked: its kind, its verdicts, its grants, its options and its fields."


def add(shape: type[pydantic.BaseModel], schema: Schema) -> None:
    """Add the rules for *shape* to its schema."""
    if shape is model.Request:
        schema["allOf"] = [_of_kind(kind) for kind in get_args(model.Kind)] + [_CONFIRMED]
        schema["description"] = f"{schema['description']} {_REQUEST}"
    elif shape is model.Answer:
        schema["allOf"] = [_of_verdict(verdict) for verdict in get_args(model.Verdict)] + [_WITHOUT_VERDICT]
        schema["description"] = f"{schema['description']} {_ANSWER}"


def _of_kind(kind: model.Kind) -> Schema:
    # in the order of the fields: a set would make another document in each process
    others = [name for name in model.Request.model_fields if name in requests.KIND_KEYS - requests.OF_KIND[kind]]
    unsaid = {_alias(name): _constant(requests.DEFAULTS[name]) for name in others}
    rules: Schema = {"properties": unsaid}
    if kind == "permission":
        _require(rules, "tool")
    else:
        _require(rules, "title")
        rules["properties"]["verdicts"] = {"items": {"not": {"const": "respond"}}}
    if kind == "choice":
        _require(rules, "options", {"minItems": 1})
    if kind == "form":
        by_schema: Schema = {"properties": {"fields": {"maxItems": 0}}}
        _require(by_schema, "schema")
        by_fields: Schema = {"properties": {"schema": _constant(None)}}
        _require(by_fields, "fields", {"minItems": 1})
        rules["oneOf"] = [by_schema, by_fields]
    return {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": rules}


_CONFIRMED: Schema = {
    "if": {"properties": {"confirm": {"const": True}}, "required": ["confirm"]},
    "then": {"properties": {"grants": {"maxItems": 0}}},
}


def _of_verdict(verdict: model.Verdict) -> Schema:
    takes = {"verdict", *fitting.PARTS[verdict]}
    rules: Schema = {"properties": {name: _constant(None) for name in model.Answer.model_fields if name not in takes}}
    if verdict == "respond":
        _require(rules, "text")
    return {"if": {"properties": {"verdict": {"const": verdict}}, "required": ["verdict"]}, "then": rules}


_SAID = ("text", "choice", "choices", "values")
_WITHOUT_VERDICT: Schema = {
    "if": {"not": {"properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}},
    "then": {
        "properties": {name: {"type": "null"} for name in model.Answer.model_fields if name not in _SAID},
        "oneOf": [{"properties": {name: {"not": {"type": "null"}}}, "required": [name]} for name in _SAID],
    },
}


def _require(rules: Schema, name: str, more: Mapping[str, Any] | None = None) -> None:
    """This key must be there, and say something."""
    rules.setdefault("required", []).append(name)
    rules["properties"][name] = {"not": {"type": "null"}, **(more or {})}


def _constant(default: Any) -> Schema:
    return {"maxItems": 0} if default == () else {"const": default}


def _alias(name: str) -> str:
    return model.Request.model_fields[name].alias or name
