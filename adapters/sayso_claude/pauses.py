"""A call that waits in the Agent SDK becomes a request, and its decision the input that may run. Pure.

Only what was allowed runs: the input is checked against the decision's digest, answers against their questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sayso import asking, errors, model
from sayso.asking import gate, runs
from sayso.content import digest, wording
from sayso_claude import calls, hooks, questions, suggestions

AGENT = "Claude agent"
EVENT = "CanUseTool"
"""What requests of the SDK's callback have as their event; see `calls`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One call that waits, and what is known of it."""

    tool: str
    input: model.JsonObject
    tool_use_id: str | None = None
    session: str | None = None
    folder: str | None = None
    mode: str | None = None
    agent_id: str | None = None
    """The subagent that calls; None for the main agent."""
    agent_type: str | None = None
    title: str | None = None
    description: str | None = None
    reason: str | None = None
    """Why Claude Code asks about it."""
    path: str | None = None
    suggestions: tuple[model.JsonObject, ...] = ()
    confirm: bool = False
    """Claude Code asks for more than one press."""
    no_rules: bool = False
    """Claude Code asks to offer no rule for this."""
    editable: bool = True
    facts: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """What else is known of it."""

    @property
    def shared_call(self) -> calls.SharedCall | None:
        """The call as others who ask about it know it; None if its session is not known."""
        return calls.SharedCall(self.session, self.tool, self.input, self.agent_id) if self.session else None


def check(common: Mapping[str, Any]) -> None:
    """Refuse keys that a call says itself. Raises `InvalidRequest`."""
    runs.refuse(common, "a tool call", "title", "grants", "offers", "editable", "confirm")


def request(pause: Pause, common: Mapping[str, Any], *, id: str | None = None, event: str = EVENT) -> model.Request:
    """What people see. A call of the callback may be allowed with one more rule; a hook before it can add none.

    *common* are the keys of `asking.Common` that every request of this agent has.

    Raises:
        InvalidRequest: it cannot be asked; the message is for the model.
    """
    updates = _updates(pause) if event == EVENT else []
    whole: dict[str, Any] = {"verdicts": ("stop",), **common, **({"id": id} if id else {})}
    whole["source"] = _source(pause, common.get("source"))
    whole["metadata"] = {**common.get("metadata", {}), "claude": _trace(pause, event, updates)}
    whole["context"] = {**_facts(pause), **common.get("context", {})}
    if pause.tool == questions.TOOL:
        # an answer in place of the tool is what this tool is for
        whole["verdicts"] = ("deny", *(one for one in whole["verdicts"] if one == "stop"))
        return questions.request(pause.input, **whole)
    if pause.tool == hooks.PLAN:
        return _plan(pause, whole)
    if pause.description:
        whole.setdefault("body", pause.description)
    return asking.Permission(
        tool=pause.tool,
        input=pause.input,
        title=pause.title and model.title_of(pause.title),
        offers=suggestions.offers(updates),
        confirm=pause.confirm,
        editable=pause.editable,
        **whole,
    )


def approved_input(pause: Pause, decision: model.Decision) -> model.JsonObject:
    """The input that may run.

    Raises:
        Denied: nobody allowed or answered it.
        DigestMismatch, InvalidAnswer: the decision does not belong to this call.
    """
    if pause.tool == questions.TOOL:
        return questions.updated_input(pause.input, decision)
    allowed = gate.approved_input(pause.tool, decision)
    # the plan stands on the card as text, beside the input
    return {**pause.input, **allowed} if pause.tool == hooks.PLAN else allowed


def is_expected(error: Exception) -> bool:
    """Whether an error says all there is to say: the service refused, or cannot be reached."""
    return isinstance(error, errors.SaysoError | OSError)


def failure(error: Exception) -> str:
    """What the model reads if nobody decided; of an error that is not ours, nothing from the inside."""
    if isinstance(error, gate.Denied):
        return error.decision.model_text
    if is_expected(error) and not (isinstance(error, errors.SaysoError) and error.status < 500):
        # a host, a path: what it is made of is not for the model
        error = errors.SaysoError("the approval service cannot be reached now")
    return wording.could_not_ask(error)


def _plan(pause: Pause, common: dict[str, Any]) -> model.Request:
    # Claude Code takes an edited plan, too; but a plan is read as Markdown, and what is wrong with it is said in words
    plan = pause.input.get("plan")
    rest = {name: value for name, value in pause.input.items() if name != "plan"}
    common["body"] = plan if isinstance(plan, str) and plan.strip() else "There is no plan in this call."
    title = "May the agent carry out this plan?"
    return asking.Permission(tool=pause.tool, input=rest, title=title, editable=False, confirm=True, **common)


def _updates(pause: Pause) -> list[model.JsonObject]:
    """Our own rule for the session, which says no more than this call; then what Claude Code suggests."""
    if pause.no_rules or pause.tool in (questions.TOOL, hooks.PLAN):
        return []
    call = hooks.Call(hook_event_name="CanUseTool", session_id="", tool_name=pause.tool, tool_input=pause.input)
    rule = hooks.session_rule(call, pause.input)
    rules = [{"toolName": pause.tool, "ruleContent": rule}]
    own: model.JsonObject = {"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"}
    return [*([own] if rule else []), *(one for one in pause.suggestions if one != own)]


def _source(pause: Pause, given: model.Source | None) -> model.Source:
    # the session is Claude Code's own wherever it is known: others who ask about the call find the request by it
    session = pause.session or (given.session if given else None)
    agent = (given and given.agent) or AGENT
    named = f"{agent} ({pause.agent_type})" if pause.agent_type else agent
    own = hooks.source(named, session, pause.folder)
    return own.model_copy(update={"project": given.project or own.project, "url": given.url}) if given else own


def _facts(pause: Pause) -> Mapping[str, str]:
    facts = {
        "Folder": pause.folder,
        "Permission mode": pause.mode,
        "Why it asks": pause.reason,
        "Path": pause.path,
        "Subagent": pause.agent_id,
        **pause.facts,
    }
    return {name: model.fact_of(value) for name, value in facts.items() if value}


def _trace(pause: Pause, event: str, updates: list[model.JsonObject]) -> model.JsonObject:
    traced: dict[str, Any] = {
        "event": event,
        "call": digest.of_call(pause.tool, pause.input),
        "updates": updates,
        "tool_use_id": pause.tool_use_id,
        "agent_id": pause.agent_id,
    }
    return {name: value for name, value in traced.items() if value}
