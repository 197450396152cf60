"""`[calendars.NAME]`: when somebody is there, or when a time such as a freeze is."""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Annotated

import pydantic

from sayso import calendars, errors, model
from sayso_bots.settings import durations

_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_CODE = re.compile(r"[A-Z]{2}(?:-[A-Za-z0-9]+)?")
_DAY = 24 * 60
# A request lives no longer than a year, and a service runs for longer than that without a restart only by neglect.
_YEARS_AHEAD = 3


def _several(given: object) -> object:
    return given if isinstance(given, list) else [given]  # pyright: ignore[reportUnknownVariableType]


def _is_hours(value: str) -> str:
    hours_of(value)
    return value


def hours_of(written: str) -> calendars.Hours:
    """The open hours `09:00-18:00`; `22:00-06:00` ends on the next day. Raises ValueError."""
    found = _HOURS.fullmatch(written)
    if not found:
        raise ValueError("expected hours such as '09:00-18:00'")
    opens, closes = (int(hour) * 60 + int(minute) for hour, minute in (found.groups()[:2], found.groups()[2:]))
    if opens >= _DAY or closes > _DAY or opens == closes:
        raise ValueError("expected hours such as '09:00-18:00', of a day that ends at 24:00")
    return calendars.Hours(opens=opens, closes=closes if closes > opens else closes + _DAY)


def _is_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no time zone that this machine knows") from error
    return value


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Dates(_Table):
    """Days from the first to the last, both of them included."""

    first: date = pydantic.Field(alias="from", description="from = 2026-12-18")
    last: date = pydantic.Field(alias="to", description="to = 2027-01-04, the last day")

    @pydantic.model_validator(mode="after")
    def _is_forward(self) -> Dates:
        if self.last < self.first:
            raise ValueError("to is before from")
        return self


class Calendar(_Table):
    """`[calendars.NAME]`: what is left out does not limit it."""

    zone: Annotated[str, pydantic.AfterValidator(_is_zone)] = pydantic.Field(
        default="UTC", description='zone = "Europe/Berlin"'
    )
    days: Annotated[list[calendars.Day], pydantic.Field(min_length=1)] = pydantic.Field(
        default=[*calendars.WEEK], description='days = ["mon", "tue", "wed", "thu", "fri"]'
    )
    hours: Annotated[
        list[Annotated[str, pydantic.AfterValidator(_is_hours)]],
        pydantic.BeforeValidator(_several),
        pydantic.Field(min_length=1, max_length=10),
    ] = pydantic.Field(default=["00:00-24:00"], description='hours = "09:00-18:00", or several in a list')
    holidays: Annotated[list[str | date], pydantic.BeforeValidator(_several)] = pydantic.Field(
        default=[], description='holidays = "DE-BE", or a list of such and of dates'
    )
    dates: Annotated[list[Dates], pydantic.Field(max_length=100)] = pydantic.Field(
        default=[], description="dates = [{ from = 2026-12-18, to = 2027-01-04 }]"
    )


class Escalation(_Table):
    """One step of `escalate` in `[policies.NAME]`: more people, or others, and more places."""

    after: durations.Duration = pydantic.Field(description='after = "3h"')
    add: Annotated[list[str], pydantic.BeforeValidator(_several)] = pydantic.Field(
        default=[], description='add = ["group:leads"]'
    )
    replace: Annotated[list[str], pydantic.BeforeValidator(_several)] = pydantic.Field(
        default=[], description='replace = ["group:leads"]'
    )
    route: Annotated[list[model.Place], pydantic.BeforeValidator(_several)] = pydantic.Field(
        default=[], description='route = ["slack:#leads"], or ["approvers"] for direct messages'
    )


def resolved(tables: Mapping[str, Calendar], this_year: int) -> Mapping[str, calendars.Calendar]:
    """The calendars of a file, with their holidays of the next years. Raises `InvalidSettings`."""
    years = range(this_year, this_year + _YEARS_AHEAD)
    return {name: _resolved(name, table, years) for name, table in tables.items()}


def _resolved(name: str, table: Calendar, years: range) -> calendars.Calendar:
    return calendars.Calendar(
        name=name,
        zone=table.zone,
        days=tuple(day for day in calendars.WEEK if day in table.days),
        hours=tuple(hours_of(one) for one in table.hours),
        off=tuple(sorted(set(_days_off(table.holidays, years, f"calendars.{name}.holidays")))),
        dates=tuple(calendars.Dates(first=one.first, last=one.last) for one in table.dates),
    )


def _days_off(named: Iterable[str | date], years: range, key: str) -> Iterator[date]:
    for one in named:
        if isinstance(one, date):
            yield one
            continue
        if not _CODE.fullmatch(one):
            hint = "a country such as DE, or a part of one: DE-BE"
            raise errors.InvalidSettings(f"{key}: {one!r} is no country", field=key, hint=hint)
        try:
            yield from _public_holidays(one, years)
        except ImportError as error:
            hint = "in a clone of sayso: pip install '.[calendars]'"
            raise errors.InvalidSettings(f"{key} needs a package that is not here", field=key, hint=hint) from error
        except errors.InvalidSettings as error:
            raise errors.InvalidSettings(f"{key}: {error.message}", field=key, hint=error.hint) from error


@functools.cache
def _public_holidays(code: str, years: range) -> frozenset[date]:
    # its library takes a while to load, and few settings need it
    import sayso_holidays

    return sayso_holidays.dates(code, years)
