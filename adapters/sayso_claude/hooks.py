"""A hook call becomes a request, and a decision becomes the JSON that Claude Code obeys. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import pydantic

from sayso import asking, errors, model
from sayso.asking import gate
from sayso.cards import tokens
from sayso.content import digest, requests
from sayso_claude import calls, forms, questions, suggestions

# Inputs that change nothing about what a shell command does; beside any other one a rule for the command is too wide.
_PLAIN_BASH = {"command", "description", "timeout"}
# The rule is shown in full beside its button, with words of ours.
_LONGEST_RULE = model.MAX_NOTE // 2
# In a rule `*` is a wildcard and `:*` a prefix; brackets and backslashes may be read as escapes. The others join or
# redirect commands, which the CLI matches part by part. Measured on 2.1.329: a rule of the other signs also lets run
# the same command behind `time`, `nice`, `nohup`, `timeout` or a locale; never with more arguments, nor elsewhere.
_NOT_LITERAL = set("*\\()\"'`$;&|<>#")

_EVENT = re.compile(rb'"hook_event_name"\s{0,8}:\s{0,8}"([A-Za-z]{1,40})"')

# Tools that never talk to their user themselves.
_SILENT = frozenset(
    {"Agent", "Bash", "Edit", "Glob", "Grep", "MultiEdit", "NotebookEdit", "PowerShell", "Read", "Skill", "Task"}
    | {"WebFetch", "WebSearch", "Workflow", "Write"}
)

PLAN = "ExitPlanMode"
"""The tool by which an agent shows its plan."""


class Call(pydantic.BaseModel):
    """What Claude Code sends before a tool runs; keys of newer versions are passed over."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore", strict=True)

    hook_event_name: Literal["PreToolUse", "PermissionRequest", "PreSkillShellCommand", "CanUseTool"]
    """`CanUseTool` is not on the wire: it stands for the SDK's callback, which asks about the same calls."""
    session_id: str
    tool_name: str
    tool_input: dict[str, Any]
    tool_use_id: str | None = None
    """Only before a tool: a permission request does not say which call it is, and a skill's command is not a call."""
    prompt_id: str | None = None
    cwd: str | None = None
    permission_mode: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    permission_suggestions: list[dict[str, Any]] = []
    command_name: str | None = None
    """The skill whose text holds the shell command; with where it comes from, and who started it."""
    command_source: str | None = None
    invoked_by: str | None = None

    @property
    def in_skill(self) -> bool:
        """Whether this is a shell command in a skill's text."""
        return self.hook_event_name == forms.SKILL_SHELL

    @property
    def shared_call(self) -> calls.SharedCall:
        """What everybody who asks about this call knows of it."""
        return calls.SharedCall(self.session_id, self.tool_name, self.tool_input, self.agent_id)


def event_of(raw: bytes) -> str | None:
    """The event of a hook call; None if it cannot be read."""
    name = (_payload(raw) or {}).get("hook_event_name")
    return name if isinstance(name, str) else None


def check(raw: bytes) -> None:
    """Whether this is a hook call of Claude Code at all.

    Raises:
        InvalidRequest: it cannot be read, or it comes from another program.
    """
    payload = _payload(raw)
    hint = "Claude Code writes a JSON object with a hook_event_name"
    if payload is None:
        said = "there is nothing in it" if not raw.strip() else "it is not a JSON object"
        raise errors.InvalidRequest(f"the hook call cannot be read: {said}", field="body", hint=hint)
    if not isinstance(payload.get("hook_event_name"), str):
        raise errors.InvalidRequest("the hook call names no event", field="hook_event_name", hint=hint)
    # of Claude Code's own events one has it, too
    if "turn_id" in payload and payload["hook_event_name"] != "MessageDisplay":
        # it reads the same answers in another way: a denial that stops the turn, too, lets the command run there
        hint = "there is no adapter for it yet: its hooks must not point here"
        raise errors.InvalidRequest("this call comes from OpenAI's Codex CLI", field="turn_id", hint=hint)


def _payload(raw: bytes) -> dict[str, Any] | None:
    try:
        payload = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", payload) if isinstance(payload, dict) else None


def event_in(head: bytes) -> str | None:
    """The event of a call of which only the beginning is there; None if it does not say."""
    found = _EVENT.search(head)
    return event_of(head) or (found[1].decode() if found else None)


def parse(raw: bytes) -> Call:
    """The call to decide. Raises `InvalidRequest`."""
    try:
        return Call.model_validate_json(raw)
    except pydantic.ValidationError as error:
        raise requests.invalid(error) from error


def request_id(call: Call, owner: str, idempotency_key: str | None) -> str | None:
    """The same call gets the same id, so a caller who was cut off finds its ticket; None if nothing names it."""
    # a skill that is loaded again may name its command again
    if call.tool_use_id and not call.in_skill:
        return _id("call", owner, call.session_id, call.tool_use_id)
    return attempt_id(call.session_id, owner, idempotency_key)


def attempt_id(session: str, owner: str, idempotency_key: str | None) -> str | None:
    """As `request_id`, for what has no name but the caller's own key."""
    return _id("attempt", owner, session, idempotency_key) if idempotency_key else None


