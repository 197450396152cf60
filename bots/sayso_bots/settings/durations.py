"""Times as people write them: `15m`, `2h`, or a number of seconds."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pydantic

from sayso import errors, model
from sayso.content import wording

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DAY, _TEN_YEARS = 86_400.0, 3_660 * 86_400.0
_SHAPE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])")


def seconds(value: Any) -> Any:
    """A time as people write it in seconds; anything else as it is. Raises ValueError."""
    if isinstance(value, str):
        found = _SHAPE.fullmatch(value)
        if not found:
            raise ValueError("expected a time such as '15m', '2h', or a number of seconds")
        return float(found[1]) * _UNITS[found[2]]
    return value


def _written(least: float, most: float) -> pydantic.BeforeValidator:
    """Reads a time as people write it; what is too much or too little of it is said in the same way."""

    def read(value: Any) -> Any:
        read = seconds(value)
        if isinstance(value, str) and read > most:
            raise ValueError(f"must be at most {wording.time(most)}")
        if isinstance(value, str) and read < least:
            raise ValueError(f"must be at least {wording.time(least)}")
        return read

    return pydantic.BeforeValidator(read)


Grace = Annotated[float, pydantic.Field(strict=True, ge=0, le=60), _written(0, 60)]
"""A time in seconds, at most a minute."""

Duration = Annotated[model.Seconds, _written(0, model.MAX_SECONDS)]
"""A time in seconds, more than 0 and at most 30 days."""

Long = Annotated[float, pydantic.Field(strict=True, ge=_DAY, le=_TEN_YEARS), _written(_DAY, _TEN_YEARS)]
"""A time in seconds, from a day to ten years."""

_LONG: pydantic.TypeAdapter[float] = pydantic.TypeAdapter(Long)


def keeping(given: str) -> float:
    """Read for how long something is kept, in seconds. Raises ValueError."""
    return _LONG.validate_python(given)


_LONGEST = 366 * 86_400.0


def span(given: str, option: str) -> float:
    """Read how long something may take, in seconds; `0` for no time. Raises as `period`."""
    return 0.0 if given == "0" else period(given, option)


def period(given: str, option: str) -> float:
    """Read how far back something goes, in seconds. Raises `InvalidRequest`, which names the option."""
    found = _SHAPE.fullmatch(given)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= _LONGEST:
        raise errors.InvalidRequest(
            f"{option} {given!r} is not a time", field=option, hint='"12h" or "7d"; at most "366d"'
        )
    return seconds
