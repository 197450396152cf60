"""The kinds of fields, one entry each: how a value is read, which JSON Schema it comes from, what to type. Pure.

A new kind is a word in `model.FieldKind`, an entry here, and one entry for each surface: `sayso_slack.inputs`,
`sayso_discord.inputs`, `sayso_web.inputs`. A test names the surface that lacks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sayso import model
from sayso.content import readers

_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"})
_LENGTHS = frozenset({"minLength", "maxLength", "pattern", "format"})


@dataclass(frozen=True, slots=True)
class Traits:
    """What is the same for all fields of one kind."""

    read: Callable[[model.Field, Any], Any]
    """One value that a person gave, as the agent gets it. Raises `readers.Unfit`."""
    sample: tuple[str, Any]
    """What somebody could type, and the value that it is."""
    json_type: str | None = None
    """The type of JSON Schema that becomes such a field; a choice comes from an enumeration."""
    json_format: str | None = None
    """The format that sets it apart from other kinds of the same type."""
    keywords: frozenset[str] = frozenset()
    """The rules of JSON Schema that `read` checks."""
    formats: Mapping[str, model.JsonObject] = field(default_factory=dict[str, model.JsonObject])
    """The formats of JSON Schema that it takes, each with what a field of that format has."""
    hint: str = ""
    """How to write it in a line of text, if that is not plain."""
    multiline: bool = False
    """Whether a long value takes several lines."""
    numeric: bool = False
    """Whether its value is a number."""
    listed: bool = True
    """Whether several values can be given."""


def of_schema(json_type: Any, json_format: Any) -> model.FieldKind | None:
    """The kind of field that a plain JSON Schema of this type and format becomes."""
    found: dict[str | None, model.FieldKind] = {
        traits.json_format: kind for kind, traits in TRAITS.items() if traits.json_type == json_type is not None
    }
    return found.get(str(json_format)) or found.get(None)


def _uuid(version: int) -> model.JsonObject:
    return {"format": "uuid", "pattern": f"^.{{14}}{version}.{{4}}[89abAB]"}


def _integers(bits: int) -> Mapping[str, model.JsonObject]:
    signed = {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}
    return {f"int{bits}": signed, f"uint{bits}": {"minimum": 0, "maximum": 2**bits - 1}}


_TEXTS: Mapping[str, model.JsonObject] = {
    **{name: {"format": name} for name in readers.FORMATS},
    # of one version, as Pydantic names them
    **{f"uuid{version}": _uuid(version) for version in (1, 3, 4, 5, 6, 7, 8)},
    # these change nothing about what is typed
    "binary": {},
    "path": {},
}

TRAITS: Mapping[model.FieldKind, Traits] = {
    "text": Traits(readers.read_text, ("Acme", "Acme"), "string", None, _LENGTHS, _TEXTS, multiline=True),
    "choice": Traits(readers.read_option, ("two", "two"), keywords=frozenset({"minLength", "maxLength"})),
    "boolean": Traits(readers.read_boolean, ("yes", True), "boolean", hint="yes or no", listed=False),
    "number": Traits(
        readers.read_number,
        ("12.5", 12.5),
        "number",
        keywords=_BOUNDS,
        formats={"float": {}, "double": {}, "decimal": {"format": "decimal"}},
        numeric=True,
    ),
    "integer": Traits(
        readers.read_integer,
        ("12", 12),
        "integer",
        keywords=_BOUNDS,
        formats={name: bounds for bits in (8, 16, 32, 64) for name, bounds in _integers(bits).items()},
        numeric=True,
    ),
    "date": Traits(
        readers.read_date, ("2026-12-31", "2026-12-31"), "string", "date", _LENGTHS, {"date": {}}, hint="YYYY-MM-DD"
    ),
}
