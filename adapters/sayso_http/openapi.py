"""The description of the API at `/v1/openapi.json`: the table of routes, with the models that read and write bodies."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pydantic
from pydantic import json_schema

from sayso import model
from sayso_http import log_rows, openapi_rules, routes, wire_errors

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Mode = Literal["validation", "serialization"]
_Schemas = Mapping[tuple[routes.Shape, Mode], model.JsonObject]

_TEXT = {"type": "string"}
_IN_PATH: Mapping[str, routes.Schema] = {"id": pydantic.TypeAdapter(model.RequestId).json_schema()}
_IN_HEADER: Mapping[str, routes.Schema] = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": routes.LONGEST_RETRY_KEY},
    "Last-Event-ID": routes.ROW_NUMBER,
}


def describe() -> dict[str, Any]:
    """Describe the API in OpenAPI 3.1."""
    schemas, components = _schemas()
    paths: dict[str, model.JsonObject] = {}
    for operation in routes.OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas)
    bearer = {"type": "http", "scheme": "bearer", "description": "A key made by `sayso keys add`"}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": _DIALECT,
        "info": {
            "title": "sayso",
            "version": importlib.metadata.version("sayso"),
            "summary": "Agents ask, people answer",
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": bearer}},
    }


def _schemas() -> tuple[_Schemas, model.JsonObject]:
    wanted = _pairs("serialization", (wire_errors.Failed, log_rows.LogRow))
    wanted += _pairs("validation", (one.reads for one in routes.OPERATIONS if one.reads))
    for one in routes.OPERATIONS:
        wanted += _pairs("serialization", (shape for shape in one.writes.values() if not isinstance(shape, str)))
    found, root = json_schema.models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    for shape, mode in wanted:
        if mode == "validation":
            openapi_rules.add(shape, root["$defs"][str(found[shape, mode]["$ref"]).rpartition("/")[2]])
    return {(shape, mode): found[shape, mode] for shape, mode in wanted}, root["$defs"]


def _pairs(mode: Mode, shapes: Iterable[routes.Shape]) -> list[tuple[routes.Shape, Mode]]:
    return [(shape, mode) for shape in shapes]


def _operation(one: routes.Operation, schemas: _Schemas) -> model.JsonObject:
    keyed = isinstance(one, routes.Keyed)
    failed = _content(schemas[wire_errors.Failed, "serialization"], "An error")
    # behind a key also the query is looked through
    statuses = {str(status): failed for status in sorted({*one.fails, *((401, 422) if keyed else ())})}
    described: model.JsonObject = {
        "summary": one.summary,
        "operationId": _operation_id(one),
        "security": [{"key": []}] if keyed else [],
        "parameters": _parameters(one),
        "responses": {**_responses(one, schemas), **statuses, "default": failed},
    }
    if one.reads:
        more = f", {routes.ASK_LIMIT:,} with images" if one is routes.ASK else ""
        body = _content(schemas[one.reads, "validation"], f"JSON in UTF-8, at most {routes.BODY_LIMIT:,} bytes{more}")
        described["requestBody"] = {**body, "required": one.body_required}
    return described


def _responses(one: routes.Operation, schemas: _Schemas) -> model.JsonObject:
    return {
        str(status): {"description": "", "content": {shape: {}}}
        if isinstance(shape, str)
        else _content(schemas[shape, "serialization"], "")
        for status, shape in one.writes.items()
    }


def _content(schema: model.JsonObject, description: str) -> model.JsonObject:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _parameters(one: routes.Operation) -> list[model.JsonObject]:
    names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    in_path = [{"name": name, "in": "path", "required": True, "schema": _IN_PATH.get(name, _TEXT)} for name in names]
    in_query = [{"name": name, "in": "query", "schema": schema} for name, schema in one.query.items()]
    in_header = [
        {"name": name, "in": "header", "description": why, "schema": _IN_HEADER[name]}
        for name, why in one.headers.items()
    ]
    return [*in_path, *in_query, *in_header]


def _operation_id(one: routes.Operation) -> str:
    words = [part.strip("{}").replace(".", "_") for part in one.path.split("/") if part and part != "v1"]
    return "_".join([one.method, *words])
