"""The description of the API at `/v1/openapi.json`, built from the models that read and write it, so it stays true."""

from __future__ import annotations

import functools
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pydantic
from aiohttp import web
from pydantic import json_schema

from sayso import model
from sayso_http import auth, health, reading, resume, rules, sessions, stream, tickets, webhooks

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Shape = type[pydantic.BaseModel]
Mode = Literal["validation", "serialization"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: what it reads, what it writes, and the ways it fails beside those that every route has."""

    method: str
    path: str
    summary: str
    writes: Mapping[int, Shape | str]
    """By status: a model, or the media type of a response that is none."""
    reads: Shape | None = None
    body_required: bool = True
    fails: Sequence[int] = ()
    query: Mapping[str, Mapping[str, Any]] | None = None
    headers: Mapping[str, str] | None = None
    key: bool = True
    """Whether a key is needed."""


_WHOLE = {"type": "integer", "minimum": 0, "maximum": reading.LAST_ROW}
_READ = (400, 413, 415, 422)
OPERATIONS: Sequence[Operation] = (
    Operation(
        "post",
        "/v1/requests",
        "Ask. The same id and content again finds the same ticket.",
        {201: tickets.Document, 200: tickets.Document},
        model.Request,
        fails=(403, 404, 409, 429, *_READ),
        headers={"Idempotency-Key": "Gives a request without an id one that a repeated call finds again"},
        query={"held": {"type": "boolean", "default": False, "description": "Withdrawn if nobody waits with `held`"}},
    ),
    Operation(
        "get",
        "/v1/requests",
        "Requests that the key may see, newest first.",
        {200: tickets.Page},
        fails=(404, 422),
        query={
            "state": {"enum": [*get_args(model.State)]},
            "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
            "before": {"type": "string", "description": "The id of the last request already seen"},
            "session": {"type": "string", "description": "Only those of this agent session"},
            "prefix": {"type": "string", "description": "Only those whose id begins so"},
        },
    ),
    Operation(
        "get",
        "/v1/requests/{id}",
        "One request; with `wait` once it is decided, or after so many seconds; `held`: withdrawn with its caller.",
        {200: tickets.Document},
        fails=(404, 422),
        query={
            "wait": {"type": "number", "minimum": 0, "maximum": reading.LONGEST_WAIT, "default": 0},
            "held": {"type": "boolean", "default": False},
        },
    ),
    Operation(
        "post",
        "/v1/requests/{id}/answers",
        "Answer, with the key of an approver.",
        {200: tickets.Document},
        model.Answer,
        fails=(403, 404, 409, *_READ),
    ),
    Operation(
        "post",
        "/v1/requests/{id}/cancel",
        "Withdraw a request; a decided one stays as it is.",
        {200: tickets.Document},
        tickets.Cancel,
        body_required=False,
        fails=(403, 404, *_READ),
    ),
    Operation(
        "post",
        "/v1/requests/{id}/use",
        "Use an allow, with the key that asked, immediately before what was allowed runs. It is good once.",
        {200: tickets.Document},
        tickets.Use,
        body_required=False,
        fails=(403, 404, 409, *_READ),
    ),
    Operation(
        "post",
        "/v1/sessions/{session}/notes",
        "Tell people what an agent is doing, in the thread of its session.",
        {200: sessions.Told},
        sessions.Note,
        fails=(403, 502, *_READ),
    ),
    Operation(
        "get", "/v1/requests/{id}/log", "What happened to a request, in order.", {200: stream.Log}, fails=(404, 422)
    ),
    Operation(
        "post",
        "/v1/requests/{id}/resume",
        "Make a one-time address with which another system answers in the name of this key's person.",
        {201: resume.Address},
        resume.Wanted,
        fails=(403, 404, 409, *_READ),
    ),
    Operation(
        "post",
        "/resume/{token}",
        "Answer one request, once, by a one-time address.",
        {200: resume.Resumed},
        model.Answer,
        fails=(403, 404, 409, *_READ),
        key=False,
    ),
    Operation(
        "post",
        "/v1/webhooks",
        "Make an address that takes one call, for the agent that makes it. The same name and content is the same one.",
        {201: webhooks.Made, 200: webhooks.Made},
        webhooks.Wanted,
        fails=(403, 409, 429, *_READ),
    ),
    Operation(
        "post",
        "/v1/webhooks/{id}/reply",
        "What the call to a webhook that is held is answered with.",
        {202: webhooks.Accepted},
        webhooks.Json,
        fails=(403, 404, 409, *_READ),
    ),
    Operation(
        "post",
        "/webhook/{token}",
        "Call a webhook, once: any JSON, or what its schema says.",
        {202: webhooks.Accepted, 200: webhooks.Json},
        webhooks.Json,
        fails=(403, 404, *_READ),
        key=False,
    ),
    Operation(
        "get",
        "/v1/events",
        "The log as server-sent events; each `data` is a LogRow, each `id` its number.",
        {200: "text/event-stream"},
        fails=(422,),
        query={"after": {**_WHOLE, "description": "Start after this row; without it, from now on"}},
        headers={"Last-Event-ID": "As `after`; sent by a client that lost its connection"},
    ),
    Operation("get", "/v1/openapi.json", "This document.", {200: _JSON}, key=False),
    Operation(
        "get",
        "/healthz",
        "The process answers, and nothing in it ended for good.",
        {200: health.Health, 503: health.Health},
        key=False,
    ),
    Operation("get", "/readyz", "It can do its work.", {200: health.Health, 503: health.Health}, key=False),
    Operation("get", "/metrics", "Figures for Prometheus.", {200: "text/plain"}, key=False),
)


_TEXT = {"type": "string"}
_ID = pydantic.TypeAdapter(model.RequestId).json_schema()
_INSIDE: Mapping[str, Mapping[str, Any]] = {"id": _ID}
_SENT: Mapping[str, Mapping[str, Any]] = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255},
    "Last-Event-ID": _WHOLE,
}


async def serve(_: web.Request) -> web.Response:
    """The document."""
    return web.Response(body=_encoded(), content_type=_JSON)


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    schemas, components = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _described(one, schemas)
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


@functools.cache
def _encoded() -> bytes:
    return json.dumps(document(), ensure_ascii=False).encode()


def _schemas() -> tuple[Mapping[tuple[Shape, Mode], dict[str, Any]], dict[str, Any]]:
    wanted = _wanted("serialization", auth.Failed, stream.LogRow)
    wanted += _wanted("validation", *(one.reads for one in OPERATIONS if one.reads))
    for one in OPERATIONS:
        wanted += _wanted("serialization", *(shape for shape in one.writes.values() if not isinstance(shape, str)))
    found, root = json_schema.models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    for shape, mode in wanted:
        if mode == "validation":
            rules.add(shape, root["$defs"][str(found[shape, mode]["$ref"]).rpartition("/")[2]])
    return {(shape, mode): found[shape, mode] for shape, mode in wanted}, root["$defs"]


def _wanted(mode: Mode, *shapes: Shape) -> list[tuple[Shape, Mode]]:
    return [(shape, mode) for shape in shapes]


def _described(one: Operation, schemas: Mapping[tuple[Shape, Mode], dict[str, Any]]) -> dict[str, Any]:
    failed = _content(schemas[auth.Failed, "serialization"], "An error")
    statuses = {str(status): failed for status in sorted({401} if one.key else set[int]()) + sorted(one.fails)}
    described: dict[str, Any] = {
        "summary": one.summary,
        "operationId": _operation_id(one),
        "security": [{"key": []}] if one.key else [],
        "parameters": _parameters(one),
        "responses": {**_written(one, schemas), **statuses, "default": failed},
    }
    if one.reads:
        body = _content(schemas[one.reads, "validation"], f"JSON in UTF-8, at most {reading.BODY_LIMIT:,} bytes")
        described["requestBody"] = {**body, "required": one.body_required}
    return described


def _written(one: Operation, schemas: Mapping[tuple[Shape, Mode], dict[str, Any]]) -> dict[str, Any]:
    return {
        str(status): {"description": "", "content": {shape: {}}}
        if isinstance(shape, str)
        else _content(schemas[shape, "serialization"], "")
        for status, shape in one.writes.items()
    }


def _content(schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _parameters(one: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    inside = [{"name": name, "in": "path", "required": True, "schema": _INSIDE.get(name, _TEXT)} for name in names]
    asked = [{"name": name, "in": "query", "schema": schema} for name, schema in (one.query or {}).items()]
    sent = [
        {"name": name, "in": "header", "description": why, "schema": _SENT[name]}
        for name, why in (one.headers or {}).items()
    ]
    return [*inside, *asked, *sent]


def _operation_id(one: Operation) -> str:
    words = [part.strip("{}").replace(".", "_") for part in one.path.split("/") if part and part != "v1"]
    return "_".join([one.method, *words])
