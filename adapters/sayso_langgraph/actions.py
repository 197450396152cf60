"""Tool calls that the human-in-the-loop middleware stopped: one card each, and its own kind of decision for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.types import Interrupt

from sayso import asking, errors, model
from sayso.asking import gate, runs
from sayso.cards import tokens
from sayso.content import digest, edits
from sayso_langgraph import questions, tools

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """One tool call, and the decisions that may be made about it."""

    tool: str
    args: Json
    description: str
    allowed: frozenset[str]


def of_interrupt(value: Any, schema: Any) -> list[Action] | None:
    """The tool calls of an interrupt, in order; None if it is not a review of tool calls.

    Raises:
        InvalidRequest: it begins like one, and is malformed.
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
        hint = "action_requests have name and args, review_configs have action_name and allowed_decisions"
        raise errors.InvalidRequest("this is no review of tool calls", field="action_requests", hint=hint) from error


async def ask(run: runs.Run, action: Action, id: str, tool: BaseTool | None) -> runs.Later[Json]:
    """What people decided, as the middleware takes it, once it is about to be handed over: an allow is used by that.

    An edit that the tool cannot take is asked about again. A call that cannot be asked is rejected, and says why.

    Raises:
        InvalidRequest: the middleware takes nothing but a rejection, or none for a call that cannot be asked.
    """

    def check(decision: model.Decision) -> str | None:
        return tools.unfit(tool, action.args, decision.input or {})

    try:
        call = run.call(_request(run, action, id, tool), check=check)
    except errors.InvalidRequest as error:
        return runs.at_once(_refusal(run, action, error))
    decision = await call.ask()
    # a stop, and a denial that the middleware does not take, end the wait for the calls beside it
    _answer(action, decision, tool)

    async def later() -> Json:
        return _answer(action, await call.use(decision), tool)

    return later


def _refusal(run: runs.Run, action: Action, error: errors.InvalidRequest) -> Json:
    if action.allowed <= {"reject"} or "reject" not in action.allowed:
        raise error
    return {"type": "reject", "message": run.refusal(error)}


def _request(run: runs.Run, action: Action, id: str, tool: BaseTool | None) -> model.Request:
    stop = [*run.common.get("verdicts", ())]
    keys = run.keys(id, verdicts=[*stop, *({"respond"} & action.allowed)])
    if action.description:
        keys["body"] = action.description
    if action.allowed & {"approve", "edit"}:
        keys.setdefault("batch", run.batch)
        return asking.Permission(tool=action.tool, input=action.args, **_edits(action, tool), **keys)
    if "respond" not in action.allowed:
        hint = 'put "approve", "edit" or "respond" into its allowed_decisions'
        raise errors.InvalidRequest(f"nobody may allow {action.tool}", field="allowed_decisions", hint=hint)
    # a tool whose only implementation is a person's answer
    keys["verdicts"] = [*stop, *(["deny"] if "reject" in action.allowed else [])]
    title, body = runs.titled(action.args, f"What does {action.tool} answer?")
    if body:
        keys.setdefault("body", body)
    return asking.Question(title, **keys)


def _edits(action: Action, tool: BaseTool | None) -> Json:
    """What edits there are. One that no schema can be checked against at the press is measured by the tool itself."""
    if "edit" not in action.allowed:
        return {"editable": False}
    return edits.of_call(tools.schema(tool, action.args), action.args)


def _answer(action: Action, decision: model.Decision, tool: BaseTool | None) -> Json:
    if decision.outcome == "answered":
        return {"type": "respond", "message": decision.text}
    if not runs.going_on(decision).allowed:
        if "reject" not in action.allowed:
            raise gate.Denied(decision)
        return {"type": "reject", "message": decision.model_text}
    args = gate.approved_input(action.tool, decision)
    if "approve" in action.allowed and digest.same(args, action.args):
        return {"type": "approve"}
    return {"type": "edit", "edited_action": {"name": action.tool, "args": tools.rename(tool, args)}}


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


def id_of(thread: str, interrupt: Interrupt[Any]) -> str:
    """The same for the same pause in any process, and another one for other content.

    LangGraph derives an interrupt's id from its place in the checkpoint; what is asked there may change.
    """
    try:
        content = digest.digest({"value": interrupt.value})
    except errors.InvalidRequest:
        content = repr(interrupt.value)
    return tokens.id_of("langgraph", f"{thread}\n{interrupt.id}\n{content}")
