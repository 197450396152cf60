"""The hooks that are not about a tool call: may the agent stop, submit this prompt, switch the model? Pure.

Each becomes a permission that nobody can edit. What a denial does is Claude Code's own: see the page on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

from sayso import asking, model
from sayso.cards import phrases
from sayso.content import requests, wording
from sayso_claude import forms, hooks

_ASKED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ConfigChange": ("May this change of Claude Code's settings take effect?", ("source", "file_path")),
    "PermissionDenied": ("Claude Code's own check refused this call. May the agent try it again?", ()),
    "PreCompact": ("May the conversation be compacted?", ("trigger", "custom_instructions")),
    "PreModelSwitch": (
        "May the session go on with another model?",
        ("from_model", "to_model", "source", "context_tokens", "estimated_cache_write_usd"),
    ),
    "Stop": ("May the agent stop? Denied, it goes on working; the reason tells it what is missing.", ()),
    "SubagentStop": ("May the subagent stop? Denied, it goes on working; the reason tells it what is missing.", ()),
    "TaskCompleted": ("May this task be marked as done?", ("task_subject", "task_description", "teammate_name")),
    "TaskCreated": ("May this task be created?", ("task_subject", "task_description", "teammate_name")),
    "TeammateIdle": ("May the teammate rest? Denied, it goes on working.", ("teammate_name",)),
    "UserPromptExpansion": ("May this command be run?", ("command_name", "command_args", "prompt")),
    "UserPromptSubmit": ("May this prompt go to the model?", ("prompt",)),
}
"""What people are asked, and what of the hook's input they see."""


class Step(pydantic.BaseModel):
    """What Claude Code sends before a step; what else an event brings is shown by its name."""

    model_config = pydantic.ConfigDict(frozen=True, extra="allow", strict=True)

    hook_event_name: str
    session_id: str
    prompt_id: str | None = None
    cwd: str | None = None
    permission_mode: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    stop_hook_active: bool = False
    last_assistant_message: str | None = None
    tool_name: str | None = None
    tool_input: dict[str, Any] | None = None
    reason: str | None = None


def parse(raw: bytes) -> Step:
    """The step to decide. Raises `InvalidRequest`."""
    try:
        return Step.model_validate_json(raw)
    except pydantic.ValidationError as error:
        raise requests.invalid(error) from error


def request(step: Step, **common: Any) -> model.Request:
    """The question that people see. Raises `InvalidRequest`."""
    asked, names = _ASKED[step.hook_event_name]
    brought = step.model_extra or {}
    context = {
        "Folder": step.cwd,
        "Permission mode": step.permission_mode,
        "Refused because": step.reason if step.hook_event_name == forms.RETRY else None,
        "Denied before": "a person sent it back to work in this turn" if step.stop_hook_active else None,
    }
    agent = f"Claude Code ({step.agent_type})" if step.agent_type else "Claude Code"
    traced = {"event": step.hook_event_name, "prompt_id": step.prompt_id, "agent_id": step.agent_id}
    if step.last_assistant_message:
        common["body"] = f"It said last:\n\n{step.last_assistant_message}"[: model.MAX_BODY]
    return asking.Permission(
        tool=step.tool_name or step.hook_event_name,
        input=step.tool_input or {name: brought[name] for name in names if brought.get(name) not in (None, "")},
        title=asked,
        editable=False,
        source=hooks.source(agent, step.session_id, step.cwd),
        context={name: model.fact_of(value) for name, value in context.items() if value},
        metadata={"claude": {name: value for name, value in traced.items() if value}},
        **common,
    )


def answer(step: Step, decision: model.Decision) -> model.JsonObject:
    """The JSON for this decision on this step."""
    event = step.hook_event_name
    if decision.allowed:
        return forms.allow(event, decision.model_text)
    if decision.outcome == "allowed":
        return forms.no_decision(event, decision.model_text)
    because = f" Reason: {decision.reason}" if decision.reason else ""
    if decision.outcome != "denied":
        return forms.no_decision(
            event, f"Nobody allowed this: {phrases.outcome_words('permission', decision)}.{because}"
        )
    if event in forms.ENDS:
        return forms.deny(event, f"Not done yet, says {wording.people(decision)}: go on working.{because}")
    return forms.deny(event, f"{event} was denied by {wording.people(decision)}.{because}")
