"""Interrupts that a graph's own nodes raise: asked as a question, a choice or a form, by what the value looks like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard, cast

from sayso import asking, model
from sayso.asking import gate, runs
from sayso.content import requests
from sayso_langgraph import pauses

Json = dict[str, Any]
# The one field of a form for a response schema that is not an object.
_ONLY = "answer"


async def ask(run: runs.Run, value: Any, schema: Json | None, id: str, *, here: bool) -> runs.Later[Any]:
    """What the interrupt returns, once it is about to be handed over. *here* is whether its node runs in this process.

    Raises:
        InvalidRequest: nobody can be asked this.
        Denied: nobody answered; a plain interrupt has no value for that.
    """
    ours = mapping(value)
    if ours is not None and set(ours) == {pauses.OURS}:
        return await _ask_ours(run, ours[pauses.OURS], id, here)
    request = _request(value, schema, run.keys(id))
    decision = await run.call(request).ask()
    if decision.outcome != "answered":
        raise gate.Denied(decision)
    if request.kind == "form":
        values = decision.values or {}
        return runs.at_once(values if _is_object(schema) else values.get(_ONLY))
    return runs.at_once(decision.text if request.kind == "question" else _chosen(request, decision))


async def _ask_ours(run: runs.Run, document: Json, id: str, here: bool) -> runs.Later[Json]:
    request = _own(document, run.keys(id))
    call = run.call(request)
    decision = await call.ask()

    async def later() -> Json:
        usable = await call.use(decision)
        after = (await run.desk.get(usable.id)).decision if usable.allowed else None
        return pauses.resume_value(document, usable, after, here=here, instead=usable.id != request.id)

    return later


def mapping(value: object) -> Mapping[str, Any] | None:
    """A value with names, or None."""
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else None


def _own(document: Json, keys: Json) -> model.Request:
    request = requests.parse(json.dumps(document))
    # what the node said itself goes before what the whole run says
    missing = {name: item for name, item in keys.items() if name not in request.model_fields_set}
    return model.Request.model_validate({**request.model_dump(), **missing, "id": request.id or keys["id"]})


def _request(value: Any, schema: Json | None, run_keys: Json) -> model.Request:
    given = _with_names(value)
    options, multiple = given.get("options"), given.get("multiple", False)
    choice = schema is None and _is_labels(options) and isinstance(multiple, bool)
    known = {"options", "multiple"} if choice else set[str]()
    title, body = runs.titled({name: item for name, item in given.items() if name not in known}, "The agent asks")
    keys: Json = {**({"body": body} if body else {}), **run_keys}
    if schema is not None:
        return asking.Form(title, schema if _is_object(schema) else _wrap(schema, title), **keys)
    if choice:
        return asking.Choice(title, cast(list[str], options), multiple=multiple, **keys)
    return asking.Question(title, **keys)


def _with_names(value: Any) -> Mapping[str, Any]:
    """The value with names for its parts."""
    if _is_labels(value):
        return {"question": "Which one?", "options": value}
    return {"question": value} if isinstance(value, str) else mapping(value) or {"value": value}


def _wrap(schema: Json, title: str) -> Json:
    inner = {name: part for name, part in schema.items() if name != "$defs"}
    whole: Json = {"type": "object", "properties": {_ONLY: {"title": title, **inner}}, "required": [_ONLY]}
    return {**whole, "$defs": schema["$defs"]} if "$defs" in schema else whole


def _chosen(request: model.Request, decision: model.Decision) -> Any:
    return list(decision.choices or ()) if request.multiple else decision.choice


def _is_labels(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and len(value) > 0 and all(runs.is_title(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _is_object(schema: Json | None) -> bool:
    return schema is not None and schema.get("type") == "object"
