"""What a person gave for one field, as the JSON value that the agent gets: one value, a list, or options. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sayso import model
from sayso.content import field_kinds, readers, text, wording

Unfit = readers.Unfit

# Lines of a list; more than anybody types.
_MOST_LINES = 1_000


def read(field: model.Field, given: Any) -> Any:
    """The JSON value that *given* is for *field*. Raises `Unfit`."""
    for part in _items(given):
        if isinstance(part, str) and not text.is_whole(part):
            raise Unfit("this holds half a character")
    if not field.multiple:
        return _read_one(field, given)
    return _read_options(field, given) if field.kind == "choice" else _read_lines(field, given)


def _read_one(field: model.Field, given: Any) -> Any:
    return field_kinds.TRAITS[field.kind].read(field, given)


def _read_options(field: model.Field, given: Any) -> list[Any]:
    if not isinstance(given, list | tuple):
        raise Unfit("please give a list of options")
    several = [_read_one(field, one) for one in _items(given)]
    # 1 and True are equal, and not the same answer
    if len({(isinstance(one, bool), one) for one in several}) < len(several):
        raise Unfit("the same option twice")
    return _check_count(several, max(1, field.min_length or 0), field.max_length, "option", "options")


def _read_lines(field: model.Field, given: Any) -> list[Any]:
    values = [_read_line(field, number, line) for number, line in enumerate(_split(given), 1)]
    if field.unique and len(set(values)) < len(values):
        raise Unfit("the same line twice")
    return _check_count(values, field.min_items, field.max_items, "line", "lines")


def _split(given: Any) -> Sequence[Any]:
    """The items of a list, or of a text with one item a line; empty lines do not count."""
    if isinstance(given, str):
        given = [line.strip() for line in given.splitlines() if line.strip()]
    if not isinstance(given, list | tuple):
        raise Unfit("please give a list, one item a line")
    lines = _items(given)
    if len(lines) > _MOST_LINES:
        raise Unfit(f"at most {_MOST_LINES} lines, please")
    return lines


def _read_line(field: model.Field, number: int, line: Any) -> Any:
    try:
        return _read_one(field, line)
    except Unfit as unfit:
        raise Unfit(f"line {number}: {unfit}") from unfit


def _check_count(values: list[Any], least: int | None, most: int | None, one: str, several: str) -> list[Any]:
    if least is not None and len(values) < least:
        raise Unfit(f"please give at least {wording.counted(least, one, several)}")
    if most is not None and len(values) > most:
        raise Unfit(f"please give at most {wording.counted(most, one, several)}")
    return values


def _items(given: Any) -> list[Any]:
    return [*given] if isinstance(given, list | tuple) else [given]
