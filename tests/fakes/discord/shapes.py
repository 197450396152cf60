"""A small language for the shape of JSON bodies, whose complaints are worded as Discord's form errors.

Rule: knows no component and no message, only texts, numbers, lists and objects.
"""

from collections.abc import Callable, Container, Iterator
from typing import Any

from tests.fakes.discord.errors import Json, Path, Problem

Rule = Callable[[Any, Path], Iterator[Problem]]


def length(text: str) -> int:
    """UTF-16 units: the strictest way to count that any Discord client uses, so that what fits here fits there."""
    return len(text.encode("utf-16-le")) // 2


def text(least: int, most: int) -> Rule:
    """A string of that many characters."""

    def check(value: Any, at: Path) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield at, "BASE_TYPE_BAD_TYPE", "Must be a string."
        elif least and not value.strip():
            yield at, "BASE_TYPE_REQUIRED", "This field is required"
        elif not least <= length(value) <= most:
            between = f"Must be between {least} and {most} in length."
            code, words = ("BASE_TYPE_BAD_LENGTH", between) if least else _too_long(most)
            yield at, code, words

    return check


def number(least: int, most: int) -> Rule:
    """A whole number in that range."""

    def check(value: Any, at: Path) -> Iterator[Problem]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield at, "NUMBER_TYPE_COERCE", f"Value {value!r} is not int."
        elif value < least:
            yield at, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}."
        elif value > most:
            yield at, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}."

    return check


def flag(value: Any, at: Path) -> Iterator[Problem]:
    """True or false."""
    if not isinstance(value, bool):
        yield at, "BASE_TYPE_BAD_TYPE", "Must be either true or false."


def anything(_value: Any, _at: Path) -> Iterator[Problem]:
    """Not looked at."""
    yield from ()


def one_of(*values: Any) -> Rule:
    """One of these."""

    def check(value: Any, at: Path) -> Iterator[Problem]:
        if isinstance(value, bool) or value not in values:
            yield at, "BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(map(repr, values))}}}."

    return check


def each(rule: Rule, least: int, most: int) -> Rule:
    """A list of that many things."""

    def check(value: Any, at: Path) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield at, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"
            return
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        if not least <= len(items) <= most:
            yield at, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."
        for index, item in enumerate(items):
            yield from rule(item, (*at, index))

    return check


def shape(fields: dict[str, Rule], required: Container[str] = ()) -> Rule:
    """An object with these fields and no others; null counts as left out."""

    # Discord ignores unknown keys. They are refused here because the only way to send one is a typing error.
    def check(value: Any, at: Path) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield at, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
            return
        part: Json = value  # pyright: ignore[reportUnknownVariableType]
        for name, rule in fields.items():
            if part.get(name) is not None:
                yield from rule(part[name], (*at, name))
            elif name in required:
                yield (*at, name), "BASE_TYPE_REQUIRED", "This field is required"
        yield from (((*at, name), "UNKNOWN_KEY", "There is no such field.") for name in part if name not in fields)

    return check


def _too_long(most: int) -> tuple[str, str]:
    return "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."
