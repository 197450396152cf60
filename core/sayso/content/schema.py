"""A JSON schema becomes the fields that a person fills; what no field can hold, and nothing would check, is refused.

An optional part that nobody can fill in is left out, and `left_out` names it: the agent's own default stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import pydantic

from sayso import errors, model
from sayso.content import complaints, field_kinds, unions

_SHARED = {"type", "enum", "enumNames", "const", "anyOf", "oneOf"}
_LIST = {"items", "minItems", "maxItems", "uniqueItems"}
# More than a form asks; what is beyond them is not read only to be left out.
_MOST_PROPERTIES = 100


@dataclass(frozen=True, slots=True)
class _Form:
    """What a schema asks, and which of its optional parts nobody can fill in."""

    fields: tuple[model.Field, ...]
    left_out: tuple[str, ...]


def from_schema(schema: Mapping[str, Any]) -> tuple[model.Field, ...]:
    """The fields of a JSON schema: an object of texts, numbers, yes/no, dates, enumerations and lists of these.

    Raises:
        InvalidRequest: a part that is needed has no field a person could fill; `field` names it.
    """
    return _read(schema).fields


def left_out(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The optional parts that no field can hold, by name; nobody is asked for them. Raises as `from_schema`."""
    return _read(schema).left_out


def _read(schema: Mapping[str, Any]) -> _Form:
    whole, _ = unions.resolve(schema, schema, "schema")
    _refuse_unknown(whole, {"type", "properties", "required", "additionalProperties"}, "schema")
    properties = whole.get("properties")
    if whole.get("type", "object") != "object" or not unions.is_object(properties) or not properties:
        raise errors.InvalidRequest(
            "schema must be an object with properties", field="schema", hint='{"type": "object", "properties": {…}}'
        )
    required = whole.get("required", [])
    if not unions.is_list(required) or not all(isinstance(name, str) and name in properties for name in required):
        hint = f"a list of these: {model.name_of(', '.join(properties))}"
        raise errors.InvalidRequest("required names a property that is not there", field="schema.required", hint=hint)
    if len(properties) > _MOST_PROPERTIES:
        said = f"a form has 1 to {model.MAX_FIELDS} fields, not {len(properties)}"
        raise errors.InvalidRequest(said, field="fields", hint="ask the rest by a form of its own")
    needed = frozenset(required)
    asked: list[model.Field] = []
    refused: dict[str, errors.InvalidRequest] = {}
    for name, part in properties.items():
        try:
            asked.append(_field(name, part, name in needed, schema))
        except errors.InvalidRequest as error:
            if name in needed:
                raise
            refused[name] = error
    if not asked:
        raise next(iter(refused.values()))
    return _Form(tuple(asked), tuple(refused))


def _field(name: str, part: Any, required: bool, root: Mapping[str, Any]) -> model.Field:
    path = f"schema.properties.{name}"
    resolved, nullable = unions.resolve(part, root, path)
    multiple = resolved.get("type") == "array"
    shape = resolved
    if multiple:
        _refuse_unknown(resolved, _LIST | _SHARED, path)
        shape, _ = unions.resolve(resolved.get("items") or {}, root, f"{path}.items")
    kind, options = _kind(shape, path)
    traits = field_kinds.TRAITS[kind]
    if multiple and not traits.listed:
        hint = "ask for a list of names, with an enum of those there are"
        raise errors.InvalidRequest(f"{path}: a list of yes and no cannot be filled in", field=path, hint=hint)
    _refuse_unknown(shape, traits.keywords | _SHARED, path)
    _check_format(shape, kind, path)
    try:
        found = {"name": name, "kind": kind, "options": options, "multiple": multiple}
        needs = {"required": required and not nullable, "nullable": required and nullable}
        return model.Field.model_validate({**found, **needs, **_texts(name, resolved), **_rules(resolved, shape, kind)})
    except pydantic.ValidationError as error:
        key, said = complaints.first(error, name)
        raise errors.InvalidRequest(f"{path}: {key} cannot be used: it {said}", field=path) from error


def _texts(name: str, resolved: Mapping[str, Any]) -> model.JsonObject:
    """What people read beside the input."""
    label = resolved.get("title") or name.replace("_", " ")
    examples = resolved.get("examples")
    example = examples[0] if unions.is_list(examples) and examples else resolved.get("example")
    return {
        "label": _shorten(label, model.MAX_TITLE),
        "description": _shorten(resolved.get("description"), model.MAX_NOTE),
        "default": resolved.get("default"),
        "example": example if isinstance(example, str) and len(example) <= model.MAX_NAME else None,
    }


