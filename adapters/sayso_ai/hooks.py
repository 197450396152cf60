"""A pending hook as a request, a decision as what resolves the hook. Pure: nothing is asked or resolved in here.

The rule: the gate of a tool is only ever given a `ToolApproval`. Anything else (an exception, a dict that does not fit)
would hang the run for ever. A hook of a run's own may be given an exception, which its code can catch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import ai
import pydantic
import pydantic_core

import sayso
from sayso import errors, model
from sayso.asking import gate, runs
from sayso.cards import tokens
from sayso.content import digest, edits, wording

Part = ai.messages.HookPart[Any]
Resolution = pydantic.BaseModel | model.JsonObject | Exception

# In the metadata of a hook whose gate takes more than yes or no; only `sayso_ai.Agent` puts it there.
TAKES_EDITS = "sayso_ai.Agent"
# Beside it: what the tool's arguments may be.
SCHEMA = "sayso_ai.schema"
_OURS = {"tool", "kwargs", "title", "body", TAKES_EDITS, SCHEMA}


class ToolApproval(ai.tools.ToolApproval):
    """What the gate of `sayso_ai.Agent` takes: the SDK's own, by whose name a hook is known, and what else to do."""

    kwargs: model.JsonObject | None = None
    """The edited input, if a person edited it."""
    instead: str | None = None
    """A person's answer in the place of the tool's."""


Forms = Mapping[str, type[pydantic.BaseModel]]
"""The payload models of the run's own hooks, by name: a hook says no more of its model than that."""


def pending(event: object, *, nested: bool = False) -> Iterator[tuple[Part, bool]]:
    """The hook that *event* says is waiting, and whether it waits in an agent within a tool."""
    if isinstance(event, ai.events.PartialToolCallResult):
        yield from pending(event.value, nested=True)
    elif isinstance(event, ai.events.HookEvent) and event.hook.status == "pending":
        yield event.hook, nested


def cancel_event(part: Part) -> ai.events.HookEvent:
    """The event that says so."""
    closed = part.model_copy(update={"status": "cancelled"})
    return ai.events.HookEvent(message=ai.messages.Message(role="internal", parts=[closed]), hook=closed)


def request_id(run: str, hook_id: str, tool_call_id: str) -> str:
    """The id of what a durable run asks: the same in every process that takes the run up again."""
    return tokens.id_from("ai", run, hook_id, tool_call_id, digits=40)


def taken_up(run: str, messages: Sequence[ai.messages.Message]) -> set[str]:
    """The ids of what earlier processes may have asked for the turn with which *messages* end."""
    calls = [call.tool_call_id for call in messages[-1].tool_calls] if messages else []
    return {request_id(run, f"approve_{call}", call) for call in calls}


def ran_before(part: Part, messages: Sequence[ai.messages.Message]) -> bool:
    """Whether the call behind this gate has its result from an earlier process: nothing runs, whatever is decided."""
    last = next((one for one in reversed(messages) if one.role == "assistant"), None)
    calls = last.tool_calls if last else []
    return any(call.tool_call_id == part.tool_call_id and call.cached_result is not None for call in calls)


def request(part: Part, run: runs.Run, forms: Forms, id: str | None = None) -> model.Request:
    """What to ask people for this hook.

    Raises:
        InvalidRequest: it cannot be asked: its model is not known, or its input is no JSON.
    """
    keys = run.keys(id, **_facts(part, run.common))
    if not is_gate(part):
        title = _text(part, "title") or part.hook_id.replace("_", " ")
        return sayso.Form(title, _form(part, forms), verdicts=["deny", "stop"], **keys)
    input = _plain(part.metadata.get("kwargs", {}))
    # the model's own call is judged by its tool, and so is an edit that no schema can be checked against
    edit = edits.of_call(part.metadata.get(SCHEMA), input) if takes_edits(part) else {"editable": False}
    return sayso.Permission(
        tool=_text(part, "tool") or part.hook_id,
        input=input,
        title=_text(part, "title"),
        verdicts=["respond", "stop"] if takes_edits(part) else ["stop"],
        **edit,
        **keys,
    )


