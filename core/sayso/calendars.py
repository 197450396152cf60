"""When a calendar is open: a zone, days, hours, days off, and the dates between which it is valid. Pure.

The rule: the clock on the wall decides. What is open from 02:30 to 05:00 is open whenever a clock there shows a time
between the two: from the moment on at which one is passed over, and again when one comes twice.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, get_args

import pydantic

from sayso import parts

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Day, ...] = get_args(Day)
LOOK_AHEAD = timedelta(days=366)
"""How far open time is looked for: what is not open within it counts as never open."""

_DAY = timedelta(days=1)
_MINUTES = 24 * 60
_Minute = Annotated[int, pydantic.Field(strict=True, ge=0, le=2 * _MINUTES)]


class Hours(parts.Frozen):
    """Open hours of a day, in minutes after its midnight; those that end on the next day end after 24 hours."""

    opens: _Minute
    closes: _Minute


class Dates(parts.Frozen):
    """Days from the first to the last, both of them included."""

    first: date
    last: date


class Calendar(parts.Frozen):
    """When it is open. What is left out does not limit it; open hours belong to the day on which they begin."""

    name: parts.Name
    zone: str = "UTC"
    days: tuple[Day, ...] = WEEK
    hours: tuple[Hours, ...] = (Hours(opens=0, closes=_MINUTES),)
    off: tuple[date, ...] = ()
    """Holidays: closed."""
    dates: tuple[Dates, ...] = ()
    """Open only on these; without any, on every date."""

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at this moment."""
        wall = at.astimezone(self._zone)
        # what is after a whole minute is still that minute
        today, minute = wall.date(), wall.hour * 60 + wall.minute
        return any(
            hours.opens <= passed < hours.closes
            for day, passed in ((today, minute), (today - _DAY, minute + _MINUTES))
            if self._is_valid(day)
            for hours in self.hours
        )

    def add(self, start: datetime, open_for: timedelta) -> datetime | None:
        """The moment at which it has been open for so long since *start*; None if that is too far ahead."""
        left = open_for
        for begins, ends in self._open(start, start + LOOK_AHEAD):
            if left <= ends - begins:
                return begins + left
            left -= ends - begins
        return None

    def next(self, at: datetime, *, is_open: bool) -> datetime | None:
        """The first moment from *at* on at which it is open, or closed; None if that is too far ahead."""
        begins = at.astimezone(UTC)
        while begins < at + LOOK_AHEAD:
            until = begins + _DAY
            for edge in (*sorted(edge for edge in self._edges(begins, until) if begins < edge < until), until):
                if self.is_open(begins) == is_open:
                    return begins
                begins = edge
        return None

    def between(self, start: datetime, end: datetime) -> timedelta:
        """For how long it is open between two moments."""
        return sum((ends - begins for begins, ends in self._open(start, end)), timedelta())

    @property
    def _zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.zone)

    def _is_valid(self, day: date) -> bool:
        within = not self.dates or any(one.first <= day <= one.last for one in self.dates)
        return within and WEEK[day.weekday()] in self.days and day not in self.off

    def _open(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches in which it is open, in UTC; one that goes on may come in several parts."""
        begins = start.astimezone(UTC)
        while begins < end:
            until = min(begins + _DAY, end.astimezone(UTC))
            edges = sorted(edge for edge in self._edges(begins, until) if begins < edge < until)
            for edge in (*edges, until):
                if self.is_open(begins):
                    yield begins, edge
                begins = edge

    def _edges(self, start: datetime, end: datetime) -> Iterable[datetime]:
        """All moments of this stretch, of a day at most, at which it may open or close; and some others."""
        yield from _shifts(self._zone, start, end)
        first = start.astimezone(self._zone).date() - _DAY
        for day in (first + n * _DAY for n in range(4)):
            if not self._is_valid(day):
                continue
            for minute in {one for hours in self.hours for one in (hours.opens, hours.closes)}:
                wall = datetime.combine(day, time()) + timedelta(minutes=minute)
                # a time that comes twice is an edge each time
                yield from (wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _shifts(zone: zoneinfo.ZoneInfo, start: datetime, end: datetime) -> Iterable[datetime]:
    """The moment at which the clocks of a zone are put forward or back between two moments, if there is one."""
    before = _offset(zone, start)
    if before == _offset(zone, end):
        return
    while end - start > timedelta(seconds=1):
        middle = start + timedelta(seconds=(end - start) // timedelta(seconds=2))
        start, end = (middle, end) if _offset(zone, middle) == before else (start, middle)
    yield end.replace(microsecond=0)


def _offset(zone: zoneinfo.ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
