"""Questions, choices and forms are fields; this is the one place that makes fields and checks values for them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import pydantic
import pydantic_core

from sayso import errors, model, schema

# One field carries the whole answer of a question or a choice; nobody types this name.
ANSWER = "answer"
# A text answer is never longer than this, so that every surface can show it again.
MAX_TEXT = 40_000

# What a browser takes for an address in a form (HTML standard, "valid email address").
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = rf"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*$"


def of_request(request: model.Request) -> tuple[model.Field, ...]:
    """The fields a person fills for this request; none for a permission."""
    label = request.title or "Answer"
    if request.kind == "question":
        return (model.Field(name=ANSWER, label=label),)
    if request.kind == "choice":
        options, multiple, other = request.options, request.multiple, request.other
        return (model.Field(name=ANSWER, label=label, kind="choice", options=options, multiple=multiple, other=other),)
    if request.kind == "form":
        return request.fields or schema.from_schema(request.json_schema or {})
    return ()


def check(fields: Sequence[model.Field], values: Mapping[str, Any]) -> model.JsonObject:
    """The values as the agent gets them.

    Raises:
        InvalidAnswer: a value is missing, unknown, or breaks its field's rules; `field` names it.
    """
    by_name = {field.name: field for field in fields}
    for name in values:
        if name not in by_name:
            raise errors.InvalidAnswer(f"there is no field {name!r}", field=name, hint=f"fields: {', '.join(by_name)}")
    checked: model.JsonObject = {}
    for field in fields:
        value = values.get(field.name)
        if value is None or value == "" or value == []:
            if field.required:
                raise errors.InvalidAnswer(f"{field.label} is required", field=field.name)
            continue
        checked[field.name] = _value(field, value)
    return checked


def check_fields(fields: Sequence[model.Field]) -> None:
    """Refuse fields that nobody could fill.

    Raises:
        InvalidRequest: two fields share a name, a choice has no options or two alike, a pattern is not one.
    """
    names = [field.name for field in fields]
    if not 1 <= len(fields) <= 10:
        raise errors.InvalidRequest(f"a form has 1 to 10 fields, not {len(fields)}", field="fields")
    if len(set(names)) != len(names):
        raise errors.InvalidRequest("two fields have the same name", field="fields")
    for field in fields:
        labels = [option.label for option in field.options]
        if field.kind == "choice" and (not labels or len(set(labels)) != len(labels)):
            message = f"{field.label} needs 1 to 100 options with different labels"
            raise errors.InvalidRequest(message, field="options" if field.name == ANSWER else field.name)
        if _ambiguous(field):
            message = f"{field.label} has an option whose value is another one's label or value"
            raise errors.InvalidRequest(message, field=field.name)
        if field.kind != "choice" and (labels or field.multiple or field.other):
            raise errors.InvalidRequest(f"{field.label} is no choice and has options", field=field.name)
        _adapter(field)


def _ambiguous(field: model.Field) -> bool:
    """Whether a choice could be taken for another one: what a person chose by its label must come as its own value."""
    own = [(option.label, option.label if option.value is None else option.value) for option in field.options]
    values = [(type(value), value) for _, value in own]
    return len(set(values)) < len(values) or any(
        value == label for here, (_, value) in enumerate(own) for there, (label, _) in enumerate(own) if here != there
    )


def _value(field: model.Field, value: Any) -> Any:
    try:
        checked = _adapter(field).validate_python(value)
    except pydantic.ValidationError as error:
        raise errors.InvalidAnswer(f"{field.label}: {_plainly(field, error)}", field=field.name) from error
    if field.kind == "choice" and field.multiple and len(set(checked)) != len(checked):
        raise errors.InvalidAnswer(f"{field.label}: the same option twice", field=field.name)
    if isinstance(checked, datetime.date):
        return checked.isoformat()
    return checked


def _plainly(field: model.Field, error: pydantic.ValidationError) -> str:
    found = error.errors()[0]
    if found["type"] == "value_error":
        return found["msg"].removeprefix("Value error, ")
    # what was typed is not even of the kind; the bounds and the pattern say what they want themselves
    odd = found["type"].endswith(("_parsing", "_type", "_from_float")) and _NEEDED.get(field.kind)
    return odd or found["msg"]


def _adapter(field: model.Field) -> pydantic.TypeAdapter[Any]:
    try:
        return _ADAPTERS[field.kind](field)
    except (pydantic.errors.PydanticUserError, pydantic_core.SchemaError, ValueError, TypeError) as error:
        raise errors.InvalidRequest(f"{field.label}: {error}", field=field.name) from error


def _text(field: model.Field) -> pydantic.TypeAdapter[Any]:
    # pydantic's own pattern engine runs in linear time, so a hostile pattern cannot stop the service
    longest = MAX_TEXT if field.max_length is None else min(field.max_length, MAX_TEXT)
    rules = pydantic.StringConstraints(min_length=field.min_length, max_length=longest, pattern=field.pattern)
    if field.format == "email":
        return pydantic.TypeAdapter(Annotated[str, rules, pydantic.Field(pattern=_EMAIL, max_length=254)])
    if field.format is not None:
        shape = {"uri": pydantic.AnyUrl, "date-time": pydantic.AwareDatetime}[field.format]
        return pydantic.TypeAdapter(Annotated[str, rules, pydantic.AfterValidator(_shaped(shape))])
    return pydantic.TypeAdapter(Annotated[str, rules])


def _shaped(shape: Any) -> Callable[[str], str]:
    adapter = pydantic.TypeAdapter[Any](shape)

    def checked(value: str) -> str:
        adapter.validate_python(value)
        return value

    return checked


def _bounds(field: model.Field) -> Any:
    return pydantic.Field(
        ge=field.minimum, le=field.maximum, gt=field.above, lt=field.below, multiple_of=field.multiple_of
    )


def _number(field: model.Field) -> pydantic.TypeAdapter[Any]:
    finite = pydantic.Field(allow_inf_nan=False)
    return pydantic.TypeAdapter(Annotated[float, pydantic.BeforeValidator(_no_boolean), finite, _bounds(field)])


def _integer(field: model.Field) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(Annotated[int, pydantic.BeforeValidator(_no_boolean), _bounds(field)])


def _choice(field: model.Field) -> pydantic.TypeAdapter[Any]:
    def one_of(value: Any) -> Any:
        for option in field.options:
            given = option.label if option.value is None else option.value
            # 1 and True are equal, and not the same answer
            if value == option.label or (value == given and type(value) is type(given)):
                return given
        if not field.other or not isinstance(value, str):
            raise ValueError(f"{value!r} is not one of the options")
        return text.validate_python(value)

    rules = pydantic.StringConstraints(min_length=1, max_length=MAX_TEXT)
    text = pydantic.TypeAdapter[str](Annotated[str, rules])
    one = pydantic.AfterValidator(one_of)
    if field.multiple:
        several = pydantic.Field(min_length=max(1, field.min_length or 0), max_length=field.max_length)
        return pydantic.TypeAdapter(Annotated[list[Annotated[Any, one]], several])
    return pydantic.TypeAdapter(Annotated[Any, one])


def _no_boolean(value: Any) -> Any:
    # true would become the number 1
    if isinstance(value, bool):
        raise ValueError("a number is needed, not yes or no")
    return value


_NEEDED: Mapping[str, str] = {
    "text": "please write some text",
    "number": "please give a number, such as 12.5",
    "integer": "please give a whole number, such as 12",
    "boolean": "please say yes or no",
    "date": "please give a date, such as 2026-12-31",
}
_ADAPTERS: Mapping[str, Callable[[model.Field], pydantic.TypeAdapter[Any]]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "choice": _choice,
    "boolean": lambda field: pydantic.TypeAdapter(bool),
    "date": lambda field: pydantic.TypeAdapter(datetime.date),
}