def resolution(part: Part, asked: model.Request, decision: model.Decision) -> Resolution:
    """What to resolve this hook with.

    Raises:
        DigestMismatch: what was allowed is not what was asked.
    """
    if is_gate(part):
        return _approval(part, asked, decision)
    # the desk has made an instance of the hook's model from these values, as the hook will
    return gate.Denied(decision) if decision.values is None else decision.values


def refusal(part: Part, error: Exception) -> Resolution:
    """What to resolve this hook with if nobody could be asked, or the answer cannot be used."""
    # somebody may have been asked: an answer that cannot be used is no decision either
    told = f"sayso got no decision: {wording.failure(error)}. {wording.NO_CONSENT}"
    if is_gate(part):
        return ai.tools.ToolApproval(granted=False, reason=told)
    return errors.SaysoError(told)


def is_gate(part: Part) -> bool:
    """Whether it waits for a `ToolApproval`."""
    return part.hook_type == ai.agents.TOOL_APPROVAL_HOOK_TYPE


def takes_edits(part: Part) -> bool:
    """Whether its gate runs what a person edited, or says what a person said instead."""
    return part.metadata.get(TAKES_EDITS) is True


def _approval(part: Part, asked: model.Request, decision: model.Decision) -> Resolution:
    if decision.outcome == "answered" and takes_edits(part):
        return ToolApproval(granted=False, reason=decision.text, instead=decision.text)
    if not decision.allowed:
        return ai.tools.ToolApproval(granted=False, reason=decision.model_text)
    allowed = gate.approved_input(asked.tool or "", decision)
    if digest.same(allowed, asked.input or {}):
        return ai.tools.ToolApproval(granted=True, reason=decision.reason)
    if not takes_edits(part):
        raise errors.DigestMismatch("the input was edited, which this agent cannot run", hint="call it again with that")
    return ToolApproval(granted=True, reason=decision.reason, kwargs=allowed)


def _form(part: Part, forms: Forms) -> type[pydantic.BaseModel]:
    found = forms.get(part.hook_type)
    if found is None:
        hint = f"sayso_ai.people(…, forms=[{part.hook_type}])"
        raise errors.InvalidRequest(f"the form {part.hook_type} is not known here", field="forms", hint=hint)
    return found


def _facts(part: Part, common: Mapping[str, Any]) -> dict[str, Any]:
    """What the hook says of itself, beside what is said of the run."""
    rest = {name: value for name, value in part.metadata.items() if name not in _OURS}
    context = {name: value if isinstance(value, str) else _json(value) for name, value in rest.items()}
    context.update(common.get("context", {}))
    attachments = [*common.get("attachments", ())]
    # what is larger than a card's facts is attached, so that nothing is cut
    if len(context) > model.MAX_FACTS or any(len(fact) > model.MAX_NOTE for fact in context.values()):
        attachments.append(model.Attachment(name="metadata", text=_json(rest, indent=2)))
        context = {**common.get("context", {})}
    hook = {"hook_id": part.hook_id, "tool_call_id": part.tool_call_id}
    return {
        "context": context,
        "attachments": attachments,
        "metadata": {**common.get("metadata", {}), **hook},
        **({"body": said} if (said := _text(part, "body")) else {}),
    }


_JSON = "arguments by their names, made of texts, numbers, lists and objects"


def _text(part: Part, name: str) -> str | None:
    found = part.metadata.get(name)
    return found if isinstance(found, str) and found else None


def _plain(kwargs: Any) -> model.JsonObject:
    try:
        found: Any = pydantic_core.to_jsonable_python(kwargs)
    except pydantic_core.PydanticSerializationError as error:
        said = "the input cannot be shown: it holds something that has no JSON form"
        raise errors.InvalidRequest(said, field="input", hint=_JSON) from error
    if not isinstance(found, dict):
        raise errors.InvalidRequest("the hook's kwargs are not an object", field="input", hint=_JSON)
    return cast(model.JsonObject, found)


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(pydantic_core.to_jsonable_python(value, fallback=str), ensure_ascii=False, indent=indent)
