"""What a person enters for a field, and what the agent gets: the same, or a refusal in our words."""

import datetime
import decimal
import enum
import json
import uuid
from typing import Annotated, Any, Literal

import jsonschema
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso import asking, errors, model
from sayso.asking.hooks import payloads
from sayso.cards import dialog, draw, submission
from sayso.content import fields, numbers, requests, schema
from sayso.testing.samples import MINT, after, opened, said
from tests.tables import each

EXAMPLE = {
    "number": "such as 12.5",
    "integer": "such as 12",
    "date": "such as 2026-12-31",
    "boolean": "yes or no",
}


def read(part: dict[str, Any], typed: Any) -> Any:
    asked = requests.checked(asking.Form("T", {"properties": {"x": part}, "required": ["x"]}))
    return fields.check(fields.of_request(asked), {"x": typed})["x"]


def refused(part: dict[str, Any], typed: Any) -> str:
    with pytest.raises(errors.InvalidAnswer) as found:
        read(part, typed)
    return found.value.message


ODD: list[tuple[Any, str]] = [
    *(("integer", typed) for typed in ("1.000", "1.0", "1,000", "1_000", "1e3", "٣", "½", "0x10", "1 000", "--1")),
    *(("number", typed) for typed in ("25,50", "1_0.5", "٣.٥", "1e", ".", "nan", "inf", "Infinity", "1.2.3")),
    *(("date", typed) for typed in ("0", "86400", "1735689600", "20260201", "01.02.2026", "2026-2-1", "2026-02-30")),
    *(("boolean", typed) for typed in ("perhaps", "2", "ja")),
]


def test_what_is_odd_is_refused_with_an_example() -> None:
    for row in each(ODD):
        with row as (kind, typed):
            with pytest.raises(errors.InvalidAnswer) as found:
                fields.check([model.Field(name="x", label="Amount", kind=kind)], {"x": typed})
            assert found.value.message.startswith("Amount: please ")
            assert EXAMPLE[kind] in found.value.message


def test_a_number_that_is_a_thousand_to_some_and_one_to_others_is_asked_again() -> None:
    for row in each(["1.000", "12.345", "-1.500"]):
        with row as typed:
            plain = typed.replace(".", "")
            assert refused({"type": "number"}, typed) == f"x: please write {plain} or {typed}0, whichever you mean"
            assert read({"type": "number"}, plain) == int(plain)
            assert read({"type": "number"}, typed + "0") == float(typed)


def test_a_comma_is_refused_with_a_word_on_the_point() -> None:
    assert "with a point before decimals" in refused({"type": "number"}, "25,50")
    assert "with a point before decimals" in refused({"type": "number"}, "1,000.5")


NUMBERS: list[tuple[dict[str, Any], Any, str]] = [
    ({"type": "number"}, "19.99", "19.99"),
    ({"type": "number"}, " 12 ", "12"),
    ({"type": "number"}, "0.125", "0.125"),
    ({"type": "number"}, "9007199254740993", "9007199254740993"),
    ({"type": "number"}, "12345678901234567890", "12345678901234567890"),
    ({"type": "number"}, "1e3", "1000"),
    ({"type": "number"}, 10.0, "10"),
    ({"type": "integer"}, 12.0, "12"),
    ({"type": "integer"}, "-0", "0"),
    ({"type": "integer", "format": "int64"}, "9223372036854775807", "9223372036854775807"),
    ({"type": "number", "multipleOf": 0.01}, "19.99", "19.99"),
    ({"type": "number", "multipleOf": 0.1}, "0.3", "0.3"),
    ({"type": "number", "format": "double"}, "0.1", "0.1"),
]


def test_a_number_reaches_the_agent_with_every_digit() -> None:
    for row in each(NUMBERS):
        with row as (part, typed, right):
            assert json.dumps(read(part, typed)) == right