def request(
    call: Call,
    *,
    id: str | None = None,
    expires_in: float | None = None,
    policy: str | None = None,
    route: Sequence[str] = (),
) -> model.Request:
    """The question that people see. Raises `InvalidRequest`."""
    agent = f"Claude Code ({call.agent_type})" if call.agent_type else "Claude Code"
    context = {"Folder": call.cwd, "Permission mode": call.permission_mode, **skill_facts(call)}
    given: dict[str, Any] = {"id": id, "policy": policy, "route": tuple(route), "expires_in": expires_in}
    common: dict[str, Any] = {
        "source": source(agent, call.session_id, call.cwd),
        "context": {name: model.fact_of(value) for name, value in context.items() if value},
        "metadata": {"claude": _trace(call)},
        **{name: value for name, value in given.items() if value},
    }
    if call.tool_name == questions.TOOL:
        return questions.request(call.tool_input, verdicts=("deny", "stop"), **common)
    offers = suggestions.offers(_updates(call))
    if _is_plan(call):
        common |= {"body": call.tool_input["plan"], "title": "May the agent carry out this plan?"}
        common |= {"editable": False, "confirm": True}
    if call.in_skill:
        common |= {"editable": False, "title": skill_title(call)}
    return asking.Permission(tool=call.tool_name, input=_shown_input(call), offers=offers, verdicts=("stop",), **common)


def source(agent: str, session: str | None, folder: str | None) -> model.Source:
    """Who asks, with the name of the folder as the project: the session itself is an id that tells nobody anything."""
    project = re.split(r"[/\\]", (folder or "").rstrip("/\\"))[-1]
    return model.Source(
        agent=model.name_of(agent), session=model.name_of(session or "") or None, project=model.name_of(project) or None
    )


def answer(call: Call, decision: model.Decision, shown: model.Request | None = None) -> model.JsonObject:
    """The JSON for exactly this decision on exactly this call, which people saw as *shown*.

    Raises:
        DigestMismatch: the input is not the one that was allowed.
        InvalidAnswer: the answers do not fit the agent's questions.
    """
    allowed = approved_input(call, decision)
    if allowed is None:
        return forms.deny(call.hook_event_name, decision.model_text, stop=decision.stop)
    edited = digest.canonical(allowed) != digest.canonical(call.tool_input)
    granted = update(shown, decision) if shown else None
    return forms.allow(
        call.hook_event_name,
        decision.model_text,
        input=allowed if edited or _repeats_input(call) else None,
        context=decision.model_text if edited or decision.reason else None,
        permissions=(granted,) if granted else (),
    )


def approved_input(call: Call, decision: model.Decision) -> model.JsonObject | None:
    """The input that may run; None if nobody allowed any. Raises as `answer`."""
    if call.tool_name == questions.TOOL:
        return questions.updated_input(call.tool_input, decision) if decision.outcome == "answered" else None
    if not decision.allowed:
        return None
    allowed = gate.approved_input(call.tool_name, decision)
    return call.tool_input if _is_plan(call) else allowed


def update(shown: model.Request, decision: model.Decision) -> model.JsonObject | None:
    """The permission update that a person chose along with the call, of those that the card showed; or None."""
    # from the card, not from the call: others who ask about it may have come with other suggestions
    return suggestions.chosen(shown.metadata["claude"].get("updates", []), decision.grant)


def session_rule(call: Call, arguments: model.JsonObject) -> str | None:
    """The shell command that a rule for the session would allow; None if no rule says exactly that and no more."""
    command = arguments.get("command")
    if (
        call.hook_event_name not in ("PermissionRequest", "CanUseTool")
        or call.tool_name != "Bash"
        or set(arguments) - _PLAIN_BASH
    ):
        return None
    if not isinstance(command, str) or not 0 < len(command) <= _LONGEST_RULE or command != command.strip():
        return None
    return command if command.isprintable() and command.isascii() and not _NOT_LITERAL & set(command) else None


def _id(*named: str) -> str:
    return tokens.id_from("claude", *named, digits=40)


def _trace(call: Call) -> model.JsonObject:
    """What the request remembers of its call, for those who find it later."""
    told = call.model_dump(include={"tool_use_id", "prompt_id", "agent_id"})
    same = digest.of_call(call.tool_name, call.tool_input)
    traced = {"event": call.hook_event_name, "call": same, "updates": _updates(call), **told}
    return {name: value for name, value in traced.items() if value}


def _repeats_input(call: Call) -> bool:
    """Whether an allow repeats an unedited input. Without it one for a tool that talks to its user is dropped.

    With it a permission request is weighed anew, and a rule of Claude Code's own that says `ask` drops the allow.
    """
    return call.hook_event_name == "PreToolUse" or not (call.tool_name in _SILENT or call.tool_name.startswith("mcp__"))


def skill_title(call: Call) -> str:
    """What people are asked about a shell command in a skill."""
    return model.title_of(f"May the skill {call.command_name or ''} run this?")


def skill_facts(call: Call) -> Mapping[str, str | None]:
    """Which skill holds a shell command, and who started it."""
    if not call.in_skill:
        return {}
    by = {"user": "somebody typed its name", "claude": "the agent", "other": "neither a person nor the agent"}
    started = by.get(call.invoked_by or "", call.invoked_by)
    return {"Skill": call.command_name, "Comes from": call.command_source, "Started by": started}


def _updates(call: Call) -> list[model.JsonObject]:
    """Our own rule for the session, which says no more than this command; then what Claude Code suggests."""
    rule = session_rule(call, call.tool_input)
    rules = [{"toolName": "Bash", "ruleContent": rule}]
    own: model.JsonObject = {"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"}
    return [*([own] if rule else []), *(one for one in call.permission_suggestions if one != own)]


def _is_plan(call: Call) -> bool:
    plan = call.tool_input.get("plan")
    return call.tool_name == PLAN and isinstance(plan, str) and bool(plan.strip())


def _shown_input(call: Call) -> model.JsonObject:
    # a plan is Markdown, and stands in the body
    return {name: value for name, value in call.tool_input.items() if name != "plan" or not _is_plan(call)}
