"""What can be asked, what cannot, and how a refusal names its field."""

import datetime
import enum
import json
import traceback
from typing import Any

import jsonschema
import pydantic
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from sayso import asking, errors, model
from sayso.asking import gate, runs
from sayso.content import digest, fields, requests
from sayso.desk import Desk
from sayso.stores import memory
from sayso.testing.samples import MINT, actor
from tests.tables import each


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Refund(pydantic.BaseModel):
    amount: float = pydantic.Field(gt=-1, ge=0, le=1000, title="Amount in euros")
    customer: str = pydantic.Field(min_length=2, max_length=40, pattern="^[A-Z]")
    urgent: bool = False
    day: datetime.date | None = None
    size: Size = Size.SMALL
    tags: list[Size] = []


class Order(pydantic.BaseModel):
    amount: float = pydantic.Field(ge=0, le=1000, title="Amount in euros")
    customer: str = pydantic.Field(min_length=2, max_length=40, pattern="^[A-Z]")
    urgent: bool = False
    day: datetime.date | None = None
    size: Size = Size.SMALL
    tags: list[Size] = []


def refused(document: dict[str, Any]) -> errors.InvalidRequest:
    with pytest.raises(errors.InvalidRequest) as found:
        requests.parse(json.dumps(document))
    return found.value


UNASKABLE: list[tuple[dict[str, Any], str]] = [
    ({}, "kind"),
    ({"kind": "approval"}, "kind"),
    ({"kind": "permission"}, "tool"),
    ({"kind": "permission", "tool": ""}, "tool"),
    ({"kind": "permission", "tool": "Bash", "input": []}, "input"),
    ({"kind": "permission", "tool": "Bash", "options": [{"label": "A"}]}, "options"),
    ({"kind": "permission", "tool": "Bash", "grants": ["forever"]}, "grants.0"),
    ({"kind": "question"}, "title"),
    ({"kind": "question", "title": "x" * 501}, "title"),
    ({"kind": "question", "title": "Why?", "tool": "Bash"}, "tool"),
    ({"kind": "question", "title": "Why?", "colour": "red"}, "colour"),
    ({"kind": "question", "title": "Why?", "id": "a b"}, "id"),
    ({"kind": "question", "title": "Why?", "expires_in": "900"}, "expires_in"),
    ({"kind": "question", "title": "Why?", "expires_in": 0}, "expires_in"),
    ({"kind": "question", "title": "Why?", "expires_in": 1e9}, "expires_in"),
    ({"kind": "question", "title": "Why?", "route": ["#ops"]}, "route.0"),
    ({"kind": "question", "title": "Why?", "source": {"agent": 5}}, "source.agent"),
    ({"kind": "choice", "title": "Which?"}, "options"),
    ({"kind": "choice", "title": "Which?", "options": [{"label": "A"}, {"label": "A"}]}, "options"),
    ({"kind": "choice", "title": "Which?", "options": [{"label": "A"}], "multiple": "yes"}, "multiple"),
    ({"kind": "choice", "title": "Which?", "options": [{"label": str(n)} for n in range(101)]}, "options"),
    ({"kind": "form", "title": "Fill"}, "schema"),
    ({"kind": "form", "title": "Fill", "schema": {"type": "array"}}, "schema"),
    ({"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": "object"}}}}, "schema.properties.a"),
    ({"kind": "form", "title": "Fill", "schema": {"properties": {"a": 5}}}, "schema.properties.a"),
    (
        {"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": "string", "not": {}}}}},
        "schema.properties.a.not",
    ),
    (
        {"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": "string", "format": "ipv4"}}}},
        "schema.properties.a.format",
    ),
    (
        {"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": "string", "format": ["email"]}}}},
        "schema.properties.a.format",
    ),
    ({"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": ""}}}}, "schema.properties.a"),
    ({"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"$ref": "#/x"}}}}, "schema.properties.a"),
    ({"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"enum": [[1], 2]}}}}, "schema.properties.a"),
    ({"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": "string", "pattern": "("}}}}, "a"),
    (
        {"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": "string", "pattern": "(?=x)"}}}},
        "a",
    ),
    (
        {"kind": "form", "title": "Fill", "schema": {"properties": {"a": {"type": "string"}}, "required": ["b"]}},
        "schema.required",
    ),
    (
        {
            "kind": "form",
            "title": "Fill",
            "schema": {"properties": {str(n): {"type": "string"} for n in range(11)}},
        },
        "fields",
    ),
    (
        {"kind": "form", "title": "Fill", "fields": [{"name": "a", "label": "A"}, {"name": "a", "label": "B"}]},
        "fields",
    ),
    ({"kind": "form", "title": "Fill", "fields": [{"name": "a", "label": "A", "kind": "choice"}]}, "a"),
    ({"kind": "form", "title": "Fill", "fields": [{"name": "a", "label": "A", "options": [{"label": "x"}]}]}, "a"),
]


