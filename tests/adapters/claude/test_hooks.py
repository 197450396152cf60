"""Hook calls become requests and decisions become the JSON that Claude Code obeys; all of it pure."""

import itertools
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from sayso import errors, model
from sayso.content import digest
from sayso_claude import hooks, settings
from tests.adapters.claude_service import call
from tests.tables import each

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
    assert found.source == model.Source(agent="Claude Code (Explore)", session="s-1", project="shop")
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


OWN = {
    "type": "addRules",
    "rules": [{"toolName": "Bash", "ruleContent": "make deploy"}],
    "behavior": "allow",
    "destination": "session",
}
FOLDER = {"type": "addDirectories", "directories": ["/srv"], "destination": "session"}


def test_a_permission_request_offers_our_rule_and_what_claude_code_suggests_each_by_itself() -> None:
    found = hooks.request(parsed("PermissionRequest", permission_suggestions=[FOLDER, OWN]), id=None, expires_in=5)
    assert [(offer.name, offer.kind, offer.effect) for offer in found.offers] == [
        ("s0", "rule", "Bash(make deploy) to what runs without asking · until this session ends"),
        ("s1", "folder", "work in /srv as in its own folder · until this session ends"),
    ]


def test_before_a_tool_nothing_wider_is_offered() -> None:
    assert hooks.request(parsed(), id=None, expires_in=5).offers == ()


UNSAYABLE = [
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
]


def test_a_command_that_a_rule_cannot_say_exactly_has_no_rule_of_ours() -> None:
    for row in each(UNSAYABLE):
        with row as command:
            assert (
                hooks.request(parsed("PermissionRequest", input={"command": command}), id=None, expires_in=5).offers
                == ()
            )


@pytest.mark.parametrize(
    "other",
    [{"tool": "Write", "input": {"command": "x"}}, {"input": {"command": "x", "dangerouslyDisableSandbox": True}}],
)
def test_another_tool_or_a_command_with_powers_has_no_rule_of_ours(other: dict[str, Any]) -> None:
    assert hooks.request(parsed("PermissionRequest", **other), id=None, expires_in=5).offers == ()


def test_an_allowed_call_runs_as_it_is_and_its_input_is_repeated() -> None:
    same = {"command": "make deploy"}
    told = before(permissionDecision="allow", permissionDecisionReason="Told.", updatedInput=same)
    assert hooks.answer(parsed(), decision("allowed", same)) == told


@pytest.mark.parametrize(
    ("tool", "repeated"),
    [("Bash", False), ("Write", False), ("mcp__shop__pay", False), ("ExitPlanMode", True), ("PublishPlugin", True)],
)
def test_a_permission_repeats_its_input_where_a_tool_talks_to_its_user_and_else_a_rule_that_asks_would_drop_it(
    tool: str, repeated: bool
) -> None:
    call = parsed("PermissionRequest", tool, {"a": 1})
    same = {"updatedInput": {"a": 1}} if repeated else {}
    assert hooks.answer(call, decision("allowed", {"a": 1}, tool=tool)) == asked(behavior="allow", **same)


def test_an_edited_call_runs_as_edited_and_the_model_is_told() -> None:
    edited = decision("allowed", {"command": "make test"})
    content = {"permissionDecision": "allow", "permissionDecisionReason": "Told."}
    told = before(**content, updatedInput={"command": "make test"}, additionalContext="Told.")
    assert hooks.answer(parsed(), edited) == told
    permitted = asked(behavior="allow", updatedInput={"command": "make test"})
    assert hooks.answer(parsed("PermissionRequest"), edited) == permitted


@pytest.mark.parametrize(("grant", "granted"), [("s0", OWN), ("s1", FOLDER)])
def test_a_chosen_offer_adds_exactly_what_the_card_showed(grant: str, granted: dict[str, Any]) -> None:
    shown = hooks.request(parsed("PermissionRequest", permission_suggestions=[FOLDER]))
    chosen = decision("allowed", {"command": "make deploy"}, grant=grant)
    # whoever asks about the same call may have come with other suggestions, or with none
    told = hooks.answer(parsed("PermissionRequest"), chosen, shown)
    assert told == asked(behavior="allow", updatedPermissions=[granted])


def test_deny_and_stop_ends_the_turn_and_denies_in_so_many_words() -> None:
    stopped = decision("denied", stop=True)
    denied = before(permissionDecision="deny", permissionDecisionReason="Told.")
    assert hooks.answer(parsed(), stopped) == {**denied, "continue": False, "stopReason": "Told."}
    told = asked(behavior="deny", message="Told.", interrupt=True)
    assert hooks.answer(parsed("PermissionRequest"), stopped) == told


