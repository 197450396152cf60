"""Questions, choices and forms are fields; this is the one place that makes fields and checks values for them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeGuard

import pydantic
import pydantic_core

from sayso import errors, model

# One field carries the whole answer of a question or a choice; nobody types this name.
ANSWER = "answer"
# A text answer is never longer than this, so that every surface can show it again.
MAX_TEXT = 40_000

_KINDS: Mapping[str, Literal["text", "boolean", "number", "integer"]] = {
    "string": "text",
    "boolean": "boolean",
    "number": "number",
    "integer": "integer",
}
_NOTED = {"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly"}
_SHARED = _NOTED | {"type", "enum", "const", "anyOf", "oneOf", "$ref", "allOf"}
_RULES: Mapping[str, set[str]] = {
    "text": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum"},
    "integer": {"minimum", "maximum"},
    "boolean": set(),
    "choice": {"minLength", "maxLength"},
    "list": {"items", "minItems", "maxItems", "uniqueItems"},
}


def of_request(request: model.Request) -> tuple[model.Field, ...]:
    """The fields a person fills for this request; none for a permission."""
    label = request.title or "Answer"
    if request.kind == "question":
        return (model.Field(name=ANSWER, label=label),)
    if request.kind == "choice":
        options, multiple, other = request.options, request.multiple, request.other
        return (model.Field(name=ANSWER, label=label, kind="choice", options=options, multiple=multiple, other=other),)
    if request.kind == "form":
        return request.fields or from_schema(request.json_schema or {})
    return ()


def from_schema(schema: Mapping[str, Any]) -> tuple[model.Field, ...]:
    """The fields of a JSON schema: an object of texts, numbers, yes/no, dates and enumerations.

    Raises:
        InvalidRequest: a part of the schema has no field a person could fill; `field` names it.
    """
    known = {"type", "properties", "required", "$defs", "definitions", "additionalProperties"} | _NOTED
    _only(schema, known, "schema")
    properties = schema.get("properties")
    if schema.get("type", "object") != "object" or not _is_object(properties) or not properties:
        raise errors.InvalidRequest(
            "schema must be an object with properties", field="schema", hint='{"type": "object", "properties": {…}}'
        )
    required = schema.get("required", [])
    if not _is_list(required) or not all(name in properties for name in required):
        raise errors.InvalidRequest("required names a property that is not there", field="schema.required")
    return tuple(_field(name, part, name in required, schema) for name, part in properties.items())


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
        if field.kind != "choice" and (labels or field.multiple or field.other):
            raise errors.InvalidRequest(f"{field.label} is no choice and has options", field=field.name)
        _adapter(field)


def _field(name: str, part: Any, required: bool, root: Mapping[str, Any]) -> model.Field:
    where = f"schema.properties.{name}"
    if not _is_object(part):
        raise errors.InvalidRequest(f"{where} is no schema", field=where)
    resolved, optional = _resolve(part, root, where)
    multiple = resolved.get("type") == "array"
    shape = resolved
    if multiple:
        _only(resolved, _RULES["list"] | _SHARED, where)
        shape, _ = _resolve(resolved.get("items") or {}, root, f"{where}.items")
    kind, options = _kind(shape, where)
    if multiple and kind != "choice":
        raise errors.InvalidRequest(f"{where}: a list must be of an enumeration", field=where)
    _only(shape, _RULES[kind if kind != "date" else "text"] | _SHARED, where)
    noted = {**resolved, **part}
    try:
        return model.Field(
            name=name,
            label=noted.get("title") or name.replace("_", " "),
            kind=kind,
            description=noted.get("description"),
            required=required and not optional,
            options=tuple(model.Option(label=str(option)) for option in options),
            multiple=multiple,
            default=noted.get("default"),
            minimum=shape.get("minimum"),
            maximum=shape.get("maximum"),
            min_length=shape.get("minLength"),
            max_length=shape.get("maxLength"),
            pattern=shape.get("pattern"),
        )
    except pydantic.ValidationError as error:
        raise errors.InvalidRequest(f"{where}: {error.errors()[0]['msg']}", field=where) from error


def _resolve(part: Any, root: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], bool]:
    """Follow `$ref` and take the one shape out of `anyOf [shape, null]`; and whether null was among them."""
    optional = False
    for _ in range(8):  # more indirection than any generator writes
        found = next((part[key] for key in ("anyOf", "oneOf", "allOf") if key in part), None)
        if "$ref" in part:
            part = _definition(str(part["$ref"]), root, where)
        elif _is_list(found):
            shapes = [shape for shape in found if shape != {"type": "null"}]
            optional = optional or len(shapes) < len(found)
            if len(shapes) != 1:
                raise errors.InvalidRequest(f"{where}: a field has one type", field=where)
            part = shapes[0]
        else:
            break
        if not _is_object(part):
            raise errors.InvalidRequest(f"{where} is no schema", field=where)
    return part, optional


def _definition(pointer: str, root: Mapping[str, Any], where: str) -> Any:
    found: Any = root
    for step in pointer.removeprefix("#/").split("/"):
        found = found.get(step) if _is_object(found) else None
    if found is None or not pointer.startswith("#/"):
        raise errors.InvalidRequest(f"{where}: {pointer} is not in this schema", field=where)
    return found


def _kind(shape: Mapping[str, Any], where: str) -> tuple[model.FieldKind, list[Any]]:
    options = shape.get("enum", [shape["const"]] if "const" in shape else None)
    if options is not None:
        if not _is_list(options) or not all(isinstance(item, str) for item in options):
            raise errors.InvalidRequest(f"{where}: an enumeration lists texts", field=where)
        return "choice", options
    if shape.get("format") == "date":
        return "date", []
    kind = _KINDS.get(str(shape.get("type")))
    if kind is None:
        hint = "use string, number, integer, boolean, an enum, or a list of an enum"
        raise errors.InvalidRequest(f"{where}: nobody can fill a {shape.get('type')!r}", field=where, hint=hint)
    return kind, []


def _only(part: Mapping[str, Any], known: set[str], where: str) -> None:
    # A rule that is not checked would let a wrong value through to the agent, so an unknown one is refused.
    for key in part:
        if key not in known:
            raise errors.InvalidRequest(f"{where}.{key} is not supported", field=f"{where}.{key}")
    if part.get("format", "date") != "date":
        raise errors.InvalidRequest(f"{where}.format: only date is supported", field=f"{where}.format")


def _value(field: model.Field, value: Any) -> Any:
    try:
        checked = _adapter(field).validate_python(value)
    except pydantic.ValidationError as error:
        raise errors.InvalidAnswer(f"{field.label}: {_plainly(field, error)}", field=field.name) from error
    if field.kind == "choice" and field.multiple and len(set(checked)) != len(checked):
        raise errors.InvalidAnswer(f"{field.label}: the same option twice", field=field.name)
    return checked.isoformat() if isinstance(checked, datetime.date) else checked


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
    longest = min(field.max_length or MAX_TEXT, MAX_TEXT)
    rules = pydantic.StringConstraints(min_length=field.min_length, max_length=longest, pattern=field.pattern)
    return pydantic.TypeAdapter(Annotated[str, rules])


def _number(field: model.Field) -> pydantic.TypeAdapter[Any]:
    rules = pydantic.Field(ge=field.minimum, le=field.maximum, allow_inf_nan=False)
    return pydantic.TypeAdapter(Annotated[float, pydantic.BeforeValidator(_no_boolean), rules])


def _integer(field: model.Field) -> pydantic.TypeAdapter[Any]:
    rules = pydantic.Field(ge=field.minimum, le=field.maximum)
    return pydantic.TypeAdapter(Annotated[int, pydantic.BeforeValidator(_no_boolean), rules])


def _choice(field: model.Field) -> pydantic.TypeAdapter[Any]:
    labels = [option.label for option in field.options]

    def one_of(value: str) -> str:
        if value not in labels and not field.other:
            raise ValueError(f"{value!r} is not one of the options")
        return value

    rules = pydantic.StringConstraints(min_length=1, max_length=MAX_TEXT)
    one = pydantic.AfterValidator(one_of)
    if field.multiple:
        return pydantic.TypeAdapter(Annotated[list[Annotated[str, rules, one]], pydantic.Field(min_length=1)])
    return pydantic.TypeAdapter(Annotated[str, rules, one])


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


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
