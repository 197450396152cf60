"""An edited input against the tool's own schema, at the press on every surface."""

from typing import Any

import pytest

from sayso import asking, errors, model
from sayso.cards import dialog, submission, tokens
from sayso.content import digest, edits, requests
from sayso.testing.samples import MINT, after, opened, said
from tests.counting import work_of
from tests.tables import each

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "multipleOf": 0.01, "maximum": 500},
        "currency": {"enum": ["EUR", "USD"]},
        "count": {"type": "integer"},
        "note": {"anyOf": [{"type": "string", "pattern": "^[a-z]+$"}, {"type": "null"}]},
        "lines": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
    },
    "required": ["amount"],
    "additionalProperties": False,
}


def asked(input: dict[str, Any], schema: dict[str, Any] | None = SCHEMA) -> model.Ticket:
    return opened(requests.checked(asking.Permission(tool="refund", input=input, input_schema=schema)))


def refusal(input: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> errors.InvalidAnswer:
    with pytest.raises(errors.InvalidAnswer) as refused:
        edits.check(schema, input)
    return refused.value


def test_an_edit_that_the_tool_does_not_take_is_refused_with_all_that_is_wrong() -> None:
    for row in each(
        [
            ({"amount": "12"}, {"amount": "please give a number, such as 12.5"}),
            ({"amount": 19.995}, {"amount": "please give a multiple of 0.01"}),
            ({"amount": 501}, {"amount": "please give at most 500"}),
            ({}, {"amount": "it is missing, and the tool needs it"}),
            ({"amount": 1, "count": True}, {"count": "please give a whole number, such as 12"}),
            ({"amount": 1, "currency": "GBP"}, {"currency": 'please give one of "EUR", "USD"'}),
            ({"amount": 1, "note": "B4D"}, {"note": "this has not the form that the tool takes"}),
            ({"amount": 1, "force": True}, {"force": "the tool has no such argument"}),
            ({"amount": 1, "lines": [{}]}, {"lines": "0.sku: it is missing, and the tool needs it"}),
            (
                {"amount": None, "count": 1.5},
                {"amount": "please give a number, such as 12.5", "count": "please give a whole number, such as 12"},
            ),
        ]
    ):
        with row as (edited, complaints):
            with pytest.raises(errors.InvalidAnswer) as refused:
                after(asked({"amount": 10}), said("ann", verdict="allow", input=edited))
            assert (refused.value.field, refused.value.complaints) == ("input", complaints)


def test_an_edit_that_the_tool_takes_is_allowed_as_it_is() -> None:
    for row in each([{"amount": 19.99}, {"amount": 0.1, "note": None}, {"amount": 3, "count": 2.0, "note": "abc"}]):
        with row as edited:
            decision = after(asked({"amount": 10}), said("ann", verdict="allow", input=edited)).decision
            assert decision is not None
            assert decision.input == edited


def test_what_the_agent_asked_for_may_be_allowed_even_where_it_does_not_fit() -> None:
    decision = after(asked({"amount": "ten"}), said("ann", verdict="allow", input={"amount": "ten"})).decision
    assert decision is not None
    assert decision.allowed
    assert decision.input == {"amount": "ten"}


def test_an_edit_is_free_where_the_tool_has_no_schema() -> None:
    decision = after(asked({"x": 1}, None), said("ann", verdict="allow", input={"y": [1]})).decision
    assert decision is not None
    assert decision.input == {"y": [1]}


def test_true_in_place_of_one_is_an_edit() -> None:
    for row in each([(1, True), (0, False), ([1], [True]), ({"a": 1}, {"a": True})]):
        with row as (one, other):
            ticket = after(asked({"x": one}, None), said("ann", verdict="allow", input={"x": other}))
            decision = ticket.decision
            assert decision is not None
            assert decision.input == {"x": other}
            assert "edited input" in decision.model_text
            assert (
                decision.input_digest == digest.of_call("refund", {"x": other}) != digest.of_call("refund", {"x": one})
            )


def test_an_argument_that_the_model_made_up_can_be_taken_away_in_the_window() -> None:
    tool: dict[str, Any] = {
        "properties": {"path": {"type": "string"}, "note": {}, "n": {}},
        "additionalProperties": False,
    }
    ticket = asked({"note": "mine", "path": "/a", "n": 1}, tool)
    pressed = tokens.read(MINT.token(ticket, "edit"))
    room = dialog.WindowLimits(content=2000, inputs=5, typed=2000)
    shown = dialog.of_press(ticket, pressed, MINT, room)
    assert shown is not None
    assert [bool(one.hint and "taken away" in one.hint.text) for one in shown.inputs] == [True, False, True]
    answer = submission.follow(ticket, pressed, {"k0": "", "k1": "/b", "k2": " "}, MINT, room)
    assert isinstance(answer, model.Answer)
    assert answer.input == {"path": "/b"}
    with pytest.raises(errors.InvalidAnswer) as refused:
        submission.follow(ticket, pressed, {"k0": "", "k1": "/b", "k2": "{"}, MINT, room)
    assert refused.value.field == "k2"


def test_the_window_says_what_is_wrong_beside_its_input() -> None:
    ticket = asked({"currency": "EUR", "amount": 10})
    pressed = tokens.read(MINT.token(ticket, "edit"))
    room = dialog.WindowLimits(content=2000, inputs=5, typed=2000)
    with pytest.raises(errors.InvalidAnswer) as refused:
        submission.follow(ticket, pressed, {"k0": "GBP", "k1": "501"}, MINT, room)
    assert refused.value.complaints == {"k0": 'please give one of "EUR", "USD"', "k1": "please give at most 500"}
    assert refused.value.field == "k0"


def test_a_schema_that_no_edit_can_be_checked_against_is_refused_when_it_is_sent() -> None:
    rows: list[dict[str, Any]] = [
        {"type": 5},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"pattern": "(?=x)"}}},
        {"unevaluatedProperties": False},
        {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}},
        {"description": "x" * edits.MAX_SCHEMA_BYTES},
        {"$schema": 5, "properties": []},
    ]
    for row in each(rows):
        with row as schema:
            with pytest.raises(errors.InvalidRequest) as refused:
                requests.checked(asking.Permission(tool="t", input={}, input_schema=schema))
            assert refused.value.field == "input_schema"
            assert edits.editable(schema) == {"editable": False}


