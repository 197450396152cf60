"""JSON that somebody typed, read to the last digit: it means what runs, or is refused in plain words. Pure."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sayso import model
from sayso.content import numbers, readers

_EXAMPLES = '12.5, true, "text", ["a", "b"] or {"name": 1}'


def read(typed: str) -> Any:
    """The JSON value of a text. Raises `readers.Unfit`, with an example."""
    try:
        return json.loads(typed, parse_float=_read_float, parse_constant=_refuse, object_pairs_hook=_read_object)
    except (ValueError, RecursionError) as error:
        if readers.COMMA.fullmatch(typed.strip()):
            message = "please give a number, such as 12.5, with a point before decimals and nothing between thousands"
            raise readers.Unfit(message) from error
        raise readers.Unfit(f"this is not valid JSON; please give it as in {_EXAMPLES}") from error


def _read_float(written: str) -> int | float:
    value = float(written)
    if numbers.to_decimal(value) != Decimal(written):
        raise readers.Unfit("a number has more digits than a number keeps; please give at most 15 digits")
    return value


def _refuse(written: str) -> Any:
    raise readers.Unfit("please give numbers that JSON has, such as 12.5")


def _read_object(pairs: list[tuple[str, Any]]) -> model.JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise readers.Unfit("a name stands twice in one object; please give it once")
    return found