BEYOND: list[tuple[dict[str, Any], Any, str]] = [
    ({"type": "number"}, "0.12345678901234567890", "more digits than a number keeps"),
    ({"type": "number"}, "1e400", "such as 12.5"),
    ({"type": "number"}, True, "such as 12.5"),
    ({"type": "number", "multipleOf": 0.01}, "19.9950", "a multiple of 0.01"),
    ({"type": "integer", "minimum": 9007199254740993}, "9007199254740992", "at least 9007199254740993"),
    ({"type": "integer", "exclusiveMaximum": 2**70}, str(2**70), f"less than {2**70}"),
    ({"type": "integer", "format": "int32"}, "2147483648", "at most 2147483647"),
    ({"type": "integer", "format": "uint8"}, "-1", "at least 0"),
    ({"type": "number", "minimum": 0.1}, "0.09999999999999999", "at least 0.1"),
]


def test_a_number_beyond_its_rules_is_refused_by_the_rule() -> None:
    for row in each(BEYOND):
        with row as (part, typed, said):
            assert said in refused(part, typed)


def test_a_uuid_of_another_version_is_refused() -> None:
    part = {"type": "string", "format": "uuid4"}
    assert "not the form" in refused(part, "123e4567-e89b-12d3-a456-426614174000")
    assert "not the form" in refused(part, "123e4567-e89b-42d3-c456-426614174000")
    with pytest.raises(errors.InvalidRequest, match="pattern"):
        read({**part, "pattern": "^1"}, "123e4567-e89b-42d3-a456-426614174000")


def test_blanks_around_a_text_of_a_form_are_left_out() -> None:
    for row in each(
        [
            ("email", "ann@example.org"),
            ("uri", "https://example.org/x"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
            ("time", "18:30"),
            ("date-time", "2026-12-31T10:00:00Z"),
            ("date", "2026-12-31"),
            ("duration", "PT1H"),
        ]
    ):
        with row as (form, right):
            assert read({"type": "string", "format": form}, f" {right} ") == right


FORMS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"format": "date-time"}, "2026-12-31T10:00:00Z", "5"),
    ({"format": "date-time"}, "2026-12-31 10:00:00.5+01:00", "2026-12-31T10:00:00"),
    ({"format": "date-time"}, "2026-02-28T23:59:59-08:00", "2026-02-30T10:00:00Z"),
    ({"format": "time"}, "18:30", "25:00"),
    ({"format": "time"}, "18:30:15Z", "1830"),
    ({"format": "uuid"}, "123E4567-e89b-12d3-a456-426614174000", "{123e4567-e89b-12d3-a456-426614174000}"),
    ({"format": "uuid4"}, "123e4567-e89b-42d3-a456-426614174000", "123e4567"),
    ({"format": "duration"}, "PT1H30M", "90"),
    ({"format": "duration"}, "P2D", "P"),
    ({"format": "uri"}, "https://example.org/x", "www.example.com/x"),
    ({"format": "email"}, "ann@example.org", "ann"),
    ({"format": "path"}, "/srv", None),
    ({"pattern": "^[A-Z]{2}-[0-9]+$", "examples": ["AB-1"]}, "XY-12", "xy12"),
    ({"minLength": 2, "maxLength": 3}, "abc", "a"),
]


def test_a_text_keeps_its_form_and_a_wrong_one_is_shown_a_right_one() -> None:
    for row in each(FORMS):
        with row as (part, right, wrong):
            assert read({"type": "string", **part}, right) == right
            if wrong is not None:
                said = refused({"type": "string", **part}, wrong)
                assert "such as" in said or "characters" in said
                # neither the library's words nor its patterns
                assert not any(word in said for word in ("Input should", "pattern", "^", "regex", "valid"))