@pytest.mark.once
def test_a_schema_that_comes_again_is_not_checked_again_and_a_refused_one_is_refused_again() -> None:
    def schema(number: int) -> dict[str, Any]:
        return {"type": "object", "properties": {f"amount{number}": {"type": "integer", "minimum": number}}}

    first = work_of(lambda: edits.check_schema(schema(0)))
    assert work_of(lambda: edits.check_schema(schema(0))) < first / 10
    for _ in range(2):
        with pytest.raises(errors.InvalidRequest):
            edits.check_schema({"type": "objekt"})


def test_what_is_remembered_of_schemas_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "_REMEMBERED", 3)
    monkeypatch.setattr(edits, "_good", {})
    for number in range(9):
        edits.check_schema({"maximum": number})
    assert len(edits._good) == 3


def test_without_a_schema_or_with_a_good_one_a_call_stays_editable() -> None:
    assert edits.editable(None) == {}
    assert edits.editable(SCHEMA) == {"input_schema": SCHEMA}
    assert edits.editable(["no object"]) == {"editable": False}


def test_only_a_permission_has_a_tool_and_its_schema() -> None:
    rows: list[Any] = ["question", "choice", "form"]
    for row in each(rows):
        with row as kind:
            with pytest.raises(errors.InvalidRequest) as refused:
                requests.checked(model.Request(kind=kind, title="T", input_schema={}))
            assert refused.value.field == "input_schema"


def test_no_reference_is_followed_out_of_the_schema() -> None:
    for row in each(["https://example.com/schema.json", "file:///etc/passwd", "#/$defs/none"]):
        with row as reference:
            schema = {"properties": {"a": {"$ref": reference}}}
            assert "cannot be checked" in refusal({"a": 1}, schema).message


