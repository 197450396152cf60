"""What Pydantic finds wrong with a value is said in our words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

import pydantic
import pydantic_core
import pytest

from sayso import errors, model
from sayso.content import complaints, requests
from tests.tables import each

Field = pydantic.Field


def _refuse(_: object) -> object:
    raise ValueError("a day of the week, such as mon")


def _refuse_in_own_words(_: object) -> object:
    raise pydantic_core.PydanticCustomError("our_own", "we do not take this one")


SAID: Mapping[str, tuple[Any, object]] = {
    "must be a text": (str, 1),
    "must be a whole number": (int, "x"),
    "must be a number": (float, "x"),
    "must be true or false": (bool, "x"),
    "must be a list": (list[int], "x"),
    "must be an object": (dict[str, int], "x"),
    "must be a date": (date, "x"),
    "must be a date with a time": (datetime, "x"),
    "must be 'a', 'b' or 'c'": (Literal["a", "b", "c"], "x"),
    "must be null": (None, "x"),
    "must have at least 1 character": (Annotated[str, Field(min_length=1)], ""),
    "must have at most 2 characters": (Annotated[str, Field(max_length=2)], "abc"),
    "must have at least 1 item": (Annotated[list[int], Field(min_length=1)], []),
    "must have at most 1 item": (Annotated[list[int], Field(max_length=1)], [1, 2]),
    "must be at least 16": (Annotated[int, Field(ge=16)], 1),
    "must be at most 60,000": (Annotated[int, Field(le=60_000)], 60_001),
    "must be at least 86,400": (Annotated[float, Field(ge=86_400.0)], 1.0),
    "must be at least 2026-01-01": (Annotated[date, Field(ge=date(2026, 1, 1))], date(2025, 1, 1)),
    "must be less than inf": (Annotated[float, Field(lt=float("inf"))], float("inf")),
    "must be more than 0.5": (Annotated[float, Field(gt=0.5)], 0),
    "must be less than 2": (Annotated[int, Field(lt=2)], 2),
    "must be a multiple of 5": (Annotated[int, Field(multiple_of=5)], 2),
    "must be a finite number": (pydantic.FiniteFloat, float("nan")),
    "must name its time zone": (pydantic.AwareDatetime, "2026-11-29T10:00:00"),
    "has not the expected form": (Annotated[str, Field(pattern="^a$")], "x"),
    "a day of the week, such as mon": (Annotated[str, pydantic.BeforeValidator(_refuse)], "x"),
    "we do not take this one": (Annotated[str, pydantic.BeforeValidator(_refuse_in_own_words)], "x"),
}


def test_each_is_said_in_our_words_without_the_value() -> None:
    for row in each(SAID):
        with row as said:
            form, value = SAID[said]
            with pytest.raises(pydantic.ValidationError) as refused:
                pydantic.TypeAdapter(form).validate_python(value)
            assert complaints.first(refused.value, "the whole") == ("the whole", said)


def test_where_it_is_stands_before_it() -> None:
    class Inner(pydantic.BaseModel, extra="forbid"):
        count: int

    form = pydantic.TypeAdapter(list[Inner])
    for value, told in (
        ([{}], ("0.count", "is missing")),
        ([{"count": 1, "cuont": 2}], ("0.cuont", "is not known here")),
        # the one that is missing may be misspelt
        ([{"cuont": 2}], ("0.cuont", "is not known here")),
        ([{}, {"count": 1, "cuont": 2}], ("0.count", "is missing")),
    ):
        with pytest.raises(pydantic.ValidationError) as refused:
            form.validate_python(value)
        assert complaints.first(refused.value, "") == told
    with pytest.raises(pydantic.ValidationError) as refused:
        pydantic.TypeAdapter(int).validate_json("{")
    assert complaints.first(refused.value, "body") == ("body", "is not JSON")


def test_a_name_that_somebody_else_chose_is_shown_on_one_line_and_cut() -> None:
    name = "x\n\u202e" + "x" * 10_000
    option = {"label": "A", name: 1}
    asked = {"kind": "choice", "title": "Which?", "options": [option]}
    with pytest.raises(errors.InvalidRequest) as refused:
        requests.parse(json.dumps(asked))
    assert refused.value.field == f"options.0.x⏎⟦U+202E⟧{'x' * 97}"
    assert len(refused.value.message) < 200


def test_the_names_that_are_known_at_a_place_are_told_and_none_where_that_cannot_be() -> None:
    for where, known in (
        ((), {"schema", "json_schema", "title"}),
        (("source",), {"agent", "session"}),
        (("options", 3), {"label", "description"}),
    ):
        assert known <= complaints.keys_at(model.Request, where)
    assert complaints.keys_at(model.Request, ("input", "x")) == complaints.keys_at(model.Request, ("x",)) == set()


def test_what_cannot_be_asked_is_told_with_what_to_do() -> None:
    form = {"kind": "form", "title": "F"}
    rows: list[tuple[dict[str, Any], str, str]] = [
        ({"kind": "permission", "input": {}}, "a permission names its tool", "the name of what is to run"),
        ({"kind": "question", "title": "?", "multiple": True}, "a question has no multiple", "only a choice has it"),
        (
            {"kind": "question", "title": "?", "id": "a", "supersedes": "a"},
            "a request cannot take its own place",
            "the id of an earlier request, whose place this one takes",
        ),
        (
            form | {"schema": {"properties": {"a": {"type": "string"}}, "required": ["b"]}},
            "required names a property that is not there",
            "a list of these: a",
        ),
        (
            form | {"schema": {"properties": {"a": {"type": ["string", "number"]}}}},
            "schema.properties.a: a field has one type",
            'one "type", such as "string"; "null" may stand beside it',
        ),
        (
            form | {"fields": [{"name": "a", "label": "A", "kind": "text"}] * 2},
            "two fields have the name 'a'",
            "each its own",
        ),
        (
            form | {"fields": [{"name": "a", "label": "A", "kind": "number", "minimum": 2, "maximum": 1}]},
            "A: nothing is between its limits",
            "the least must not be more than the most",
        ),
    ]
    for row in each(rows):
        with row as (asked, said, hint):
            with pytest.raises(errors.InvalidRequest) as refused:
                requests.parse(json.dumps(asked))
            assert (refused.value.message, refused.value.hint) == (said, hint)


def test_a_bound_that_is_no_number_is_named_without_the_kinds_of_numbers_that_there_are() -> None:
    rows: list[tuple[dict[str, Any], str, str]] = [
        (
            {"schema": {"properties": {"a": {"type": "number", "minimum": "x"}}}},
            "schema.properties.a",
            ": minimum cannot be used: it must be a number",
        ),
        (
            {"fields": [{"name": "a", "label": "A", "kind": "number", "above": "x"}]},
            "fields.0.above",
            ": must be a number",
        ),
    ]
    for row in each(rows):
        with row as (asked, field, said):
            with pytest.raises(errors.InvalidRequest) as refused:
                requests.parse(json.dumps({"kind": "form", "title": "F", **asked}))
            assert (refused.value.field, refused.value.message) == (field, f"{field}{said}")
