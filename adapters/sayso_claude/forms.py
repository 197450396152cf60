"""Which hook events decide, and the JSON that Claude Code obeys. Imports nothing, so a command hook starts at once.

An empty body, an unknown word or a wrong status is "no decision" to Claude Code, and a tool that its own rules allow
then runs. So every answer to a gate is one of the forms below, spelt out. Measured on Claude Code 2.1.332.
"""

from __future__ import annotations

SKILL_SHELL = "PreSkillShellCommand"
"""A shell command in a skill's text, which is not a tool call; since 2.1.332."""

TOOLS = frozenset({"PreToolUse", "PermissionRequest", SKILL_SHELL})
"""Events about a tool and its input."""

STEPS = frozenset(
    {
        "ConfigChange",
        "PreCompact",
        "PreModelSwitch",
        "TaskCompleted",
        "TaskCreated",
        "UserPromptExpansion",
        "UserPromptSubmit",
    }
)
"""Events about a step of the session; without a person's word the step is not taken."""

ENDS = frozenset({"Stop", "SubagentStop", "TeammateIdle"})
"""Events about coming to rest. Only a person's denial keeps an agent at work; whatever goes wrong, it may rest."""

RETRY = "PermissionDenied"
"""Claude Code itself refused a call; only a person's word makes it be tried again."""

ELICITATION = "Elicitation"
"""A tool server asks the user."""

GATES = TOOLS | STEPS | ENDS | {RETRY, ELICITATION}
"""Events that this service decides."""

NOTIFICATION = "Notification"
"""Told in the session's thread; never decided."""

HARMLESS = frozenset(
    {
        "CwdChanged",
        "DirectoryAdded",
        "ElicitationResult",
        "FileChanged",
        "InstructionsLoaded",
        "MessageDisplay",
        "PostCompact",
        "PostModelSwitch",
        "PostToolBatch",
        "PostToolUse",
        "PostToolUseFailure",
        "SessionEnd",
        "SessionStart",
        "Setup",
        "StopFailure",
        "SubagentStart",
        "WorktreeRemove",
    }
)
"""Events for which silence lets nothing new run. Any other event, known or new, is an error here."""

GO_ON: dict[str, object] = {"continue": True}
"""Let it happen, and say so."""


def allow(
    event: str,
    reason: str,
    *,
    input: dict[str, object] | None = None,
    context: str | None = None,
    permissions: tuple[dict[str, object], ...] = (),
) -> dict[str, object]:
    """Let the tool run, with *input* if there is one, or the step be taken.

    *context* reaches the model and exists before a tool only; *permissions* are updates of a permission request only.
    """
    if event in ("PreToolUse", "PreModelSwitch"):
        given = _without_none(updatedInput=input, additionalContext=context)
        return _output(event, {"permissionDecision": "allow", "permissionDecisionReason": reason, **given})
    if event == "PermissionRequest":
        given = _without_none(updatedInput=input, updatedPermissions=list(permissions) or None)
        return _output(event, {"decision": {"behavior": "allow", **given}})
    if event == SKILL_SHELL:
        # any `updatedInput` keeps the command from running
        return _output(event, {"permissionDecision": "allow", "permissionDecisionReason": reason})
    return _output(event, {"retry": True}) if event == RETRY else GO_ON


def deny(event: str, reason: str, *, stop: bool = False) -> dict[str, object]:
    """Do not let it happen; the model reads *reason*. With *stop* the agent's turn ends, too."""
    # `continue` alone denies nothing: a tool that is allowed beforehand runs, and only then the turn ends
    ended = {"continue": False, "stopReason": reason} if stop else {}
    if event == "PermissionRequest":
        return _output(
            event, {"decision": {"behavior": "deny", "message": reason, **_without_none(interrupt=stop or None)}}
        )
    if event == RETRY:
        return {**GO_ON, **ended}
    if event in STEPS - {"PreModelSwitch"} or event in ENDS:
        return {"decision": "block", "reason": reason, **ended}
    named = event if event in ("PreModelSwitch", SKILL_SHELL) else "PreToolUse"
    return {**_output(named, {"permissionDecision": "deny", "permissionDecisionReason": reason}), **ended}


def elicitation(action: str, content: dict[str, object] | None = None, reason: str | None = None) -> dict[str, object]:
    """What a tool server is told: `accept` with the content, `decline`, or `cancel`."""
    return {
        **_output(ELICITATION, {"action": action, **_without_none(content=content)}),
        **_without_none(reason=reason),
    }


def no_decision(event: str, reason: str) -> dict[str, object]:
    """Nobody decided, whatever the cause: what is safe for this event."""
    if event == ELICITATION:
        return elicitation("cancel", reason=reason)
    return GO_ON if event in ENDS else deny(event, reason)


def _without_none(**values: object | None) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _output(event: str, content: dict[str, object]) -> dict[str, object]:
    return {"hookSpecificOutput": {"hookEventName": event, **content}}
