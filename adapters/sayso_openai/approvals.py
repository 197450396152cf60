"""Tool calls that a run waits with: one card each, and the decision put into the run's state.

The SDK binds an approval to the arguments that the model gave and has no way to change them, so nothing is editable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

import agents
import pydantic

from sayso import asking, errors, gate, handles, model, opening

Json = dict[str, Any]
State = agents.RunState[Any, Any]


async def answers(desk: opening.Asker, state: State, *, run: str | None = None, **common: Any) -> State:
    """Ask people about all tool calls that *state* waits with, at once, and put their decisions into it.

    *run* is a name of this one run that outlives the process: with it the requests can be found again, and stay open
    where the waiting is cancelled. Without, they are withdrawn then. *common* are other keys of a request. Of grants
    there is `"session"`: this tool of this agent, for the rest of the run.

    Raises:
        InvalidRequest: the requests cannot be asked.
        Denied: somebody pressed "Deny and stop"; the state is as it was.
    """
    _check(common)
    waiting = state.get_interruptions()
    decided = await handles.together([_asked(desk, item, run, common) for item in waiting])
    # a grant given after a rejection would overrule it: the SDK then runs the rejected call as well
    for item, decision in sorted(zip(waiting, decided, strict=True), key=lambda pair: not pair[1].allowed):
        _apply(state, item, decision)
    return state


def _check(common: Mapping[str, Any]) -> None:
    """Refuse what an approval of the SDK could not honour."""
    for name in ("id", "supersedes", "offers", "editable"):
        if name in common:
            raise errors.InvalidRequest(f"an approval takes no {name}", field=name)
    if set(common.get("grants", ())) - {"session"}:
        hint = 'grants=["session"] holds for the rest of a run'
        raise errors.InvalidRequest("this SDK knows no grant beyond a run", field="grants", hint=hint)


async def _asked(
    desk: opening.Asker, item: agents.ToolApprovalItem, run: str | None, common: Mapping[str, Any]
) -> model.Decision:
    source = model.Source(agent=item.agent.name[:200], session=run[:200] if run else None)
    keys: Json = {"source": source, **common}
    if run is not None:
        # the SDK lets no id of a call stand for a second call of the same run
        named = json.dumps([run, item.agent.name, _tool(item), item.call_id])
        keys["id"] = "openai-" + hashlib.sha256(named.encode()).hexdigest()[:32]
    request = asking.Permission(tool=_tool(item), input=_input(item), editable=False, **keys)
    decision = await (handles.held(desk, request) if run is None else desk.ask(request))
    if decision.stop:
        raise gate.Denied(decision)
    return decision


def _apply(state: State, item: agents.ToolApprovalItem, decision: model.Decision) -> None:
    if decision.allowed:
        gate.approved_input(_tool(item), decision)
        state.approve(item, always_approve=decision.grant == "session")
    else:
        # an answer in place of the tool reaches the model as its output, word for word
        said = decision.text if decision.outcome == "answered" else decision.model_text
        state.reject(item, rejection_message=said)


def _tool(item: agents.ToolApprovalItem) -> str:
    return item.qualified_name or item.name or item.type


def _input(item: agents.ToolApprovalItem) -> Json:
    """What will run: the arguments of a function, and of anything else the whole call."""
    raw = item.raw_item
    whole = raw.model_dump(mode="json", exclude_none=True) if isinstance(raw, pydantic.BaseModel) else dict(raw)
    if whole.get("type") == "function_call":
        try:
            arguments = json.loads(whole["arguments"] or "{}")
        except ValueError:
            arguments = None
        if isinstance(arguments, dict):
            return cast(Json, arguments)
    return whole
