"""Which hook events decide, and the JSON that Claude Code obeys. Imports nothing, so a command hook starts at once.

An empty body, an unknown word or a wrong status is "no decision" to Claude Code, and a tool that its own rules allow
then runs. So every answer to a gate is one of the forms below, spelt out. Measured on Claude Code 2.1.329.
"""

from __future__ import annotations

GATES = frozenset({"PreToolUse", "PermissionRequest"})
"""Events that this service decides."""

HARMLESS = frozenset(
    {
        "InstructionsLoaded",
        "Notification",
        "PermissionDenied",
        "PostCompact",
        "PostToolUse",
        "PostToolUseFailure",
        "PreCompact",
        "SessionEnd",
        "SessionStart",
        "Stop",
        "StopFailure",
        "SubagentStart",
        "SubagentStop",
        "TaskCompleted",
        "TeammateIdle",
    }
)
"""Events where silence lets nothing run that was not allowed before; any other one, known or new, is an error here."""


def allow(
    event: str,
    reason: str,
    *,
    changed: dict[str, object] | None = None,
    context: str | None = None,
    permissions: tuple[dict[str, object], ...] = (),
) -> dict[str, object]:
    """Let the tool run; with *changed* it runs with that input instead.

    *context* reaches the model and exists before a tool only; *permissions* are updates of a permission request only.
    """
    if event == "PreToolUse":
        given = _given(updatedInput=changed, additionalContext=context)
        return _output(event, {"permissionDecision": "allow", "permissionDecisionReason": reason, **given})
    given = _given(updatedInput=changed, updatedPermissions=list(permissions) or None)
    return _output(event, {"decision": {"behavior": "allow", **given}})


def deny(event: str, reason: str) -> dict[str, object]:
    """Do not let the tool run; the model reads *reason*."""
    if event == "PermissionRequest":
        return _output(event, {"decision": {"behavior": "deny", "message": reason}})
    return _output("PreToolUse", {"permissionDecision": "deny", "permissionDecisionReason": reason})


def _given(**values: object | None) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _output(event: str, content: dict[str, object]) -> dict[str, object]:
    return {"hookSpecificOutput": {"hookEventName": event, **content}}