def _shorten(given: Any, longest: int) -> Any:
    return model.cut(given, longest) if isinstance(given, str) else given


def _rules(resolved: Mapping[str, Any], shape: Mapping[str, Any], kind: model.FieldKind) -> model.JsonObject:
    """What a value must be."""
    items = {"min_items": resolved.get("minItems"), "max_items": resolved.get("maxItems")}
    if kind == "choice":
        return {"min_length": items["min_items"], "max_length": items["max_items"]}
    found: model.JsonObject = {
        **(items if resolved is not shape else {}),
        "unique": resolved.get("uniqueItems") is True,
        "multiple_of": shape.get("multipleOf"),
        "minimum": shape.get("minimum"),
        "maximum": shape.get("maximum"),
        "above": shape.get("exclusiveMinimum"),
        "below": shape.get("exclusiveMaximum"),
        "min_length": shape.get("minLength"),
        "max_length": shape.get("maxLength"),
        "pattern": shape.get("pattern"),
    }
    for rule, bound in field_kinds.TRAITS[kind].formats.get(str(shape.get("format")), {}).items():
        found[rule] = _narrow(rule, found.get(rule), bound)
    return found


def _narrow(rule: str, of_schema: Any, of_format: Any) -> Any:
    """The rule as both the schema and its format have it."""
    if not isinstance(of_schema, int | float):
        return of_format
    return max(of_schema, of_format) if rule == "minimum" else min(of_schema, of_format)


def _kind(shape: Mapping[str, Any], path: str) -> tuple[model.FieldKind, tuple[model.Option, ...]]:
    options = _options(shape, path)
    if options is not None:
        return "choice", options
    kind = field_kinds.of_schema(shape.get("type"), shape.get("format"))
    if kind is None:
        hint = "use string, number, integer, boolean, an enum, or a list of these"
        raise errors.InvalidRequest(f"{path}: no field can hold a {shape.get('type')!r}", field=path, hint=hint)
    return kind, ()


def _options(shape: Mapping[str, Any], path: str) -> tuple[model.Option, ...] | None:
    """The options of an enumeration, plain (`enum`, `const`) or titled (`oneOf`, `anyOf`, `enumNames`)."""
    titled = unions.titled(shape)
    if titled is not None:
        values, names = [one["const"] for one in titled], [one.get("title", one["const"]) for one in titled]
    else:
        values = shape.get("enum", [shape["const"]] if "const" in shape else None)
        names = shape.get("enumNames", values)
    if values is None:
        return None
    if not unions.is_list(values) or not unions.is_list(names) or len(names) != len(values) or None in values:
        raise errors.InvalidRequest(f"{path}: an enumeration is a list, and so are its names", field=path)
    try:
        # a text is its own label; a number keeps its kind beside one
        options = (
            model.Option(label=str(name), value=None if name == value and isinstance(value, str) else value)
            for name, value in zip(names, values, strict=True)
        )
        return tuple(options)
    except errors.InvalidRequest as error:
        raise errors.InvalidRequest(f"{path}: an enumeration lists texts or numbers", field=path) from error


def _refuse_unknown(part: Mapping[str, Any], known: Set[str], path: str) -> None:
    # A rule that is not checked would let a wrong value through to the agent, so an unknown one is refused.
    for key, rule in part.items():
        # any words are text of any kind; JSON or base64 would have to be checked
        is_kind_of_text = key == "contentMediaType" and str(rule).startswith("text/")
        if key not in known and not unions.is_note(key) and not is_kind_of_text:
            hint = "begin a key of your own with x-"
            raise errors.InvalidRequest(f"{path}.{key} is not supported", field=f"{path}.{key}", hint=hint)


def _check_format(shape: Mapping[str, Any], kind: model.FieldKind, path: str) -> None:
    form, known = shape.get("format"), field_kinds.TRAITS[kind].formats
    if "pattern" in known.get(str(form), {}) and shape.get("pattern") is not None:
        raise errors.InvalidRequest(f"{path}.pattern is not supported beside {form}", field=f"{path}.pattern")
    if form is not None and (not isinstance(form, str) or form not in known):
        hint = f"for a {kind}: {', '.join(sorted(known))}"
        if form == "password":
            hint = "what is typed here is shown on the card and kept: pass secrets another way"
        raise errors.InvalidRequest(f"{path}.format is not supported", field=f"{path}.format", hint=hint)