@given(st.integers(-(10**40), 10**40), st.integers(0, 12))
def test_every_decimal_number_comes_back_as_the_same_number_or_is_refused(digits: int, places: int) -> None:
    written = f"{decimal.Decimal(digits).scaleb(-places):f}"
    try:
        value = read({"type": "number"}, written)
    except errors.InvalidAnswer:
        return
    assert numbers.to_decimal(value) == decimal.Decimal(written)


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(0, 6))
def test_multiples_are_counted_in_decimal_arithmetic(times: int, step: int, places: int) -> None:
    by = float(decimal.Decimal(step).scaleb(-places))
    value = decimal.Decimal(step).scaleb(-places) * times
    assert numbers.is_multiple(value, by)
    assert not numbers.is_multiple(value + decimal.Decimal(step).scaleb(-places) / 3, by)


def test_a_form_tells_all_complaints_at_once_by_field() -> None:
    asked = [model.Field(name="a", label="A"), model.Field(name="b", label="B", kind="integer")]
    with pytest.raises(errors.InvalidAnswer) as found:
        fields.check(asked, {"b": "x", "c": 1})
    assert found.value.complaints == {
        "c": "there is no field 'c'",
        "a": "A is required",
        "b": "B: please give a whole number, such as 12",
    }


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


STRICT = pydantic.ConfigDict(strict=True)


def test_what_a_form_takes_is_what_a_strict_model_takes() -> None:
    rows: list[tuple[Any, Any, Any]] = [
        (decimal.Decimal, "19.99", decimal.Decimal("19.99")),
        (decimal.Decimal, "0.123456789012345678901234567890", decimal.Decimal("0.123456789012345678901234567890")),
        (list[str], "one\ntwo, three\n", ["one", "two, three"]),
        (set[Colour], ["red"], {Colour.RED}),
        (frozenset[int], "1\n2", frozenset({1, 2})),
        (uuid.UUID, "123e4567-e89b-12d3-a456-426614174000", uuid.UUID("123e4567-e89b-12d3-a456-426614174000")),
        (datetime.time, "18:30", datetime.time(18, 30)),
        (datetime.date, "2026-01-02", datetime.date(2026, 1, 2)),
        (datetime.timedelta, "PT90M", datetime.timedelta(minutes=90)),
        (pydantic.NaiveDatetime, "2026-01-02T10:00:00", datetime.datetime(2026, 1, 2, 10)),
        (Colour, "red", Colour.RED),
        (Colour | None, None, None),
        (Literal["a", None], None, None),
        (Literal["a", None], "a", "a"),
        (str | None, None, None),
        (list[str] | None, None, None),
        (int | float, "1.5", 1.5),
        (Annotated[str, pydantic.Field(json_schema_extra={"x-widget": "big"})], "a", "a"),
        (Annotated[str, pydantic.Field(description="d" * 3000)], "a", "a"),
        (pydantic.HttpUrl, "https://example.org/x", pydantic.HttpUrl("https://example.org/x")),
    ]
    for row in each(rows):
        with row as (type_, given_, right):
            shape = pydantic.create_model("Shape", __config__=STRICT, x=(type_, ...))
            request = requests.checked(asking.Form("F", shape))
            values = fields.check(fields.of_request(request), {"x": given_})
            decided = model.Decision.model_construct(values=values, outcome="answered")
            assert requests.with_value(request, decided).value == shape.model_construct(x=right)
            payload = payloads.of(shape)
            assert payload.value(decided) == shape.model_construct(x=right)


def test_what_a_model_refuses_is_refused_before_it_is_decided() -> None:
    rows: list[tuple[Any, str]] = [
        (Annotated[decimal.Decimal, pydantic.Field(decimal_places=2)], "1.2345"),
        (Annotated[decimal.Decimal, pydantic.Field(max_digits=4, decimal_places=2)], "100"),
        (Annotated[decimal.Decimal, pydantic.Field(ge=decimal.Decimal("0.1"))], "0.05"),
        (pydantic.NaiveDatetime, "2026-01-02T10:00:00Z"),
        (pydantic.HttpUrl, "ftp://example.org/x"),
        (datetime.datetime, "2026-01-02T10:00:00.1234567Z"),
        (Annotated[list[str], pydantic.Field(min_length=2)], "one"),
        (Annotated[list[Annotated[str, pydantic.Field(max_length=3)]], pydantic.Field()], "four"),
        (Annotated[set[int], pydantic.Field(max_length=1)], "1\n2"),
        (set[int], "1\n1"),
    ]
    for row in each(rows):
        with row as (type_, typed):
            shape = pydantic.create_model("Shape", x=(type_, ...))
            with pytest.raises(errors.InvalidAnswer):
                fields.check(fields.of_request(requests.checked(asking.Form("F", shape))), {"x": typed})