def test_what_cannot_be_asked_is_refused_by_the_name_of_its_field() -> None:
    for row in each(UNASKABLE):
        with row as (document, field):
            assert refused(document).field == field


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (lambda given: asking.Permission(tool="Bash", input=given), "input: must be an object"),
        (lambda given: asking.Permission(tool="Bash", input_schema=given), "input_schema: must be an object"),
        (lambda given: asking.Choice("Which?", given), "options: must be a list"),
        (lambda given: asking.Form("Refund", given), "fields: must be a list"),
    ],
)
@pytest.mark.parametrize("wrong", [5, "ab"])
def test_what_a_program_typed_wrong_is_refused_in_our_words(typed: Any, said: str, wrong: object) -> None:
    with pytest.raises(errors.InvalidRequest) as found:
        typed(wrong)
    assert found.value.message == said


def test_an_error_that_nobody_catches_shows_what_to_do() -> None:
    with pytest.raises(errors.InvalidRequest) as found:
        asking.Question("Who?", id="a b")
    shown = traceback.format_exception_only(found.value)
    assert shown[-1] == "→ a letter or digit, then letters, digits or . _ : -, 128 signs at most\n"


def test_a_request_over_one_mebibyte_is_refused() -> None:
    assert refused({"kind": "permission", "tool": "Write", "input": {"text": "x" * 1_100_000}}).field == "request"


def test_what_is_no_json_object_is_refused() -> None:
    for row in each(["not json", "[]", "null", '{"kind": "question", "title": "\\ud800"}', "[" * 100_000]):
        with row as text, pytest.raises(errors.InvalidRequest):
            requests.parse(text)


def test_a_lone_surrogate_deep_in_an_input_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest):
        requests.checked(asking.Permission(tool="Bash", input={"command": ["\ud800"]}))


def test_an_input_that_is_no_json_is_refused() -> None:
    for row in each([float("nan"), float("inf"), object(), {1: 2}, b"bytes"]):
        with row as value:
            with pytest.raises(errors.InvalidRequest) as found:
                requests.checked(asking.Permission(tool="Bash", input={"x": value}))
            assert found.value.field == "input"


def nested(levels: int) -> Any:
    deep: Any = []
    for _ in range(levels):
        deep = [deep]
    return deep


@pytest.mark.parametrize("levels", [101, 300, 100_000])
def test_an_input_that_is_nested_too_deeply_is_refused(levels: int) -> None:
    with pytest.raises(errors.InvalidRequest, match="nested too deeply"):
        requests.checked(asking.Permission(tool="Bash", input={"x": nested(levels)}))


async def test_what_may_be_asked_may_be_decided_however_deep_it_is() -> None:
    asked = asking.Permission(tool="Bash", input={"x": nested(99)})
    store = memory.MemoryStore()
    desk = Desk(store, MINT)
    ticket = await desk.open(asked)
    decided = await desk.answer(ticket.id, model.Answer(verdict="allow"), actor())
    assert decided.decision is not None
    assert await gate.use_allowed(desk, "Bash", decided.decision) == asked.input
    await store.close()


def test_a_constructor_names_the_wrong_key_too() -> None:
    with pytest.raises(errors.InvalidRequest) as found:
        asking.Question("Why?", expires_in=-1)
    assert found.value.field == "expires_in"


def test_a_pydantic_model_becomes_fields_and_comes_back_as_its_instance() -> None:
    request = asking.Form("Refund", Order)
    kinds = {field.name: (field.kind, field.required) for field in fields.of_request(requests.checked(request))}
    assert kinds == {
        "amount": ("number", True),
        "customer": ("text", True),
        "urgent": ("boolean", False),
        "day": ("date", False),
        "size": ("choice", False),
        "tags": ("choice", False),
    }
    given = {"amount": "10.5", "customer": "Acme", "day": "2026-02-28", "tags": ["small"], "urgent": "yes"}
    values = fields.check(fields.of_request(request), given)
    assert values == {"amount": 10.5, "customer": "Acme", "day": "2026-02-28", "tags": ["small"], "urgent": True}
    decision = model.Decision.model_construct(values=values, outcome="answered")
    assert requests.with_value(request, decision).value == Order(
        amount=10.5, customer="Acme", day=datetime.date(2026, 2, 28), tags=[Size.SMALL], urgent=True
    )


