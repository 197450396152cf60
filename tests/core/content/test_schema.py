"""A JSON Schema as fields: what can be asked for, and what is refused with the name of the part that cannot."""

import json
from typing import Any

import pytest

from sayso import errors, model
from sayso.content import fields, readers, requests, schema, typed_json, typography
from tests.tables import each


def of(part: Any) -> model.Field:
    """The field that a schema of one argument becomes."""
    (field,) = schema.from_schema({"type": "object", "properties": {"a": part}, "required": ["a"]})
    return field


def refused(part: Any) -> str:
    with pytest.raises(errors.InvalidRequest) as refusal:
        of(part)
    return refusal.value.message


def test_options_without_an_answer_keep_the_names_of_the_others() -> None:
    field = of({"enum": ["a", None, "b"], "enumNames": ["First", "None", "Second"]})
    assert [(one.label, one.value) for one in field.options] == [("First", "a"), ("Second", "b")]
    assert field.nullable


def test_a_list_of_one_type_is_that_type() -> None:
    assert of({"type": ["string"]}).kind == "text"


def test_rules_that_are_said_twice_alike_count_once() -> None:
    shapes = [{"type": "string", "minLength": 1}, {"type": "string", "minLength": 1, "maxLength": 9}]
    field = of({"allOf": shapes})
    assert (field.kind, field.min_length, field.max_length) == ("text", 1, 9)
    assert "said twice" in refused({"allOf": [*shapes, {"type": "string", "minLength": 2}]})


def test_what_is_no_schema_is_refused_by_its_name() -> None:
    assert refused({"allOf": [5]}) == "schema.properties.a is not a schema"
    assert "min_length cannot be used" in refused({"type": "string", "minLength": "x"})


def test_a_form_has_no_more_fields_than_fit() -> None:
    many = {f"a{n}": {"type": "string"} for n in range(10 * model.MAX_FIELDS + 1)}
    with pytest.raises(errors.InvalidRequest, match="fields, not"):
        schema.from_schema({"type": "object", "properties": many})


def test_a_number_has_no_format_of_texts() -> None:
    amount = model.Field(name="a", label="Amount", kind="number", format="email")
    with pytest.raises(errors.InvalidRequest, match="Amount: a number has no format email"):
        fields.check_fields([amount])


def test_a_form_is_asked_by_fields_or_by_a_schema() -> None:
    asked: Any = {"title": "Fill in", "kind": "form", "schema": {"type": "object"}}
    with pytest.raises(errors.InvalidRequest, match="not both"):
        requests.parse(json.dumps({**asked, "fields": [{"name": "a", "label": "A"}]}))


def test_json_that_says_one_name_twice_is_not_guessed_at() -> None:
    assert typed_json.read('{"a": 1, "b": {"a": 2}}') == {"a": 1, "b": {"a": 2}}
    with pytest.raises(readers.Unfit, match="a name stands twice"):
        typed_json.read('{"a": 1, "a": 2}')


def test_signs_that_a_phone_put_in_place_of_plain_ones_are_named_with_what_they_stand_for() -> None:
    signs = typography.find_new({"a": ["x y"]}, {"a": ["x\u00a0y", "\u201cz\u201d"], "b": None})
    assert typography.describe(signs) == (
        'a blank that does not break (U+00A0) for a plain one, \u201c (U+201C) for ", \u201d (U+201D) for "'
    )


OPTIONS = (model.Option(label="one"), model.Option(label="two"))


def test_an_entry_of_another_shape_is_refused_in_words() -> None:
    rows: list[tuple[dict[str, Any], Any, str]] = [
        ({}, 5, "please write some text"),
        ({"kind": "choice", "options": OPTIONS, "multiple": True}, "one", "please give a list of options"),
        ({"kind": "choice", "options": OPTIONS, "other": True}, "x" * (model.MAX_TEXT + 1), "characters, please"),
        ({"multiple": True}, 5, "please give a list, one item a line"),
        ({"multiple": True}, ["x"] * 1_001, "at most 1000 lines, please"),
    ]
    for row in each(rows):
        with row as (field, entered, complaint):
            with pytest.raises(errors.InvalidAnswer, match=complaint):
                fields.check([model.Field(name="f", label="F", **field)], {"f": entered})
            assert fields.check([model.Field(name="f", label="F", multiple=True)], {"f": "one\ntwo"}) == {
                "f": ["one", "two"]
            }
