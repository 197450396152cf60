"""A JSON schema becomes the fields that a person fills; what no field can hold, and nobody would check, is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeGuard

import pydantic

from sayso import errors, model

_KINDS: Mapping[str, Literal["text", "boolean", "number", "integer"]] = {
    "string": "text",
    "boolean": "boolean",
    "number": "number",
    "integer": "integer",
}
_NOTED = {"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly"}
_SHARED = _NOTED | {"type", "enum", "enumNames", "const", "anyOf", "oneOf", "$ref", "allOf"}
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_RULES: Mapping[str, set[str]] = {
    "text": {"minLength", "maxLength", "pattern", "format"},
    "number": _BOUNDS,
    "integer": _BOUNDS,
    "boolean": set(),
    "choice": {"minLength", "maxLength"},
    "list": {"items", "minItems", "maxItems", "uniqueItems"},
}
_FORMATS = ("date", "date-time", "email", "uri")


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
    if not _is_list(required) or not all(isinstance(name, str) and name in properties for name in required):
        raise errors.InvalidRequest("required names a property that is not there", field="schema.required")
    needed = frozenset(required)
    return tuple(_field(name, part, name in needed, schema) for name, part in properties.items())


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
            options=options,
            multiple=multiple,
            default=noted.get("default"),
            minimum=shape.get("minimum"),
            maximum=shape.get("maximum"),
            above=shape.get("exclusiveMinimum"),
            below=shape.get("exclusiveMaximum"),
            multiple_of=shape.get("multipleOf"),
            min_length=resolved.get("minItems") if multiple else shape.get("minLength"),
            max_length=resolved.get("maxItems") if multiple else shape.get("maxLength"),
            pattern=shape.get("pattern"),
            format=shape.get("format") if kind == "text" else None,
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
        elif _is_list(found) and _titled(part) is None:
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


def _kind(shape: Mapping[str, Any], where: str) -> tuple[model.FieldKind, tuple[model.Option, ...]]:
    options = _options(shape, where)
    if options is not None:
        return "choice", options
    if shape.get("format") == "date":
        return "date", ()
    kind = _KINDS.get(str(shape.get("type")))
    if kind is None:
        hint = "use string, number, integer, boolean, an enum, or a list of an enum"
        raise errors.InvalidRequest(f"{where}: nobody can fill a {shape.get('type')!r}", field=where, hint=hint)
    return kind, ()


def _options(shape: Mapping[str, Any], where: str) -> tuple[model.Option, ...] | None:
    """The options of an enumeration, plain (`enum`, `const`) or titled (`oneOf`, `anyOf`, `enumNames`)."""
    titled = _titled(shape)
    if titled is not None:
        values, names = [one["const"] for one in titled], [one.get("title", one["const"]) for one in titled]
    else:
        values = shape.get("enum", [shape["const"]] if "const" in shape else None)
        names = shape.get("enumNames", values)
    if values is None:
        return None
    if not _is_list(values) or not _is_list(names) or len(names) != len(values) or None in values:
        raise errors.InvalidRequest(f"{where}: an enumeration is a list, and so are its names", field=where)
    try:
        # a text is its own label; a number keeps its kind beside one
        options = (
            model.Option(label=str(name), value=None if name == value and isinstance(value, str) else value)
            for name, value in zip(names, values, strict=True)
        )
        return tuple(options)
    except pydantic.ValidationError as error:
        raise errors.InvalidRequest(f"{where}: an enumeration lists texts or numbers", field=where) from error


def _titled(shape: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The parts of a union in which each names one value, as MCP and JSON Schema title their enumerations."""
    found = shape.get("oneOf", shape.get("anyOf"))
    if not _is_list(found) or not all(_is_object(one) and "const" in one for one in found):
        return None
    return found or None


def _only(part: Mapping[str, Any], known: set[str], where: str) -> None:
    # A rule that is not checked would let a wrong value through to the agent, so an unknown one is refused.
    for key in part:
        if key not in known:
            raise errors.InvalidRequest(f"{where}.{key} is not supported", field=f"{where}.{key}")
    if part.get("format", "date") not in _FORMATS:
        hint = ", ".join(_FORMATS)
        raise errors.InvalidRequest(f"{where}.format is not supported", field=f"{where}.format", hint=hint)


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
