"""What is wrong with a value, in our words.

The rule: the words of the library that found it never reach people, and the value is not repeated: it may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, get_args

import pydantic
from pydantic_core import core_schema

from sayso.content import text, wording

Found = Mapping[str, Any]
"""One complaint, as the library gives it."""

FORM = "has not the expected form"
"""What is said where nothing more can be."""


def _most(of: str, bound: str, most: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda facts: f"must have {most} {wording.counted(facts[bound], of)}"


def _number(bound: object) -> str:
    """A bound as it is written; a tool's own may be a date."""
    return (f"{bound:,}" if isinstance(bound, int | float) else str(bound)).removesuffix(".0")


_SAID: Mapping[str, str | Callable[[Mapping[str, Any]], str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "none_required": "must be null",
    "literal_error": lambda facts: f"must be {facts['expected']}",
    "enum": lambda facts: f"must be {facts['expected']}",
    "string_too_short": _most("character", "min_length", "at least"),
    "string_too_long": _most("character", "max_length", "at most"),
    "too_short": _most("item", "min_length", "at least"),
    "too_long": _most("item", "max_length", "at most"),
    "greater_than_equal": lambda facts: f"must be at least {_number(facts['ge'])}",
    "less_than_equal": lambda facts: f"must be at most {_number(facts['le'])}",
    "greater_than": lambda facts: f"must be more than {_number(facts['gt'])}",
    "less_than": lambda facts: f"must be less than {_number(facts['lt'])}",
    "multiple_of": lambda facts: f"must be a multiple of {_number(facts['multiple_of'])}",
    "finite_number": "must be a finite number",
    "timezone_aware": "must name its time zone",
    "json_invalid": "is not JSON",
}
# By how the name of the complaint begins: `int_type`, `int_parsing`, `int_from_float` and so on.
_TYPES: Mapping[str, str] = {
    "string": "must be a text",
    "int": "must be a whole number",
    "float": "must be a number",
    "decimal": "must be a number",
    "bool": "must be true or false",
    "list": "must be a list",
    "tuple": "must be a list",
    "set": "must be a list",
    "frozen": "must be a list",
    "dict": "must be an object",
    "model": "must be an object",
    "mapping": "must be an object",
    "dataclass": "must be an object",
    "date": "must be a date",
    "datetime": "must be a date with a time",
    "time": "must be a time",
    "url": "must be an address",
    "uuid": "must be a UUID",
    "bytes": "must be bytes",
}


_LONGEST_NAME, _MOST_NAMES = 100, 20


def first(error: pydantic.ValidationError, whole: str) -> tuple[str, str]:
    """Where the first fault is, or *whole*, and what it is."""
    found = told(error)
    return place(found["loc"]) or whole, said(found)


def place(loc: Sequence[str | int]) -> str:
    """A place by the names on the way to it, on one line: any of them may be whoever wrote the document's own."""
    names = (text.line(str(name)[:_LONGEST_NAME]).text for name in loc[:_MOST_NAMES])
    return ".".join(names)


def told(error: pydantic.ValidationError) -> Found:
    """The fault that is told: the first, or a key that is not known beside one that is missing: it may be the same."""
    found = error.errors(include_url=False, include_input=False)
    first, *others = found
    where = first["loc"][:-1]
    if first["type"] == "missing":
        unknown = (one for one in others if one["type"] == "extra_forbidden" and one["loc"][:-1] == where)
        return next(unknown, first)
    either = next((one for one in others if one["loc"] == (*where, "float")), None)
    if either is None or first["loc"] != (*where, "int"):
        return first
    # of a number of either kind the library names the kind, as if it were a key
    return {**either, "loc": where}


def keys_of(shape: type[pydantic.BaseModel]) -> set[str]:
    """By which names the parts of such a document are called."""
    return {*shape.model_fields, *(field.alias for field in shape.model_fields.values() if field.alias)}


def keys_at(shape: type[pydantic.BaseModel], where: Sequence[str | int]) -> set[str]:
    """The same of what stands at a place within it; none where that cannot be told."""
    for name in where:
        # a place in a list has no name
        if isinstance(name, str):
            held = shape.model_fields.get(name)
            inner = next(_models(held.annotation), None) if held else None
            if inner is None:
                return set()
            shape = inner
    return keys_of(shape)


def _models(annotation: Any) -> Generator[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def said(found: Found) -> str:
    """What is wrong, to be read behind the name of what it is about. A check's own words stay as they are."""
    kind = str(found["type"])
    if kind in ("value_error", "assertion_error") or kind not in get_args(core_schema.ErrorType):
        own = str(found["msg"]).partition(" error, ")[2] if kind.endswith("_error") else str(found["msg"])
        return own or str(found["msg"])
    ours = _SAID.get(kind)
    if callable(ours):
        return ours(found["ctx"])
    form = FORM if kind == "string_pattern_mismatch" else _TYPES.get(kind.partition("_")[0], FORM)
    return ours or form
