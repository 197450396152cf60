"""One plain shape out of a JSON schema's references and unions: what generators write around the types of a field.

The rule: nothing that a schema says of a value is lost on the way. Two rules for the same thing are refused.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any, TypeGuard

from sayso import errors

# Keys that say something about a value, and change nothing about which values are right.
NOTED = {
    "title", "description", "default", "examples", "example", "$schema", "$id", "$anchor", "$comment", "$defs",
    "definitions", "deprecated", "readOnly", "writeOnly", "enumDescriptions", "markdownDescription",
}  # fmt: skip
_UNIONS = ("anyOf", "oneOf", "allOf")
_NULL = "null"
# More indirection than any generator writes; a schema that refers to itself has no end.
_DEEPEST = 16


def resolve(part: Any, root: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], bool]:
    """The shape behind `$ref`, `anyOf [shape, null]` and `["string", "null"]`; and whether null is right, too.

    Raises:
        InvalidRequest: it is not a schema of one type, refers to what is not there, or contradicts itself.
    """
    nullable = False
    for _ in range(_DEEPEST):
        if not is_object(part):
            raise errors.InvalidRequest(f"{path} is not a schema", field=path)
        part, null = _without_null(part)
        nullable = nullable or null
        following = _inner(part, root, path)
        if following is None:
            return part, nullable
        part = following
    raise errors.InvalidRequest(f"{path} refers to itself", field=path)


def titled(shape: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The parts of a union in which each names one value, as MCP and JSON Schema title their enumerations."""
    found = shape.get("oneOf", shape.get("anyOf"))
    if not is_list(found) or not all(is_object(one) and "const" in one for one in found):
        return None
    return found or None


def is_note(key: str) -> bool:
    """Whether a key changes nothing about which values are right: an annotation, or somebody's own."""
    return key in NOTED or key.startswith("x-")


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)


def _without_null(part: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """*part* for the values that are not null, and whether it also takes null."""
    found: dict[str, Any] = dict(part)
    kinds, listed, names = part.get("type"), part.get("enum"), part.get("enumNames")
    if is_list(kinds) and _NULL in kinds and len(kinds) > 1:
        rest = [kind for kind in kinds if kind != _NULL]
        found["type"] = rest[0] if len(rest) == 1 else rest
    if is_list(listed) and None in listed and len(listed) > 1:
        rest_at = [index for index, value in enumerate(listed) if value is not None]
        found["enum"] = [listed[index] for index in rest_at]
        if is_list(names) and len(names) == len(listed):
            found["enumNames"] = [names[index] for index in rest_at]
    for key in ("anyOf", "oneOf"):
        shapes = part.get(key)
        if is_list(shapes):
            found[key] = [shape for shape in shapes if not _is_null(shape)] or shapes
    return found, any(
        len(found[key]) < len(part[key]) for key in ("enum", "anyOf", "oneOf") if is_list(part.get(key))
    ) or (is_list(kinds) and found["type"] != kinds)


def _is_null(shape: Any) -> bool:
    return is_object(shape) and (shape.get("type") == _NULL or ("const" in shape and shape["const"] is None))


def _inner(part: Mapping[str, Any], root: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """What stands one reference or union deeper; None if *part* is plain."""
    kinds = part.get("type")
    if is_list(kinds):
        return {**part, "type": _one_kind(kinds, path)}
    if "$ref" in part:
        return _merge(_follow(str(part["$ref"]), root, path), _without(part, "$ref"), path)
    key = next((key for key in _UNIONS if key in part), None)
    if key is None or (key != "allOf" and titled(part) is not None):
        return None
    shapes: Any = part[key]
    if not is_list(shapes) or not shapes:
        raise errors.InvalidRequest(f"{path}.{key} is not a list", field=f"{path}.{key}")
    rest = _without(part, key)
    if key == "allOf":
        together: Mapping[str, Any] = rest
        for shape in shapes:
            together = _merge(shape, together, path)
        return together
    return _merge(_one_of(shapes, path), rest, path)


def _one_kind(kinds: list[Any], path: str) -> Any:
    if set(map(str, kinds)) == {"integer", "number"}:
        return "number"
    if len(kinds) != 1:
        raise _several(path)
    return kinds[0]


def _one_of(shapes: list[Any], path: str) -> Any:
    """The one shape of a union, or the number that a type of exact decimals or of both kinds of numbers is."""
    if len(shapes) == 1:
        return shapes[0]
    kinds = [shape.get("type") if is_object(shape) else None for shape in shapes]
    if sorted(map(str, kinds)) == ["number", "string"]:
        # how Pydantic writes a Decimal: its text form is taken as well
        number = shapes[kinds.index("number")]
        return {**number, "format": "decimal"}
    if sorted(map(str, kinds)) == ["integer", "number"] and all(shape.keys() == {"type"} for shape in shapes):
        return {"type": "number"}
    raise _several(path)


def _several(path: str) -> errors.InvalidRequest:
    hint = 'one "type", such as "string"; "null" may stand beside it'
    return errors.InvalidRequest(f"{path}: a field has one type", field=path, hint=hint)


def _merge(inner: Any, outer: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Both together: notes of the outer one count, and rules may not contradict each other."""
    if not is_object(inner):
        raise errors.InvalidRequest(f"{path} is not a schema", field=path)
    for key in outer.keys() & inner.keys():
        if not is_note(key) and outer[key] != inner[key]:
            hint = "what a schema refers to, or a part of allOf, says it in another way: leave one of the two out"
            raise errors.InvalidRequest(f"{path}.{key} is said twice, differently", field=f"{path}.{key}", hint=hint)
    return {**inner, **outer}


def _follow(pointer: str, root: Mapping[str, Any], path: str) -> Any:
    found: Any = root
    for step in urllib.parse.unquote(pointer).removeprefix("#/").split("/") if pointer != "#" else ():
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if is_object(found) else None
    if found is None or not pointer.startswith("#"):
        raise errors.InvalidRequest(f"{path}: {pointer} is not in this schema", field=path)
    return found


def _without(part: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != key}
