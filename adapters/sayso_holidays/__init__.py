"""Public holidays, by the package `holidays`: a country, or one of its parts, as dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import holidays

from sayso import errors


def dates(code: str, years: Iterable[int]) -> frozenset[date]:
    """The holidays of `DE`, or of `DE-BE`, in these years.

    Raises:
        InvalidSettings: there is no such country, or no such part of it.
    """
    country, _, part = code.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=years)
    except NotImplementedError as error:
        parts = holidays.list_supported_countries().get(country)
        hint = f"parts of {country}: {', '.join(parts)}" if parts else "a country such as DE, or a part of one: DE-BE"
        raise errors.InvalidSettings(f"the holidays of {code!r} are not known", hint=hint) from error
    return frozenset(found)