def test_an_optional_part_that_nobody_can_fill_in_is_left_out_with_a_word() -> None:
    class Odd:
        pass

    class Shape(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

        name: str
        tags: dict[str, int] = {}
        call: Odd | None = None

    request = requests.checked(asking.Form("F", Shape))
    assert [field.name for field in fields.of_request(request)] == ["name"]
    assert schema.left_out(request.json_schema or {}) == ("tags", "call")
    shown = draw.card_of(opened(request), MINT).parts
    assert any("Nobody can fill these in here, so they are left out" in repr(part) for part in shown)
    assert any("tags" in repr(part) for part in shown)


def test_a_part_that_is_needed_and_that_nobody_can_fill_in_is_refused_by_its_name() -> None:
    shape = pydantic.create_model("Shape", name=(str, "x"), tags=(dict[str, int], ...))
    with pytest.raises(errors.InvalidRequest) as found:
        requests.checked(asking.Form("F", shape))
    assert found.value.field == "schema.properties.tags"


def test_what_changes_no_value_does_not_cancel_a_form() -> None:
    for row in each(
        [
            ({"type": ["string", "null"]}, "a"),
            ({"type": ["integer", "number"]}, "1"),
            ({"$ref": "#/$defs/a~1b", "minLength": 1}, "a"),
            ({"$ref": "#/$defs/a%7E1b"}, "a"),
            ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, "abc"),
            ({"type": "string", "x-order": 1, "writeOnly": True, "example": "e", "$comment": "c"}, "a"),
            ({"type": "string", "contentMediaType": "text/markdown"}, "a"),
            ({"enum": ["a", None]}, "a"),
            ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}, {"type": "null"}]}, "a"),
        ]
    ):
        with row as (part, fits):
            whole = {"properties": {"x": part}, "$defs": {"a/b": {"type": "string"}}}
            asked = fields.of_request(requests.checked(asking.Form("T", whole)))
            value = fields.check(asked, {"x": fits})["x"]
            jsonschema.validate({"x": value}, whole)


