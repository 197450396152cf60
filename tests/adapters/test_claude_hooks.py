"""Hook calls become requests and decisions become the JSON that Claude Code obeys; all of it pure."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sayso import digest, errors, model
from sayso_claude import hooks, settings
from tests.adapters.claude_service import call

AT = datetime(2026, 1, 1, tzinfo=UTC)


def parsed(*args: Any, **kwargs: Any) -> hooks.Call:
    return hooks.parse(json.dumps(call(*args, **kwargs)).encode())


def decision(outcome: str, used: dict[str, Any] | None = None, tool: str = "Bash", **more: Any) -> model.Decision:
    bound = {} if used is None else {"input": used, "input_digest": digest.of_call(tool, used)}
    return model.Decision.model_validate(
        {"outcome": outcome, "digest": "sha256:0", "decided_at": AT, "model_text": "Told.", **bound, **more}
    )


def before(**content: Any) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **content}}


def asked(**content: Any) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": content}}


def test_a_call_is_shown_with_its_tool_input_folder_and_agent() -> None:
    found = hooks.request(parsed(agent_id="a1", agent_type="Explore"), id="x", expires_in=5)
    assert (found.tool, found.input, found.expires_in) == ("Bash", {"command": "make deploy"}, 5)
    assert found.source == model.Source(agent="Claude Code (Explore)", session="s-1")
    assert found.context == {"Folder": "/home/dev/shop", "Permission mode": "default"}
    assert found.grants == ()
    assert found.verdicts == ("stop",)
    assert found.metadata == {
        "claude": {
            "event": "PreToolUse",
            "call": digest.of_call("Bash", {"command": "make deploy"}),
            "tool_use_id": "toolu_1",
            "prompt_id": "p-1",
            "agent_id": "a1",
        }
    }


def test_a_permission_request_shows_the_rule_that_its_session_grant_would_add() -> None:
    found = hooks.request(parsed("PermissionRequest"), id=None, expires_in=5)
    assert found.grants == ("session",)
    assert found.context[hooks.GRANTED] == "the rule Bash(make deploy): not asked again until this session ends"


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf *",
        "git:*",
        "a && b",
        "a; b",
        "a | b",
        "a > b",
        "a $(b)",
        "a\nb",
        " a",
        "",
        "a\u202eb",
        "a (b)",
        "a" * 1001,
    ],
)
def test_a_command_that_a_rule_cannot_say_exactly_has_no_session_grant(command: str) -> None:
    found = hooks.request(parsed("PermissionRequest", input={"command": command}), id=None, expires_in=5)
    assert (found.grants, hooks.GRANTED in found.context) == ((), False)


@pytest.mark.parametrize(
    "other",
    [{"tool": "Write", "input": {"command": "x"}}, {"input": {"command": "x", "dangerouslyDisableSandbox": True}}],
)
def test_another_tool_or_a_command_with_powers_has_no_session_grant(other: dict[str, Any]) -> None:
    assert hooks.request(parsed("PermissionRequest", **other), id=None, expires_in=5).grants == ()


def test_an_allowed_call_runs_as_it_is() -> None:
    told = before(permissionDecision="allow", permissionDecisionReason="Told.")
    assert hooks.answer(parsed(), decision("allowed", {"command": "make deploy"})) == told
    permitted = hooks.answer(parsed("PermissionRequest"), decision("allowed", {"command": "make deploy"}))
    assert permitted == asked(behavior="allow")


def test_an_edited_call_runs_as_edited_and_the_model_is_told() -> None:
    edited = decision("allowed", {"command": "make test"})
    content = {"permissionDecision": "allow", "permissionDecisionReason": "Told."}
    told = before(**content, updatedInput={"command": "make test"}, additionalContext="Told.")
    assert hooks.answer(parsed(), edited) == told
    permitted = asked(behavior="allow", updatedInput={"command": "make test"})
    assert hooks.answer(parsed("PermissionRequest"), edited) == permitted


def test_a_session_grant_adds_exactly_one_rule_to_the_session() -> None:
    granted = decision("allowed", {"command": "make deploy"}, grant="session")
    rule = {"toolName": "Bash", "ruleContent": "make deploy"}
    update = {"type": "addRules", "rules": [rule], "behavior": "allow", "destination": "session"}
    assert hooks.answer(parsed("PermissionRequest"), granted) == asked(behavior="allow", updatedPermissions=[update])


def test_a_session_grant_on_an_edit_that_no_rule_can_say_allows_only_this_call() -> None:
    granted = decision("allowed", {"command": "rm *"}, grant="session")
    told = hooks.answer(parsed("PermissionRequest"), granted)
    assert told == asked(behavior="allow", updatedInput={"command": "rm *"})


@pytest.mark.parametrize("outcome", ["denied", "expired", "cancelled", "superseded", "undeliverable", "answered"])
def test_every_other_outcome_is_a_denial_that_says_why(outcome: str) -> None:
    denied = before(permissionDecision="deny", permissionDecisionReason="Told.")
    assert hooks.answer(parsed(), decision(outcome)) == denied
    assert hooks.answer(parsed("PermissionRequest"), decision(outcome)) == asked(behavior="deny", message="Told.")


def test_an_input_that_nobody_allowed_never_runs() -> None:
    other = decision("allowed", {"command": "a"}).model_copy(update={"input": {"command": "b"}})
    with pytest.raises(errors.DigestMismatch):
        hooks.answer(parsed(), other)


def test_an_allowance_for_another_tool_never_counts() -> None:
    with pytest.raises(errors.DigestMismatch):
        hooks.answer(parsed(), decision("allowed", {"command": "make deploy"}, tool="Read"))


def test_the_same_call_has_the_same_id_and_any_other_call_another() -> None:
    one = hooks.request_id(parsed(), "agent", "k1")
    assert one == hooks.request_id(parsed(), "agent", None)
    others = {
        hooks.request_id(parsed(tool_use_id="toolu_2"), "agent", "k1"),
        hooks.request_id(parsed(session_id="s-2"), "agent", "k1"),
        hooks.request_id(parsed(), "other", "k1"),
        hooks.request_id(parsed("PermissionRequest"), "agent", "k1"),
        hooks.request_id(parsed("PermissionRequest"), "agent", "k2"),
        hooks.request_id(parsed("PermissionRequest"), "agent", None),
    }
    assert len(others | {one}) == 7
    assert None in others


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_hook_call_is_an_error(raw: bytes) -> None:
    with pytest.raises(errors.InvalidRequest):
        hooks.parse(raw)


@pytest.mark.parametrize("key", ["session_id", "tool_name", "tool_input"])
def test_a_call_without_a_key_that_counts_is_an_error_that_names_it(key: str) -> None:
    payload = call()
    del payload[key]
    with pytest.raises(errors.InvalidRequest) as refused:
        hooks.parse(json.dumps(payload).encode())
    assert refused.value.field == key


def test_settings_for_a_command_hook_fail_closed() -> None:
    hook = {
        "type": "command",
        "command": "sayso hook claude-code --timeout 590",
        "timeout": 600,
        "onFailure": "block",
    }
    assert settings.settings() == {"hooks": {"PermissionRequest": [{"matcher": "*", "hooks": [hook]}]}}


def test_settings_for_an_http_hook_hold_no_secret_and_fail_closed() -> None:
    found = settings.settings("https://sayso.example/", events=["PreToolUse"], matcher="Bash", timeout=60, kind="http")
    hook = {
        "type": "http",
        "url": "https://sayso.example/claude/hooks",
        "timeout": 60,
        "onFailure": "block",
        "headers": {"Authorization": "Bearer $SAYSO_KEY", "Sayso-Timeout": "60"},
        "allowedEnvVars": ["SAYSO_KEY"],
    }
    assert found == {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [hook]}]}}


def test_settings_name_another_address_in_the_command() -> None:
    found = settings.settings("http://10.0.0.1:80", timeout=30)["hooks"]["PermissionRequest"][0]["hooks"][0]
    assert found.get("command") == "sayso hook claude-code --timeout 20 --url http://10.0.0.1:80"


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("url", {"url": "127.0.0.1:8700"}),
        ("url", {"url": "http://user:secret@host"}),
        ("url", {"url": "http://host/?key=secret"}),
        ("url", {"url": "http://10.0.0.1", "kind": "http"}),
        ("events", {"events": ["Elicitation"]}),
        ("events", {"events": []}),
        ("timeout", {"timeout": "x"}),
        ("timeout", {"timeout": 19}),
        ("timeout", {"timeout": True}),
        ("timeout", {"timeout": 30.5}),
    ],
)
def test_settings_that_claude_code_would_misread_are_refused(field: str, given: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        settings.settings(**given)
    assert refused.value.field == field