QUESTIONS = {
    "questions": [
        {
            "question": "Which region?",
            "header": "Region",
            "options": [{"label": "eu", "description": "Frankfurt"}, {"label": "us", "description": "Ohio"}],
            "multiSelect": False,
        }
    ]
}


@pytest.mark.parametrize("event", ["PreToolUse", "PermissionRequest"])
def test_the_agents_questions_are_a_choice_and_its_answer_goes_into_the_input(event: str) -> None:
    call = parsed(event, "AskUserQuestion", QUESTIONS)
    found = hooks.request(call)
    assert (found.kind, found.title, found.verdicts) == ("choice", "Which region?", ("deny", "stop"))
    told = hooks.answer(call, decision("answered", choices=("eu",)))["hookSpecificOutput"]
    updated = told.get("updatedInput") or told["decision"]["updatedInput"]
    assert updated == {**QUESTIONS, "answers": {"Which region?": "eu"}}


def test_questions_that_nobody_answered_are_a_denial() -> None:
    told = hooks.answer(parsed(tool="AskUserQuestion", input=QUESTIONS), decision("denied"))
    assert told == before(permissionDecision="deny", permissionDecisionReason="Told.")


def test_a_plan_is_read_as_text_and_cannot_be_edited() -> None:
    call = parsed("PermissionRequest", "ExitPlanMode", {"plan": "1. **Test**", "planFilePath": "/p.md"})
    found = hooks.request(call)
    assert (found.body, found.input, found.editable) == ("1. **Test**", {"planFilePath": "/p.md"}, False)
    allowed = decision("allowed", {"planFilePath": "/p.md"}, tool="ExitPlanMode")
    assert hooks.answer(call, allowed, found) == asked(behavior="allow", updatedInput=call.tool_input)


def test_two_different_plans_are_never_the_same_call() -> None:
    one, other = (parsed("PermissionRequest", "ExitPlanMode", {"plan": plan}) for plan in ("a", "b"))
    assert one.shared_call.id(0) != other.shared_call.id(0)
    assert not other.shared_call.same(hooks.request(one))


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


MISREAD: list[tuple[str, dict[str, Any]]] = [
    ("url", {"url": "127.0.0.1:8700"}),
    ("url", {"url": "http://user:secret@host"}),
    ("url", {"url": "http://host/?key=secret"}),
    ("url", {"url": "http://10.0.0.1", "kind": "http"}),
    ("events", {"events": ["SessionStart"]}),
    ("events", {"events": []}),
    ("timeout", {"timeout": "x"}),
    ("timeout", {"timeout": 19}),
    ("timeout", {"timeout": True}),
    ("timeout", {"timeout": 30.5}),
]


def test_settings_that_claude_code_would_misread_are_refused() -> None:
    for row in each(MISREAD):
        with row as (field, given):
            with pytest.raises(errors.InvalidSettings) as refused:
                settings.settings(**given)
            assert refused.value.field == field


PAGE = (Path(__file__).parents[3] / "docs" / "claude-code.md").read_text(encoding="utf-8")


def test_the_page_has_every_event_and_no_other() -> None:
    gated = PAGE.partition("## What is gated")[2].partition("\nSeveral may be given")[0]
    cells = re.findall(r"^\| (`.*?) \|", gated, re.MULTILINE)[1:]
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(settings.EVENTS)


def test_the_page_has_every_row_once() -> None:
    assert re.findall(r"^\| (K\d+) \|", PAGE, re.MULTILINE) == [f"K{number}" for number in range(1, 25)]


KINDS: list[Literal["command", "http"]] = ["command", "http"]


def test_every_event_has_settings_that_fail_closed_and_only_a_notification_is_not_waited_for() -> None:
    for row in each(itertools.product(settings.EVENTS, KINDS)):
        with row as (event, kind):
            (hook,) = settings.settings(events=[event], kind=kind)["hooks"][event][0]["hooks"]
            told = event == "Notification"
            assert (hook.get("onFailure"), hook.get("async")) == (
                None if told else "block",
                (told and kind == "command") or None,
            )


def test_a_rule_narrows_tool_calls_and_nothing_else() -> None:
    made = settings.settings(events=["PreToolUse"], rule="Bash(git push *)")
    assert made["hooks"]["PreToolUse"][0]["hooks"][0].get("if") == "Bash(git push *)"
    with pytest.raises(errors.InvalidSettings) as refused:
        settings.settings(events=["PreToolUse", "Stop"], rule="Bash")
    assert refused.value.field == "rule"