BREAKING: list[tuple[dict[str, Any], str]] = [
    ({"amount": -1, "customer": "Acme"}, "amount"),
    ({"amount": 1001, "customer": "Acme"}, "amount"),
    ({"amount": True, "customer": "Acme"}, "amount"),
    ({"amount": float("nan"), "customer": "Acme"}, "amount"),
    ({"amount": 1, "customer": "A"}, "customer"),
    ({"amount": 1, "customer": "acme"}, "customer"),
    ({"amount": 1, "customer": ""}, "customer"),
    ({"amount": 1, "customer": "Acme", "day": "30.2.2026"}, "day"),
    ({"amount": 1, "customer": "Acme", "size": "huge"}, "size"),
    ({"amount": 1, "customer": "Acme", "urgent": "perhaps"}, "urgent"),
    ({"amount": 1, "customer": "Acme", "tags": ["small", "small"]}, "tags"),
    ({"amount": 1, "customer": "Acme", "other": 1}, "other"),
]


def test_a_value_that_breaks_its_rule_names_its_field() -> None:
    for row in each(BREAKING):
        with row as (values, field):
            with pytest.raises(errors.InvalidAnswer) as found:
                fields.check(fields.of_request(asking.Form("Refund", Order)), values)
            assert found.value.field == field


def test_what_was_typed_wrongly_is_said_in_plain_words() -> None:
    rows: list[tuple[Any, str]] = [
        ("number", "a number"),
        ("integer", "a whole number"),
        ("boolean", "yes or no"),
        ("date", "a date"),
    ]
    for row in each(rows):
        with row as (kind, said), pytest.raises(errors.InvalidAnswer, match=f"Age: please .*{said}"):
            fields.check([model.Field(name="a", label="Age", kind=kind)], {"a": "many"})


def test_a_rule_without_a_field_for_it_is_refused_rather_than_ignored() -> None:
    with pytest.raises(errors.InvalidRequest, match="contentEncoding"):
        requests.checked(asking.Form("Key", {"properties": {"key": {"type": "string", "contentEncoding": "base64"}}}))


