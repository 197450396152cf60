"""What cannot be digested, read or checked is refused in words, and never taken for what was asked."""

import pydantic
import pytest

from sayso import clock, errors, model
from sayso.asking.hooks import payloads
from sayso.content import binding, digest, edits, requests, schema
from sayso.testing.samples import NOW, opened
from tests.tables import each

ENDLESS: model.JsonObject = {"x" * 50_000 + str(number): 2**60 for number in range(100)}


def test_content_that_has_no_digest_any_more_is_altered_content() -> None:
    ticket = opened()
    binding.check(ticket)
    for input in ({"command": "make test"}, ENDLESS):
        damaged = ticket.request.model_copy(update={"input": input})
        with pytest.raises(errors.Altered):
            binding.check(ticket.model_copy(update={"request": damaged}))


def test_big_integers_under_endless_names_are_refused_before_they_cost_memory() -> None:
    with pytest.raises(errors.InvalidRequest, match="too many integers beyond 2\\^53 under long names"):
        digest.digest(ENDLESS, "input")


def test_a_stored_request_that_is_none_is_refused() -> None:
    assert requests.read(requests.text_of(opened().request)) == opened().request
    with pytest.raises(errors.InvalidRequest):
        requests.read("{}")


def test_a_source_that_says_nothing_is_left_out_however_it_was_read() -> None:
    written = {"kind": "question", "title": "Which one?"}
    for source in ({}, {"agent": None}):
        assert requests.document(model.Request.model_validate({**written, "source": source})) == written
    read = model.Request.model_validate(written)
    assert requests.document(read.model_copy(update={"source": model.Source.model_construct(agent=None)})) == written


def test_a_format_of_numbers_narrows_what_the_schema_says() -> None:
    (field,) = schema.from_schema(
        {"properties": {"a": {"type": "integer", "format": "int32", "minimum": 5, "maximum": 10**12}}}
    )
    assert (field.minimum, field.maximum) == (5, 2**31 - 1)


def test_any_address_may_be_asked_for() -> None:
    class Page(pydantic.BaseModel):
        page: pydantic.AnyUrl

    assert payloads.of(Page).schema["properties"]["page"]["format"] == "uri"


SCHEMA: model.JsonObject = {
    "type": "object",
    "properties": {
        "anything": {
            "uniqueItems": True,
            "patternProperties": {"^n": {"type": "integer"}},
            "additionalProperties": False,
        },
    },
}


def test_a_rule_for_another_type_says_nothing_about_a_value() -> None:
    for row in each(["text", 5, None, ["a", "b"], {"n1": 1}]):
        with row as value:
            edits.check(SCHEMA, {"anything": value})


def test_a_rule_for_this_type_is_checked() -> None:
    for row in each([["a", "a"], {"n1": "x"}, {"x": 1}]):
        with row as value, pytest.raises(errors.InvalidAnswer):
            edits.check(SCHEMA, {"anything": value})


def test_of_very_many_faults_only_some_are_listed() -> None:
    shapes = {f"a{number}": {"type": "string"} for number in range(100)}
    with pytest.raises(errors.InvalidAnswer) as refused:
        edits.check({"type": "object", "properties": shapes}, dict.fromkeys(shapes, 1))
    assert 0 < len(refused.value.complaints) < 100


def test_nothing_of_a_schema_is_kept_that_the_call_itself_does_not_fit() -> None:
    shape: model.JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert edits.of_call(shape, {"a": "x"}) == {"input_schema": shape}
    assert edits.of_call(shape, {"a": 1}) == {}


def test_a_clock_that_is_not_said_is_not_off() -> None:
    assert clock.off(None, NOW) is None
    assert clock.off("yesterday", NOW) is None
    assert clock.off("Thu, 01 Jan 2026 13:00:00 GMT", NOW) == "this machine's clock is 3600 seconds behind"