UNHELD: list[Any] = [
    {"$ref": "#/$defs/loop"},
    {"allOf": [{"maxLength": 3}, {"maxLength": 4}], "type": "string"},
    {"type": ["string", "integer"]},
    {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    {"anyOf": []},
    {"type": "string", "format": "password"},
    {"type": "string", "format": "hostname"},
    {"type": "string", "contentEncoding": "base64"},
    {"type": "string", "contentMediaType": "application/json"},
    {"type": "string", "not": {}},
    {"type": "array"},
    {"type": "array", "items": {"type": "boolean"}},
    {"type": "array", "items": {"type": "string"}, "prefixItems": []},
    {"type": "integer", "minimum": 2, "maximum": 1},
    {"const": None},
    True,
]


def test_what_no_field_can_hold_is_refused_rather_than_half_asked() -> None:
    for row in each(UNHELD):
        with row as part:
            whole = {"properties": {"x": part}, "$defs": {"loop": {"$ref": "#/$defs/loop"}}}
            with pytest.raises(errors.InvalidRequest):
                requests.checked(asking.Form("T", whole))


HALF = "x\ud800y"


def test_half_a_character_is_refused_by_the_name_of_its_field() -> None:
    for row in each(
        [
            (asking.Question("q", attachments=[model.Attachment(name="a", text=HALF)]), "attachments"),
            (asking.Permission(tool="t", input={HALF: 1}), "input"),
            (asking.Permission(tool="t", input={"a": [HALF]}), "input"),
            (asking.Permission(tool="t", input_schema={"title": HALF}), "input_schema"),
            (asking.Question("q", metadata={"a": HALF}), "metadata"),
            (asking.Form("q", [model.Field(name="a", label="A", default=HALF)]), "fields"),
            (asking.Form("q", {"properties": {"a": {"type": "string", "x-note": HALF}}}), "schema"),
        ]
    ):
        with row as (request_, field):
            with pytest.raises(errors.InvalidRequest, match="half a character") as found:
                requests.checked(request_)
            assert found.value.field == field


def test_half_a_character_is_no_answer() -> None:
    rows: list[tuple[model.Request, dict[str, Any]]] = [
        (asking.Choice("q", ["a"], other=True), {"choice": HALF}),
        (asking.Choice("q", ["a"], other=True, multiple=True), {"choices": ("a", HALF)}),
        (asking.Form("q", [model.Field(name="a", label="A")]), {"values": {"a": HALF}}),
        (asking.Permission(tool="t", input={"a": 1}), {"verdict": "allow", "input": {"a": HALF}}),
    ]
    for row in each(rows):
        with row as (request_, answer), pytest.raises(errors.InvalidAnswer, match="half a character"):
            after(opened(requests.checked(request_)), said("ann", **answer))


def test_words_of_ones_own_that_look_like_an_option_are_that_option() -> None:
    asked = [model.Field(name="a", label="A", kind="choice", options=(model.Option(label="drop table"),), other=True)]
    assert fields.check(asked, {"a": "drop  table"}) == {"a": "drop table"}
    assert fields.check(asked, {"a": "drop it"}) == {"a": "drop it"}


def test_defaults_of_enumerations_and_lists_are_preselected() -> None:
    class Shape(pydantic.BaseModel):
        colour: Colour = Colour.BLUE
        both: list[Colour] = [Colour.RED, Colour.BLUE]
        names: list[str] = ["one", "two"]
        share: float = 1.125
        size: Literal[1, 2] = 2

    ticket = opened(requests.checked(asking.Form("F", Shape)))
    found = {given_.name: (given_.chosen, given_.value) for given_ in dialog.inputs_of(ticket)}
    assert found == {
        "f0": ((1,), None),
        "f1": ((0, 1), None),
        "f2": ((), "one\ntwo"),
        "f3": ((), "1.1250"),
        "f4": ((1,), None),
    }
    # what is offered is taken as it is
    sent: dialog.Draft = {"f0": [1], "f1": [0, 1], "f2": "one\ntwo", "f3": "1.1250", "f4": [1]}
    values = submission.values_of(ticket, sent)
    assert values == {"colour": "blue", "both": ["red", "blue"], "names": ["one", "two"], "share": 1.125, "size": 2}


def test_a_complaint_about_what_was_typed_is_the_types_own_or_ours() -> None:
    shape = pydantic.create_model("Shape", x=(Annotated[decimal.Decimal, pydantic.Field(max_digits=3)], ...))
    decided = model.Decision.model_construct(values={"x": 12.345}, outcome="answered")
    with pytest.raises(errors.InvalidAnswer) as found:
        payloads.of(shape).value(decided)
    assert found.value.message == "x: this does not fit what the agent needs"


def test_a_label_is_taken_off_a_complaint_only_where_it_was_put_before_it() -> None:
    asked = model.Field(name="f", label="only", kind="number")
    for values, wrong in (({}, "This is required"), ({"f": "x"}, "please give a number")):
        with pytest.raises(errors.InvalidAnswer) as refused:
            fields.check([asked], values)
        assert fields.without_label(asked, refused.value.complaints["f"]).startswith(wrong)
    assert fields.without_label(asked, "only one option may be chosen") == "only one option may be chosen"
