"""Tool calls that a run waits with: one card each, and the decision put into the run's state.

The SDK binds an approval to the arguments that the model gave and has no way to change them, so nothing is editable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import agents
import pydantic

from sayso import asking, errors, model
from sayso.asking import gate, runs
from sayso.cards import tokens
from sayso.content import digest
from sayso.desk import asker

Json = dict[str, Any]
State = agents.RunState[Any, Any]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the state is told about one call."""

    allowed: bool
    said: str | None = None
    always: bool = False


async def answers(desk: asker.Asker, state: State, *, run: str | None = None, **common: Any) -> State:
    """Ask people about all tool calls that *state* waits with, at once, and put their decisions into it.

    *run* is a name of this one run that outlives the process: with it the requests can be found again, and stay open
    when the waiting is cancelled. Without, they are withdrawn then. *common* are other keys of a request. Of grants
    there is `"session"`: this tool of this agent, for the rest of the run.

    Raises:
        InvalidRequest: the requests cannot be asked.
        Denied: somebody pressed "Deny and stop"; the state is as it was.
    """
    _check(common)
    waiting = state.get_interruptions()
    named = [json.dumps([item.agent.name, _tool(item), item.call_id, _fingerprint(item)]) for item in waiting]
    # agents within tools count their calls for themselves: two equal ones are still two
    ids = [_id(run, f"{name}{named[:n].count(name) or ''}") for n, name in enumerate(named)]
    together = runs.turn("openai", run, *named)
    how = runs.Run(desk=desk, prefix="openai", name=run, session=run, common=common, batch=together)
    asked = [_ask(replace(how, agent=item.agent.name), item, id) for item, id in zip(waiting, ids, strict=True)]
    verdicts = await runs.hand_over(asked)
    # a grant given after a rejection would overrule it: the SDK then runs the rejected call as well
    for item, verdict in sorted(zip(waiting, verdicts, strict=True), key=lambda pair: not pair[1].allowed):
        _apply(state, item, verdict)
    return state


def _check(common: Mapping[str, Any]) -> None:
    """Refuse what an approval of the SDK could not honour."""
    runs.refuse(common, "an approval", "offers", "editable")
    if set(common.get("grants", ())) - {"session"}:
        hint = 'grants=["session"] holds for the rest of a run'
        raise errors.InvalidRequest("this SDK knows no grant beyond a run", field="grants", hint=hint)


async def _ask(how: runs.Run, item: agents.ToolApprovalItem, id: str | None) -> runs.Later[_Verdict]:
    """Ask about one call; what comes back hands its verdict over. What cannot be asked is rejected, and says why."""
    try:
        keys = how.keys(id, editable=False)
        keys.setdefault("batch", how.batch)
        call = how.call(asking.Permission(tool=_tool(item), input=_input(item), **keys))
    except errors.InvalidRequest as error:
        return runs.at_once(_Verdict(False, how.refusal(error)))
    decision = runs.going_on(await call.ask())

    async def later() -> _Verdict:
        return _verdict(item, runs.going_on(await call.use(decision)))

    return later


def _verdict(item: agents.ToolApprovalItem, decision: model.Decision) -> _Verdict:
    if decision.allowed:
        gate.approved_input(_tool(item), decision)
        return _Verdict(True, always=decision.grant == "session")
    # an answer in place of the tool reaches the model as its output, word for word
    return _Verdict(False, decision.text if decision.outcome == "answered" else decision.model_text)


def _apply(state: State, item: agents.ToolApprovalItem, verdict: _Verdict) -> None:
    if verdict.allowed:
        state.approve(item, always_approve=verdict.always)
    else:
        state.reject(item, rejection_message=verdict.said)


def _id(run: str | None, named: str) -> str | None:
    """The same for the same call of this run in any process, and another one for other arguments."""
    return run and tokens.id_of("openai", f"{run}\n{named}")


def _fingerprint(item: agents.ToolApprovalItem) -> str:
    given = _input(item)
    try:
        return digest.digest(given)
    except errors.InvalidRequest:
        return repr(given)


def _tool(item: agents.ToolApprovalItem) -> str:
    return item.qualified_name or item.name or item.type


def _input(item: agents.ToolApprovalItem) -> Json:
    """What will run: the arguments of a function, and of anything else the whole call."""
    raw = item.raw_item
    whole = raw.model_dump(mode="json", exclude_none=True) if isinstance(raw, pydantic.BaseModel) else dict(raw)
    if whole.get("type") == "function_call":
        try:
            arguments = json.loads(whole["arguments"] or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if isinstance(arguments, dict):
            return cast(Json, arguments)
    return whole