CHECKED: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"type": "number", "exclusiveMinimum": 0}, [0.01, 5], [0, -1]),
    ({"type": "integer", "exclusiveMaximum": 9, "multipleOf": 4}, [4, 8], [12, 5]),
    ({"type": "string", "format": "date", "pattern": "^2026"}, ["2026-12-31"], ["2025-12-31", "2026"]),
    ({"type": "string", "format": "email"}, ["ann@example.org"], ["ann", "ann@", "a b@example.org"]),
    ({"type": "string", "format": "uri"}, ["https://example.org/x?y"], ["example", "no uri"]),
    ({"type": "string", "format": "date-time"}, ["2026-01-02T03:04:05Z"], ["2026-01-02", "2026-01-02T03:04:05"]),
    ({"enum": [1, 2]}, [1, 2], [3, True]),
    ({"oneOf": [{"const": "eu", "title": "Europe"}, {"const": "us"}]}, ["eu", "us"], ["mars"]),
    ({"enum": ["a", "b"], "enumNames": ["First", "Second"]}, ["a", "b"], ["c"]),
    (
        {"type": "array", "minItems": 2, "maxItems": 2, "items": {"enum": ["a", "b", "c"]}},
        [["a", "b"]],
        [["a"], ["a", "b", "c"], ["a", "a"]],
    ),
    ({"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}}, [["a"]], [["b"]]),
]


def test_what_a_schema_says_of_a_value_is_what_is_checked() -> None:
    for row in each(CHECKED):
        with row as (shape, right, wrong):
            asked = fields.of_request(requests.checked(asking.Form("Fill", {"properties": {"a": shape}})))
            for value in right:
                assert fields.check(asked, {"a": value}) == {"a": value}
                jsonschema.validate(value, shape)
            for value in wrong:
                with pytest.raises(errors.InvalidAnswer):
                    fields.check(asked, {"a": value})


@pytest.mark.parametrize(
    "options",
    [
        [{"const": "No", "title": "Yes"}, {"const": "Yes", "title": "No"}],
        [{"const": 1, "title": "One"}, {"const": 1, "title": "Uno"}],
    ],
)
def test_options_that_could_be_taken_for_each_other_are_refused(options: list[dict[str, Any]]) -> None:
    with pytest.raises(errors.InvalidRequest) as refused_:
        requests.checked(asking.Form("Fill", {"properties": {"a": {"oneOf": options}}}))
    assert refused_.value.field == "a"


def test_a_titled_option_is_chosen_by_its_title_and_comes_as_its_value() -> None:
    shape = {"properties": {"a": {"oneOf": [{"const": 10, "title": "Ten"}, {"const": 20, "title": "Twenty"}]}}}
    asked = fields.of_request(requests.checked(asking.Form("Fill", shape)))
    assert [option.label for option in asked[0].options] == ["Ten", "Twenty"]
    assert fields.check(asked, {"a": "Twenty"}) == {"a": 20}


def test_a_models_own_validators_have_the_last_word() -> None:
    class Even(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def _even(cls, n: int) -> int:
            if n % 2:
                raise ValueError("odd")
            return n

    decision = model.Decision.model_construct(values={"n": 3}, outcome="answered")
    with pytest.raises(errors.InvalidAnswer, match="odd"):
        requests.with_value(asking.Form("Even", Even), decision)


def test_asking_the_same_is_alike_whatever_the_order_of_keys() -> None:
    one = requests.parse('{"kind": "permission", "tool": "T", "input": {"a": 1, "b": 2.0}}')
    two = requests.parse('{"input": {"b": 2, "a": 1}, "tool": "T", "kind": "permission"}')
    assert requests.alike(one, two)
    assert not requests.alike(one, requests.parse('{"kind": "permission", "tool": "T", "input": {"a": 1}}'))


def test_numbers_a_double_cannot_hold_keep_every_digit() -> None:
    big, text = digest.of_call("t", {"id": 2**64 + 1}), digest.of_call("t", {"id": str(2**64 + 1)})
    assert len({big, text, digest.of_call("t", {"id": 2**64 + 2}), digest.of_call("t", {"id": float(2**64)})}) == 4
    assert digest.of_call("t", {"n": 1}) == digest.of_call("t", {"n": 1.0})
    assert digest.canonical({"z": 1, "a": "é"}) == '{"a":"é","z":1}'.encode()


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, JSON, max_size=5))
@example({"a": [1e-4, 9.9e-5, 1e15, 999999999999999.9, 1e16, 1e21, 5e-324, -0.0, 2.0**53, 2.0**53 - 1, 0.1, 100.0]})
@example({"\ue000": 1, "\U0001f600": 2, "é": 3, "": 4, "\ud7ff": 5})
def test_canonical_bytes_are_those_of_rfc_8785(value: dict[str, Any]) -> None:
    assert digest.canonical(value) == rfc8785.dumps(value)


ALIKE: list[tuple[str, str]] = [
    ("drop table", "drop  table"),
    ("drop table", "drop\u00a0table"),
    ("Allow", "Allow "),
    ("rm", "ｒｍ"),
    ("config", "con\ufb01g"),
    ("copy", "сору"),
    ("it's", "it’s"),
    ("a-b", "a–b"),
    ("yes", "y\u200bes"),
    ("10 k\u03a9", "10 k\u2126"),
    ("cafe\u0301", "caf\u00e9"),
]


def test_options_that_look_alike_are_refused_like_options_that_are_alike() -> None:
    for row in each(ALIKE):
        with row as (one, other):
            with pytest.raises(errors.InvalidRequest, match="look alike") as found:
                requests.checked(asking.Choice("Which?", [one, other]))
            assert found.value.field == "options"
            with pytest.raises(errors.InvalidRequest, match="look alike") as found:
                requests.checked(asking.Form("F", {"properties": {"x": {"enum": [one, other]}}}))
            assert found.value.field == "x"


def test_options_that_can_be_told_apart_are_asked() -> None:
    requests.checked(asking.Choice("Which?", ["prod", "Prod", "prod-1", "prod 1", "prod1", "про", "né", "ne"]))


def test_a_key_that_a_pause_cannot_have_is_refused_with_the_one_that_was_meant() -> None:
    for name, hint in (("polcy", "did you mean 'policy'?"), ("offers", "known here: attachments, "), ("tool", None)):
        with pytest.raises(errors.InvalidRequest) as refused:
            runs.refuse({"policy": "x", name: "x"}, "an approval", "offers")
        assert (refused.value.message, refused.value.field) == (f"an approval takes no {name}", name)
        assert str(refused.value.hint).startswith(hint or "")
    with pytest.raises(errors.InvalidRequest, match="expires_in: must be a number"):
        runs.refuse({"expires_in": "15m"}, "an approval")
    runs.refuse({"policy": "x", "expires_in": 60}, "an approval", "offers")
