"""Hooks that are not about a tool call, over loopback: what people see, and the JSON that Claude Code obeys."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sayso import errors, model
from sayso.cards import card
from sayso.desk import channel
from sayso.testing.board import Board
from sayso.testing.clock import ManualClock
from sayso_claude import forms, presence
from tests.adapters import claude_service
from tests.adapters.claude_service import Json, Service
from tests.conftest import until

STEPS: dict[str, Json] = {
    "ConfigChange": {"source": "project_settings", "file_path": "/p/.claude/settings.json"},
    "PermissionDenied": {
        "tool_name": "Bash",
        "tool_input": {"command": "make deploy"},
        "tool_use_id": "toolu_1",
        "reason": "it reaches the network",
    },
    "PreCompact": {"trigger": "manual", "custom_instructions": "keep the plan"},
    "PreModelSwitch": {"from_model": "small", "to_model": "large", "source": "picker", "context_tokens": 9000},
    "Stop": {"stop_hook_active": False, "last_assistant_message": "All **done**."},
    "SubagentStop": {"stop_hook_active": True, "agent_id": "a-1", "agent_type": "Explore"},
    "TaskCompleted": {"task_id": "1", "task_subject": "Deploy"},
    "TaskCreated": {"task_id": "1", "task_subject": "Deploy", "task_description": "to production"},
    "TeammateIdle": {"teammate_name": "bert", "team_name": "t"},
    "UserPromptExpansion": {
        "expansion_type": "slash_command",
        "command_name": "deploy",
        "command_args": "now",
        "prompt": "/deploy now",
    },
    "UserPromptSubmit": {"prompt": "delete it all", "source": "sdk"},
}
GO_ON = {"continue": True}


def step(event: str, **more: Any) -> Json:
    common = {"session_id": "s-1", "transcript_path": "/t", "cwd": "/home/dev/shop", "prompt_id": "p-1"}
    return {**common, "hook_event_name": event, **STEPS.get(event, {}), **more}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(tmp_path: Path, clock: ManualClock) -> AsyncGenerator[Service, None]:
    async with claude_service.serve(tmp_path, now=clock) as running:
        yield running


def test_every_gate_is_tried_here_or_is_about_a_tool_or_a_form() -> None:
    assert set(STEPS) == forms.GATES - forms.TOOLS - {forms.ELICITATION}


async def answered(service: Service, payload: Json, **answer: Any) -> tuple[Json, model.Ticket]:
    waiting = asyncio.create_task(service.post(payload))
    ticket = await service.answer(**answer)
    status, body = await waiting
    assert status == 200
    return body, ticket


SAID = {
    "PermissionDenied": {"hookSpecificOutput": {"hookEventName": "PermissionDenied", "retry": True}},
    "PreModelSwitch": {
        "hookSpecificOutput": {
            "hookEventName": "PreModelSwitch",
            "permissionDecision": "allow",
            "permissionDecisionReason": "The tool call was allowed by test:ann.",
        }
    },
}


@pytest.mark.parametrize("event", sorted(set(STEPS) - {"PreCompact"}))
async def test_an_allowed_step_is_taken(service: Service, event: str) -> None:
    body, _ = await answered(service, step(event), verdict="allow")
    assert body == SAID.get(event, GO_ON)


@pytest.mark.parametrize("event", sorted(set(STEPS) - {"PermissionDenied", "PreModelSwitch"}))
async def test_a_denied_step_is_blocked_with_the_reason(service: Service, event: str) -> None:
    body, _ = await answered(service, step(event), verdict="deny", reason="the tests fail")
    assert (body["decision"], set(body)) == ("block", {"decision", "reason"})
    assert "test:ann" in body["reason"]
    assert body["reason"].endswith("Reason: the tests fail")


async def test_a_denied_switch_and_a_denied_retry_are_spelt_out(service: Service) -> None:
    body, _ = await answered(service, step("PreModelSwitch"), verdict="deny", reason="too dear")
    assert body["hookSpecificOutput"]["hookEventName"] == "PreModelSwitch"
    assert body["hookSpecificOutput"]["permissionDecision"] == "deny"
    waiting = asyncio.create_task(service.post(step("PermissionDenied")))
    await service.answer(count=2, verdict="deny")
    assert await waiting == (200, GO_ON)


@pytest.mark.parametrize("event", sorted(set(STEPS) - {"PermissionDenied", "PreModelSwitch"}))
async def test_without_a_decision_only_what_rests_goes_on(service: Service, clock: ManualClock, event: str) -> None:
    waiting = asyncio.create_task(service.post(step(event), Sayso_Timeout="100"))
    await service.waiting()
    clock.advance(90)
    _, body = await waiting
    assert body == GO_ON if event in forms.ENDS else body["decision"] == "block"


@pytest.mark.parametrize("event", sorted(STEPS))
async def test_a_failure_keeps_every_step_closed_and_lets_an_agent_rest(service: Service, event: str) -> None:
    status, body = await service.post(step(event), Authorization="Bearer nothing")
    assert status == 200
    closed = body.get("decision") == "block" or body.get("hookSpecificOutput", {}).get("permissionDecision") == "deny"
    assert closed != (event in forms.ENDS | {"PermissionDenied"})


@pytest.mark.parametrize(
    ("event", "tool", "input"),
    [
        ("UserPromptSubmit", "UserPromptSubmit", {"prompt": "delete it all"}),
        ("PermissionDenied", "Bash", {"command": "make deploy"}),
        ("TaskCreated", "TaskCreated", {"task_subject": "Deploy", "task_description": "to production"}),
        ("Stop", "Stop", {}),
    ],
)
async def test_people_see_what_would_happen_and_cannot_edit_it(
    service: Service, event: str, tool: str, input: Json
) -> None:
    _, ticket = await answered(service, step(event), verdict="allow")
    request = ticket.request
    assert (request.tool, request.input, request.editable) == (tool, input, False)
    assert request.context["Folder"] == "/home/dev/shop"
    assert (request.source.session, request.metadata["claude"]["prompt_id"]) == ("s-1", "p-1")


async def test_a_card_says_why_a_call_was_refused_and_who_was_sent_back(service: Service) -> None:
    _, refused = await answered(service, step("PermissionDenied"), verdict="deny")
    assert refused.request.context["Refused because"] == "it reaches the network"
    waiting = asyncio.create_task(service.post(step("SubagentStop")))
    sent = await service.answer(count=2, verdict="allow")
    await waiting
    assert "Denied before" in sent.request.context
    assert sent.request.source.agent == "Claude Code (Explore)"


async def test_before_compacting_nothing_is_said_where_it_is_allowed(service: Service) -> None:
    waiting = asyncio.create_task(service.post_raw(step("PreCompact")))
    await service.answer(verdict="allow")
    assert await waiting == (200, b"")


async def test_a_step_that_its_agent_gave_up_is_withdrawn(service: Service, clock: ManualClock) -> None:
    task = asyncio.create_task(service.post(step("Stop")))
    await service.waiting()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await service.missed(clock)
    clock.advance(presence.GRACE)
    assert (await service.decided((await service.asked()).id)).outcome == "cancelled"


async def test_a_step_without_a_session_is_blocked(service: Service) -> None:
    _, body = await service.post({"hook_event_name": "TaskCreated"})
    assert body["decision"] == "block"
    assert "session_id" in body["reason"]


class Teller:
    """A chat that keeps what it is told."""

    def __init__(self, broken: BaseException | None = None) -> None:
        self.told: list[tuple[str, str]] = []
        self.broken = broken

    async def note(self, place: model.Place, session: card.Session, said: card.Says | card.Line) -> None:
        self.told.append((session.id, str(said.text)))
        if self.broken:
            raise self.broken


def notification(**more: Any) -> Json:
    said = {"message": "Claude needs your permission", "notification_type": "permission_prompt", **more}
    return step("Notification", **said)


async def test_a_notification_is_told_in_the_thread_of_its_session(service: Service) -> None:
    teller = Teller()
    service.desk.platforms["web"] = channel.Platform(Board(), teller)
    assert await service.post(notification(title="Claude Code")) == (200, {})
    [(session, said)] = await until(lambda: teller.told)
    assert session == "s-1"
    assert "Claude needs your permission" in said
    assert await service.count() == 0


@pytest.mark.parametrize("broken", [None, RuntimeError("no")])
async def test_a_notification_that_cannot_be_told_is_no_error_to_the_cli(
    service: Service, broken: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    if broken:
        service.desk.platforms["web"] = channel.Platform(Board(), Teller(broken))
    with caplog.at_level("INFO"):
        assert await service.post(notification()) == (200, {})
        await until(lambda: "note not told" in caplog.text)


@pytest.mark.parametrize("payload", [notification(session_id=None, message=None), notification(message="x" * 9000)])
async def test_an_odd_notification_is_no_error_to_the_cli(service: Service, payload: Json) -> None:
    service.desk.platforms["web"] = channel.Platform(Board(), Teller())
    assert await service.post(payload) == (200, {})


async def test_a_notification_under_a_wrong_key_is_not_told_and_no_error(service: Service) -> None:
    teller = Teller()
    service.desk.platforms["web"] = channel.Platform(Board(), teller)
    assert await service.post(notification(), Authorization="Bearer nothing") == (200, {})
    assert teller.told == []


def elicitation(schema: Json | None = None, **more: Any) -> Json:
    asked = {"mcp_server_name": "box", "message": "Where?", "mode": "form", **more}
    return step("Elicitation", **asked, **({"requested_schema": schema} if schema else {}))


REGIONS: Sequence[Json] = [{"const": "eu-1", "title": "Frankfurt"}, {"const": "us-1", "title": "Ohio"}]
RICH = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "title": "Region", "oneOf": REGIONS},
        "zones": {"type": "array", "items": {"anyOf": REGIONS}, "minItems": 1, "maxItems": 2},
        "old": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
        "nodes": {"type": "integer", "minimum": 1, "maximum": 5, "default": 1},
        "load": {"type": "number", "exclusiveMinimum": 0},
        "sure": {"type": "boolean"},
        "mail": {"type": "string", "format": "email"},
        "day": {"type": "string", "format": "date"},
        "name": {"type": "string", "minLength": 2, "maxLength": 5},
    },
    "required": ["region", "nodes"],
}
FILLED = {
    "region": "Frankfurt",
    "zones": ["Ohio"],
    "old": "B",
    "nodes": 2,
    "load": 0.5,
    "sure": False,
    "mail": "ann@example.com",
    "day": "2026-12-31",
    "name": "shop",
}


async def test_a_form_of_a_tool_server_is_filled_in_by_its_own_schema(service: Service) -> None:
    body, ticket = await answered(service, elicitation(RICH), values=FILLED)
    output = body["hookSpecificOutput"]
    assert (output["hookEventName"], output["action"]) == ("Elicitation", "accept")
    assert output["content"] == {**FILLED, "region": "eu-1", "zones": ["us-1"], "old": "b"}
    jsonschema.validate(output["content"], RICH)
    request = ticket.request
    assert (request.kind, request.title, request.verdicts) == ("form", "Where?", ("deny",))
    assert request.context == {"Tool server": "box", "Folder": "/home/dev/shop"}


@pytest.mark.parametrize(
    "wrong",
    [{"region": "Mars"}, {"nodes": 9}, {"nodes": 1.5}, {"mail": "ann"}, {"name": "x"}, {"load": 0}, {"more": 1}],
)
async def test_a_value_that_the_schema_refuses_never_reaches_the_tool_server(service: Service, wrong: Json) -> None:
    waiting = asyncio.create_task(service.post(elicitation(RICH)))
    with pytest.raises(errors.InvalidAnswer):
        await service.answer(values={**FILLED, **wrong})
    await service.answer(verdict="deny")
    _, body = await waiting
    assert body["hookSpecificOutput"] == {"hookEventName": "Elicitation", "action": "decline"}
    assert "declined by test:ann" in body["reason"]


async def test_a_form_that_nobody_answers_is_cancelled(service: Service, clock: ManualClock) -> None:
    waiting = asyncio.create_task(service.post(elicitation(RICH), Sayso_Timeout="100"))
    await service.waiting()
    clock.advance(90)
    _, body = await waiting
    assert body["hookSpecificOutput"] == {"hookEventName": "Elicitation", "action": "cancel"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"deep": {"type": "object", "properties": {}}}},
        {"type": "object", "properties": {f"f{number}": {"type": "boolean"} for number in range(11)}},
        {"type": "object", "properties": {"x": {"type": "string", "format": "ipv6"}}},
        {"type": "array", "properties": {"x": {"type": "string"}}},
    ],
)
async def test_a_form_that_nobody_could_fill_in_is_cancelled_and_people_are_told_why(
    service: Service, schema: Json
) -> None:
    teller = Teller()
    service.desk.platforms["web"] = channel.Platform(Board(), teller)
    _, body = await service.post(elicitation(schema))
    assert body["hookSpecificOutput"] == {"hookEventName": "Elicitation", "action": "cancel"}
    assert "could not ask anybody" in body["reason"]
    [(_, said)] = await until(lambda: teller.told)
    assert "nobody can fill in" in said
    assert await service.count() == 0


@pytest.mark.parametrize(
    ("payload", "input", "content"),
    [
        (elicitation(None, mode="url", url="https://login.example/x"), {"url": "https://login.example/x"}, None),
        (elicitation({"type": "object", "properties": {}}), {}, {}),
    ],
)
async def test_a_link_and_a_form_without_fields_ask_for_consent(
    service: Service, payload: Json, input: Json, content: Json | None
) -> None:
    body, ticket = await answered(service, payload, verdict="allow")
    assert body["hookSpecificOutput"].get("content") == content
    assert body["hookSpecificOutput"]["action"] == "accept"
    assert (ticket.request.input, ticket.request.body, ticket.request.editable) == (input, "Where?", False)


async def test_a_long_question_stands_below_in_full(service: Service) -> None:
    long = "Where? " * 100
    _, ticket = await answered(service, {**elicitation(RICH), "message": long}, verdict="deny")
    assert ticket.request.title == long.strip()[:499] + "…"
    assert ticket.request.body == long.strip()


async def test_an_elicitation_that_cannot_be_read_is_cancelled(service: Service) -> None:
    _, body = await service.post({"hook_event_name": "Elicitation", "session_id": "s-1"})
    assert body["hookSpecificOutput"]["action"] == "cancel"
