"""Values that options of several commands take."""

from __future__ import annotations

import click
import pydantic

from sayso_bots.settings import durations

_SECONDS: pydantic.TypeAdapter[float] = pydantic.TypeAdapter(durations.Duration)


def time(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A time in seconds; None if it is not given."""
    if value is None:
        return None
    try:
        return _SECONDS.validate_python(float(value) if value.isascii() and value.isdigit() else value)
    except pydantic.ValidationError as error:
        raise click.BadParameter(
            "expected a time such as 50s, 15m, 2h or a number of seconds, at most 30 days"
        ) from error
