"""The tools as a client of the official package sees them, and what becomes of requests whose client has gone."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from sayso import model
from sayso.stores import Query
from sayso.testing.clock import ManualClock
from sayso_mcp import settings, standing
from tests.adapters.mcp.scene import ANN, Scene, scene, text
from tests.conftest import until
from tests.tables import each

LS = {"tool": "Bash", "input": {"command": "ls"}}
FORM = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 100}}, "required": ["amount"]}
HURRIED = settings.Settings(patience=0.01)
BOTH = pytest.mark.parametrize("mode", ["legacy", "auto"])


@BOTH
async def test_an_allowed_call_returns_the_input_that_may_run(mode: str) -> None:
    async with scene(mode=mode) as there:
        call = there.calling("ask_permission", **LS)
        ticket = await there.answer(verdict="allow")
        told = await call
    assert ticket.request.tool == "Bash"
    assert (told["outcome"], told["allowed"], told["input"]) == ("allowed", True, {"command": "ls"})
    assert told["request_id"] == ticket.id


async def test_an_edited_input_is_the_one_that_comes_back() -> None:
    async with scene() as there:
        call = there.calling("ask_permission", **LS)
        await there.answer(verdict="allow", input={"command": "ls -l"})
        told = await call
    assert told["input"] == {"command": "ls -l"}
    assert "edited" in told["model_text"]


async def test_a_denial_comes_with_its_reason_and_no_input() -> None:
    async with scene() as there:
        call = there.calling("ask_permission", **LS)
        await there.answer(verdict="deny", reason="not on a Friday")
        told = await call
    assert (told["outcome"], told["allowed"], told["reason"]) == ("denied", False, "not on a Friday")
    assert "input" not in told


async def test_what_a_person_says_comes_back_typed() -> None:
    rows: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ("ask_question", {"title": "Who?"}, {"text": "Acme"}, {"text": "Acme"}),
        ("ask_choice", {"title": "Which?", "options": ["A", "B"]}, {"choice": "B"}, {"choices": ["B"]}),
        (
            "ask_choice",
            {"title": "Which?", "options": [{"label": "A", "description": "first"}, "B"], "multiple": True},
            {"choices": ("A", "B")},
            {"choices": ["A", "B"]},
        ),
        ("ask_choice", {"title": "Which?", "options": ["A"], "other": True}, {"choice": "C"}, {"choices": ["C"]}),
        ("ask_form", {"title": "Refund", "schema": FORM}, {"values": {"amount": 7}}, {"values": {"amount": 7}}),
    ]
    async with scene() as there:
        for row in each(rows):
            with row as (tool, arguments, answer, expected):
                call = there.calling(tool, **arguments)
                await there.answer(**answer)
                told = await call
                assert told["outcome"] == "answered"
                assert {name: told.get(name) for name in ("text", "choices", "values")} == {
                    **dict.fromkeys(("text", "choices", "values")),
                    **expected,
                }


async def test_a_bad_answer_is_refused_to_the_person_and_never_reaches_the_client() -> None:
    async with scene() as there:
        call = there.calling("ask_form", title="Refund", schema=FORM)
        with pytest.raises(Exception, match="100"):
            await there.answer(values={"amount": 1000})
        assert not call.done()
        await there.answer(values={"amount": 100})
        assert (await call)["values"] == {"amount": 100}


async def test_the_text_is_the_same_as_the_data_and_both_fit_the_schema() -> None:
    async with scene(HURRIED) as there:
        answered = await there.call("ask_question", title="Who?")
        listed = {tool.name: tool for tool in (await there.client.list_tools()).tools}
    assert json.loads(text(answered)) == answered.structured_content
    assert listed["ask_question"].output_schema
    jsonschema.validate(answered.structured_content, listed["ask_question"].output_schema)


async def test_every_tool_is_described_and_hides_nothing_from_models() -> None:
    async with scene() as there:
        listed = {tool.name: tool for tool in (await there.client.list_tools()).tools}
    asks = {"ask_permission", "ask_question", "ask_choice", "ask_form", "get_decision"}
    assert set(listed) == {*asks, "permission_prompt"}
    for name in asks:
        tool = listed[name]
        assert "pending" in str(tool.description)
        assert "\n  " not in str(tool.description)
        assert all(one.get("description") for one in tool.input_schema["properties"].values())
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (name == "get_decision")
    assert listed["ask_permission"].input_schema["required"] == ["tool", "input"]
    assert listed["permission_prompt"].output_schema is None


async def test_nobody_decides_in_time_and_the_client_is_told_before_it_gives_up() -> None:
    async with scene(HURRIED) as there:
        told = await there.told("ask_permission", **LS)
        assert (told["outcome"], told["allowed"]) == ("pending", False)
        assert told["request_id"] in told["model_text"]
        ticket = await there.desk.get(told["request_id"])
        assert ticket.state == "pending"
        await there.desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
        decided = await there.told("get_decision", request_id=ticket.id)
    assert (decided["outcome"], decided["input"]) == ("allowed", {"command": "ls"})


async def test_get_decision_waits_again_and_may_be_called_for_ever() -> None:
    async with scene(HURRIED) as there:
        id = (await there.told("ask_question", title="Who?"))["request_id"]
        assert [(await there.told("get_decision", request_id=id))["outcome"] for _ in range(3)] == ["pending"] * 3
    said = [str(one).partition("; expires at ")[0] for one in there.progress]
    assert said == [f"waiting for a person to decide request {id}: waits for an answer"] * 4


async def test_the_same_id_finds_the_same_request_and_other_content_is_refused() -> None:
    async with scene(HURRIED) as there:
        first = await there.told("ask_question", title="Who?", id="who-1")
        again = await there.told("ask_question", title="Who?", id="who-1")
        assert first["request_id"] == again["request_id"] == "who-1"
        other = await there.call("ask_question", title="Which?", id="who-1")
        assert len(await there.desk.store.list(Query())) == 1
    assert other.is_error
    assert "choose another id" in text(other)


async def test_what_cannot_be_asked_is_a_tool_error_that_says_why() -> None:
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("ask_form", {"title": "Refund", "schema": {"type": "array"}}, "schema must be an object"),
        ("ask_choice", {"title": "Which?", "options": []}, "options"),
        ("ask_question", {"title": "Who?", "id": "no spaces"}, "id"),
        ("ask_question", {"title": ""}, "title"),
        ("ask_permission", {"tool": "Bash"}, "input"),
        ("get_decision", {"request_id": "nothing"}, "there is no request nothing; give the request_id that the tool"),
        ("get_decision", {}, "request_id"),
    ]
    async with scene(HURRIED) as there:
        for row in each(rows):
            with row as (tool, arguments, said):
                answered = await there.call(tool, **arguments)
                assert len(await there.desk.store.list(Query())) == 0
                assert answered.is_error
                assert said in text(answered)
                assert "executing tool" not in text(answered)


async def test_an_argument_that_no_tool_reads_is_refused_by_its_name_and_with_the_one_that_was_meant() -> None:
    known = "known here: body, expires_in, id, priority, title"
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("ask_question", {"title": "Who?", "policy": "none"}, f"ask_question has no argument 'policy'; {known}."),
        ("ask_question", {"title": "Who?", "expire_in": 9}, "no argument 'expire_in'; did you mean 'expires_in'? N"),
        ("ask_permission", {**LS, "inputs": {}}, "ask_permission has no argument 'inputs'; did you mean 'input'?"),
        ("ask_choice", {"title": "Which?", "choices": ["A"], "options": ["A"]}, "no argument 'choices'"),
        ("ask_choice", {"title": "Which?", "options": [{"label": "A", "desc": "x"}]}, "options.0.desc: is not known"),
        ("ask_form", {"title": "Refund", "schema": FORM, "fields": []}, "ask_form has no argument 'fields'"),
        (
            "get_decision",
            {"request_id": "r", "wait": 9},
            "get_decision has no argument 'wait'; known here: request_id.",
        ),
        ("ask_question", {"title": "Who?", "x" * 500: 1}, f"no argument '{'x' * 60}'; known here"),
    ]
    async with scene(HURRIED) as there:
        for row in each(rows):
            with row as (tool, arguments, said):
                answered = await there.call(tool, **arguments)
                assert answered.is_error
                assert said in text(answered)
        for tool, arguments in (
            ("ask_choice", {"title": "Which?", "options": [{"label": "A", "x\n\u202e" + "x" * 10_000: 1}]}),
            ("ask_form", {"title": "Refund", "schema": {**FORM, "properties": {"x" * 10_000: {"type": "any"}}}}),
            ("get_decision", {"request_id": "x" * 10_000}),
        ):
            told = text(await there.call(tool, **arguments))
            assert len(told) < 1_100
            assert "\n" not in told
            assert "\u202e" not in told
        assert await there.tickets() == []
        listed = {tool.name: tool.input_schema for tool in (await there.client.list_tools()).tools}
    assert {name for name, shape in listed.items() if shape.get("additionalProperties") is not False} == {
        "permission_prompt"
    }


async def test_what_is_wrong_with_an_argument_is_said_in_our_words_without_its_value() -> None:
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("ask_permission", {"tool": "Bash", "body": "hunter2"}, "input: is missing"),
        ("ask_question", {"title": "Who?", "priority": "hunter2"}, "priority: must be 'low', 'normal' or 'urgent'"),
        ("ask_question", {"title": "Who?", "expires_in": "hunter2"}, "expires_in: must be a number"),
        ("ask_choice", {"title": "Which?", "options": "hunter2"}, "options: must be a list"),
        ("ask_question", {"title": ""}, "title: must have at least 1 character"),
    ]
    async with scene(HURRIED) as there:
        for row in each(rows):
            with row as (tool, arguments, said):
                answered = await there.call(tool, **arguments)
                assert text(answered).endswith(f"{said}. Nobody has allowed or answered anything.")


async def test_a_failure_inside_tells_nothing_from_the_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene() as there:
        monkeypatch.setattr(there.desk, "open", _secret)
        asked = await there.call("ask_question", title="Who?")
        prompted = await there.call("permission_prompt", tool_name="Bash", input={})
    assert asked.is_error
    assert "hunter2" not in text(asked) + text(prompted)
    assert json.loads(text(prompted))["behavior"] == "deny"


async def _secret(request: model.Request) -> model.Ticket:
    raise RuntimeError("password hunter2")


# Who has gone, and who may come back


@BOTH
async def test_a_cancelled_call_withdraws_only_what_nobody_can_come_back_for(mode: str) -> None:
    rows: list[tuple[str, dict[str, Any], str | None]] = [
        ("ask_question", {"title": "Who?"}, "cancelled"),
        ("permission_prompt", {"tool_name": "Bash", "input": {"command": "ls"}}, "cancelled"),
        ("ask_question", {"title": "Who?", "id": "who-1"}, None),
    ]
    async with scene(mode=mode) as there:
        for row in each(rows):
            with row as (tool, arguments, outcome):
                call = asyncio.create_task(there.call(tool, **arguments))
                ticket = await there.asked()
                call.cancel()
                await until(lambda: not there.desk.store.waiting)
                await _settled(there, ticket.id, outcome)


async def test_a_client_that_goes_withdraws_only_what_nobody_can_come_back_for() -> None:
    async with scene(mode="legacy") as there:
        calls = [there.calling("ask_question", title="Who?", **more) for more in ({}, {"id": "who-1"})]
        await until(lambda: there.desk.store.waiting == 2)
    await asyncio.gather(*calls, return_exceptions=True)
    found = {ticket.id: ticket for ticket in await there.desk.store.list(Query())}
    kept = found.pop("who-1")
    (left,) = found.values()
    assert (kept.state, left.decision and left.decision.outcome) == ("pending", "cancelled")


async def test_a_process_that_is_told_to_end_withdraws_what_nobody_can_come_back_for() -> None:
    async with scene() as there:
        calls = [there.calling("ask_question", title="Who?", **more) for more in ({}, {"id": "who-1"})]
        await until(lambda: there.desk.store.waiting == 2)
        await there.tools.leave()
        assert (await calls[0])["outcome"] == "cancelled"
        assert not calls[1].done()
        await there.desk.answer("who-1", model.Answer(text="Acme"), ANN)
        assert (await calls[1])["text"] == "Acme"


async def test_a_pending_request_stays_when_its_next_call_is_cancelled() -> None:
    async with scene(HURRIED) as there:
        id = (await there.told("ask_question", title="Who?"))["request_id"]
    async with scene() as other:
        other.desk.store = there.desk.store
        call = asyncio.create_task(other.call("get_decision", request_id=id))
        await until(lambda: other.desk.store.waiting)
        call.cancel()
        await until(lambda: not other.desk.store.waiting)
        assert (await other.desk.get(id)).state == "pending"


async def _settled(there: Scene, id: str, outcome: str | None) -> None:
    if outcome is None:
        assert (await there.desk.get(id)).state == "pending"
        return
    decision = await there.desk.wait(id)
    assert (decision.outcome, decision.reason) == (outcome, "the agent hung up")


# What is shown


async def test_the_card_says_who_asks_and_where_it_came_from() -> None:
    given = settings.Settings(patience=0.01, session="s-1")
    async with scene(given, mode="legacy") as there:
        id = (await there.told("ask_question", title="Who?", body="**Why**", expires_in=60, priority="urgent"))[
            "request_id"
        ]
        ticket = await there.desk.get(id)
    assert (ticket.request.source.agent, ticket.request.source.session) == ("mcp", "s-1")
    assert (ticket.request.body, ticket.request.expires_in, ticket.request.priority) == ("**Why**", 60, "urgent")


async def test_the_policy_and_the_places_are_those_of_the_server() -> None:
    async with scene(settings.Settings(policy="production", route=("slack:#prod",))) as there:
        answered = await there.call("ask_question", title="Who?")
    assert "there is no policy 'production'" in text(answered)


def test_what_is_not_allowed_is_never_told_as_consent() -> None:
    assert standing.while_pending("r-1").allowed is False


# One allow, one run


async def test_an_old_allow_does_not_come_back_as_fresh() -> None:
    async with scene() as there:
        call = there.calling("ask_permission", id="deploy", **LS)
        await there.answer(verdict="allow")
        first = await call
        again = [
            await there.told("ask_permission", id="deploy", **LS),
            await there.told("get_decision", request_id="deploy"),
        ]
        ticket = await there.desk.get("deploy")
    assert (first["allowed"], "used_at" in first) == (True, False)
    assert ticket.used_at is not None
    for told in again:
        assert (told["outcome"], told["allowed"], "input" in told) == ("allowed", False, False)
        assert (told["decided_at"], told["used_at"][:19]) == (
            first["decided_at"],
            f"{ticket.used_at:%Y-%m-%dT%H:%M:%S}",
        )
        assert "was used at" in told["model_text"]
        assert "another id" in told["model_text"]


async def test_an_allow_that_was_not_fetched_in_time_is_void() -> None:
    async with scene(HURRIED) as there:
        clock = ManualClock(datetime.now(UTC))
        there.desk.clock = clock
        await there.told("ask_permission", id="deploy", **LS)
        await there.desk.answer("deploy", model.Answer(verdict="allow"), ANN)
        clock.advance(901)
        told = await there.told("get_decision", request_id="deploy")
    assert (told["outcome"], told["allowed"], "input" in told) == ("allowed", False, False)
    assert "not run in time" in told["model_text"]
    assert "another id" in told["model_text"]


async def test_of_two_calls_at_once_one_gets_the_allow() -> None:
    async with scene() as there:
        calls = [there.calling("ask_permission", id="deploy", **LS) for _ in range(3)]
        await until(lambda: there.desk.store.waiting == 3)
        await there.answer(verdict="allow")
        assert sorted([(await call)["allowed"] for call in calls]) == [False, False, True]


async def test_an_answer_is_neither_allowed_nor_forbidden() -> None:
    rows: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "ask_question": ({"title": "Who?"}, {"text": "Acme"}),
        "ask_choice": ({"title": "Which?", "options": ["A", "B"]}, {"choice": "B"}),
        "ask_form": ({"title": "Refund", "schema": FORM}, {"values": {"amount": 7}}),
    }
    async with scene(HURRIED) as there:
        for row in each(rows):
            with row as tool:
                arguments, answer = rows[tool]
                waiting = await there.told(tool, id=tool, **arguments)
                await there.desk.answer(tool, model.Answer(**answer), ANN)
                told = [await there.told("get_decision", request_id=tool) for _ in range(2)]
                assert (waiting["outcome"], "allowed" in waiting) == ("pending", False)
                assert told[0] == told[1]
                assert (told[0]["outcome"], "allowed" in told[0]) == ("answered", False)


async def test_a_time_that_makes_no_sense_is_refused() -> None:
    rows: list[Any] = [0, -1, "soon"]
    async with scene(HURRIED) as there:
        for row in each(rows):
            with row as seconds:
                answered = await there.call("ask_question", title="Who?", expires_in=seconds)
                assert len(await there.tickets()) == 0
                assert answered.is_error
                assert "expires_in" in text(answered)
        listed = {tool.name: tool for tool in (await there.client.list_tools()).tools}
    shown = listed["ask_question"].input_schema["properties"]["expires_in"]
    assert (shown["type"], shown["exclusiveMinimum"]) == ("number", 0)


async def test_how_long_people_may_take_is_heard() -> None:
    async with scene(HURRIED) as there:
        for id, given in (("q-1", {"expires_in": 60}), ("q-2", {})):
            await there.told("ask_question", title="Who?", id=id, **given)
        first, second = [await there.desk.get(id) for id in ("q-1", "q-2")]
    assert (first.expires_at - first.created_at).total_seconds() == 60
    assert (second.expires_at - second.created_at).total_seconds() == 3600


async def test_a_whole_number_comes_back_as_one() -> None:
    rows: list[Any] = [10, 10.0, "10"]
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}, "rate": {"type": "number"}}}
    async with scene() as there:
        for row in each(rows):
            with row as typed:
                call = there.calling("ask_form", title="Refund", schema=schema)
                await there.answer(values={"amount": typed, "rate": typed})
                told = await call
                assert json.dumps(told["values"]) == '{"amount": 10, "rate": 10}'