def test_a_schema_that_multiplies_its_own_work_ends_in_a_refusal() -> None:
    twice = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    schema = {"$defs": {**twice, "d40": {"type": "null"}}, "properties": {"a": {"$ref": "#/$defs/d0"}}}
    requests.checked(asking.Permission(tool="t", input={}, input_schema=schema))
    assert "cannot be checked" in refusal({"a": 1}, schema).message


def test_a_pattern_that_would_take_for_ever_elsewhere_is_read_once() -> None:
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}, "patternProperties": {"^(b+)+$": {}}}
    assert refusal({"a": "a" * 100_000 + "!"}, schema).complaints == {"a": "this has not the form that the tool takes"}


def test_the_rules_of_json_schema_hold_for_an_edit() -> None:
    rows: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ({"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False}, {"x-a": 1}, {"y": 1}),
        ({"patternProperties": {"^x-": {"type": "integer"}}}, {"y": "z"}, {"x-a": "1"}),
        ({"additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": "1"}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [1, True, "1"]}, {"a": [{"b": 1}, {"b": 1.0}]}),
        ({"properties": {"a": {"const": 1}}}, {"a": 1}, {"a": True}),
        ({"properties": {"a": {"oneOf": [{"type": "null"}, {"type": "string"}]}}}, {"a": None}, {"a": 1}),
        ({"properties": {"a": {"anyOf": [{"required": ["b"]}, False]}}}, {"a": {"b": 1}}, {"a": {}}),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": None}, {"a": 1}),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "required": ["a"]}, {"a": 1}, {"b": 1}),
        ({"not": {"required": ["b"]}}, {"a": 1}, {"b": 1}),
        ({"minProperties": 1}, {"a": 1}, {}),
    ]
    for row in each(rows):
        with row as (schema, fits, unfit):
            edits.check_schema(schema)
            edits.check(schema, fits)
            said = refusal(unfit, schema)
            assert said.complaints
            assert not any("regex" in one or "^x-" in one for one in said.complaints.values())


def test_what_is_typed_into_an_edit_is_read_to_the_last_digit_or_refused() -> None:
    for row in each(
        [
            ("25,50", "with a point before decimals"),
            ("ten", "not valid JSON; please give it as in 12.5"),
            ("0.12345678901234567890", "more digits than a number keeps"),
            ("NaN", "numbers that JSON has"),
            ('{"a": 1, "a": 2}', "a name stands twice"),
            ("[" * 100_000, "not valid JSON"),
        ]
    ):
        with row as (typed, said):
            ticket = asked({"x": 1, "y": 2}, None)
            pressed = tokens.read(MINT.token(ticket, "edit"))
            room = dialog.WindowLimits(content=2000, inputs=5, typed=2000)
            with pytest.raises(errors.InvalidAnswer, match=said) as refused:
                submission.follow(ticket, pressed, {"k0": typed, "k1": typed}, MINT, room)
            assert set(refused.value.complaints) == {"k0", "k1"}
            kept = submission.follow(ticket, pressed, {"k0": "9007199254740993", "k1": "19.99"}, MINT, room)
            assert isinstance(kept, model.Answer)
            assert kept.input == {"x": 9007199254740993, "y": 19.99}


def test_an_edit_of_more_parts_than_a_press_can_check_is_refused_in_words() -> None:
    schema = {"properties": {"a": {"items": {"type": "integer"}}}}
    edits.check(schema, {"a": list(range(1_000))})
    assert "cannot be checked" in refusal({"a": list(range(100_000))}, schema).message


def test_an_argument_of_many_forms_is_not_told_all_of_them() -> None:
    kinds = ["integer", "boolean", "array", "object"]
    schema = {"properties": {"a": {"anyOf": [{"type": kind} for kind in kinds]}}}
    with pytest.raises(errors.InvalidAnswer) as refused:
        after(asked({"a": 1}, schema), said("ann", verdict="allow", input={"a": "x"}))
    assert "it does not fit any of the forms that the tool takes" in str(refused.value)
