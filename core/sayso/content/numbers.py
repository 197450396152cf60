"""Numbers as they were written: read from text to the last digit, compared and divided without rounding. Pure."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

Number = int | float | Decimal

# A number of JSON, as people type it; no digits of other scripts, no groups, no blanks inside.
_WRITTEN = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_LONGEST = 400
# Numbers beyond a double's are infinity to many readers of JSON.
_LARGEST = Decimal("1.7976931348623157e308")


def read(written: str) -> Decimal | None:
    """The number that a text is; None if it is not one to the letter."""
    if len(written) > _LONGEST or not _WRITTEN.fullmatch(written):
        return None
    value = Decimal(written)
    return value if fits_double(value) else None


def fits_double(value: Decimal) -> bool:
    """Whether every reader of JSON takes it for a number, and not for infinity."""
    return abs(value) <= _LARGEST


def to_decimal(value: Number) -> Decimal:
    """The decimal number that *value* is written as: 19.99 is nineteen and ninety-nine hundredths."""
    return value if isinstance(value, Decimal) else Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def is_whole(value: Decimal) -> bool:
    """Whether it has no fraction."""
    return value == value.to_integral_value()


def is_multiple(value: Number, step: Number) -> bool:
    """Whether *value* is a multiple of *step*, in decimal arithmetic."""
    numerator, by = to_decimal(value), to_decimal(step)
    with localcontext() as context:
        # as many digits as the two span, so that the remainder is exact
        span = max(numerator.adjusted(), by.adjusted()) - min(_last(numerator), _last(by))
        context.prec = max(28, span + 2)
        return numerator % by == 0


def to_json(value: Decimal) -> int | float | None:
    """The JSON number that keeps every digit of *value*; None if neither a whole number nor a double does."""
    if is_whole(value) and value.adjusted() < _LONGEST:
        # 12.50 and 1e3 were typed as they were, and mean the same number
        return int(value)
    held = float(value)
    return held if Decimal(repr(held)) == value else None


def to_text(value: Number) -> str:
    """The number as people write it, without an exponent if that stays short."""
    written = to_decimal(value)
    return f"{written:f}" if abs(written.adjusted()) < 30 else str(written)


def _last(value: Decimal) -> int:
    return int(value.as_tuple().exponent)
