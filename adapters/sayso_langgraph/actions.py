"""Tool calls that the human-in-the-loop middleware stopped: one card each, and its own kind of decision for each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pydantic
from langchain_core.tools import BaseTool

from sayso import asking, errors, gate, model, opening
from sayso_langgraph import questions

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """One tool call, and the decisions that may be made about it."""

    tool: str
    args: Json
    description: str
    allowed: frozenset[str]


def of_interrupt(value: Any, schema: Any) -> list[Action] | None:
    """The tool calls of an interrupt, in order; None where it is no review of tool calls.

    Raises:
        InvalidRequest: it begins like one, and is none.
    """
    given = questions.mapping(value)
    if given is None:
        return None
    try:
        if given.get("type") == "tool_approval":
            return [_action(given, frozenset(_types(schema)))]
        if "action_requests" not in given or "review_configs" not in given:
            return None
        allowed = {one["action_name"]: frozenset(one["allowed_decisions"]) for one in given["review_configs"]}
        return [_action(one, allowed[one["name"]]) for one in given["action_requests"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise errors.InvalidRequest(f"no review of tool calls: {error!r}", field="action_requests") from error


async def decided(
    desk: opening.Asker, action: Action, id: str, tool: BaseTool | None, common: Mapping[str, Any]
) -> Json:
    """What people decided, as the middleware takes it. An edit that the tool cannot take is asked about again.

    Raises:
        Denied: it was not allowed, and the middleware takes no rejection for this tool.
        InvalidRequest: the middleware would take nothing but a rejection.
    """
    trouble = None
    for attempt in itertools.count(1):
        request = _request(action, id if attempt == 1 else f"{id}-{attempt}", trouble, common)
        answer = _answer(action, await desk.ask(request))
        trouble = _unfit(tool, answer["edited_action"]["args"]) if answer["type"] == "edit" else None
        if trouble is None:
            return answer
    raise AssertionError  # count never ends


def _request(action: Action, id: str, trouble: str | None, common: Mapping[str, Any]) -> model.Request:
    stop = [*common.get("verdicts", ())]
    keys: Json = {**common, "id": id, "verdicts": [*stop, *({"respond"} & action.allowed)]}
    if action.description:
        keys["body"] = action.description
    if trouble:
        keys["context"] = {**common.get("context", {}), "The last edit did not fit": trouble}
    if action.allowed & {"approve", "edit"}:
        return asking.Permission(tool=action.tool, input=action.args, editable="edit" in action.allowed, **keys)
    if "respond" not in action.allowed:
        raise errors.InvalidRequest(f"nobody may allow {action.tool}", field="allowed_decisions")
    # a tool whose only implementation is a person's answer
    keys["verdicts"] = [*stop, *(["deny"] if "reject" in action.allowed else [])]
    title, body = questions.shown(action.args, f"What does {action.tool} answer?")
    if body:
        keys.setdefault("body", body)
    return asking.Question(title, **keys)


def _answer(action: Action, decision: model.Decision) -> Json:
    if decision.outcome == "answered":
        return {"type": "respond", "message": decision.text}
    if decision.stop or (not decision.allowed and "reject" not in action.allowed):
        raise gate.Denied(decision)
    if not decision.allowed:
        return {"type": "reject", "message": decision.model_text}
    args = gate.approved_input(action.tool, decision)
    if args == action.args and "approve" in action.allowed:
        return {"type": "approve"}
    return {"type": "edit", "edited_action": {"name": action.tool, "args": args}}


def _unfit(tool: BaseTool | None, args: Json) -> str | None:
    """Why the tool would not take these arguments; None where it would, or where only the tool itself knows."""
    shape: Any = tool.tool_call_schema if tool else None
    if not (isinstance(shape, type) and issubclass(shape, pydantic.BaseModel)):
        return None
    try:
        shape.model_validate(args)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'input'}: {first['msg']}"
    fields = shape.model_fields.items()
    extra = set(args) - {str(field.alias or name) for name, field in fields}
    # the tool would run without it, and so not with what was allowed
    return f"{', '.join(sorted(extra))}: there is no such argument" if extra else None


def _action(given: Mapping[str, Any], allowed: frozenset[str]) -> Action:
    name, args = given["name"], given["args"]
    # what the middleware writes by itself repeats the call, which the card shows anyway
    description = str(given.get("description") or "").removesuffix(f"\n\nTool: {name}\nArgs: {args}")
    return Action(name, args, "" if description == "Tool execution requires approval" else description, allowed)


def _types(schema: Any) -> list[str]:
    """The decisions that an interrupt's response schema names: alone, or one of several."""
    given: Mapping[str, Any] = schema or {}
    mapping: Json = given.get("discriminator", {}).get("mapping", {})
    alone = given.get("properties", {}).get("type", {}).get("const")
    return [*mapping] or [alone]
