"""When a calendar is open: against an oracle that looks at the clock on the wall, minute by minute."""

import functools
import itertools
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sayso import calendars
from sayso.calendars import Calendar, Dates, Hours
from tests.conftest import LONG
from tests.tables import each

MINUTE = timedelta(minutes=1)
WORK: tuple[calendars.Day, ...] = ("mon", "tue", "wed", "thu", "fri")
OFFICE = Calendar(name="office", zone="Europe/Berlin", days=WORK, hours=(Hours(opens=540, closes=1080),))
# Clocks that are put forward at midnight, by half an hour, twice in a month, and over the date line.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca",
    "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "America/Havana", "Asia/Beirut", "America/Sao_Paulo",
)  # fmt: skip
# Around days on which clocks were put forward or back there.
DAYS = (
    date(2026, 3, 28), date(2026, 10, 24), date(2026, 3, 7), date(2026, 10, 31), date(2026, 4, 4), date(2026, 4, 23),
    date(2026, 10, 29), date(2026, 2, 14), date(2026, 3, 21), date(2011, 12, 29), date(2018, 11, 3), date(2018, 2, 17),
    date(2006, 10, 28), date(2011, 11, 5),
)  # fmt: skip


def open_minutes(calendar: Calendar, start: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes that are open, each judged by what the clock on the wall shows at its beginning."""
    zone = zoneinfo.ZoneInfo(calendar.zone)
    valid = functools.cache(functools.partial(is_valid, calendar))
    while start < end:
        wall = start.astimezone(zone)
        minute = wall.hour * 60 + wall.minute
        today, yesterday = wall.date(), wall.date() - timedelta(days=1)
        if any(
            (hours.opens <= minute < hours.closes and valid(today))
            or (hours.opens <= minute + 1440 < hours.closes and valid(yesterday))
            for hours in calendar.hours
        ):
            yield start
        start += MINUTE


def is_valid(calendar: Calendar, day: date) -> bool:
    if calendar.dates and not any(one.first <= day <= one.last for one in calendar.dates):
        return False
    return day.strftime("%a").lower() in calendar.days and day not in calendar.off


@st.composite
def made(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """Any calendar, and a moment near a day on which clocks change."""
    opens = draw(st.integers(0, 1439))
    hours = [Hours(opens=opens, closes=draw(st.integers(opens + 1, opens + 1440)))]
    if draw(st.booleans()):
        later = draw(st.integers(0, 1438))
        hours.append(Hours(opens=later, closes=draw(st.integers(later + 1, 1440))))
    day = draw(st.sampled_from(DAYS))
    near = st.integers(-2, 3).map(lambda n: day + timedelta(days=n))
    first = draw(near)
    dates = (Dates(first=first, last=max(first, draw(near))),) if draw(st.booleans()) else ()
    calendar = Calendar(
        name="any",
        zone=draw(st.sampled_from(ZONES)),
        days=tuple(draw(st.lists(st.sampled_from(calendars.WEEK), min_size=1, unique=True))),
        hours=tuple(hours),
        off=tuple(draw(st.lists(near, max_size=2))),
        dates=dates,
    )
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + draw(st.integers(-1440, 1440)) * MINUTE
    return calendar, start


@settings(max_examples=1000 if LONG else 30, deadline=None)
@given(made(), st.integers(1, 4 * 1440))
def test_open_time_is_what_the_clock_on_the_wall_says(given: tuple[Calendar, datetime], minutes: int) -> None:
    calendar, start = given
    end = start + minutes * MINUTE
    opened = set(open_minutes(calendar, start, end))
    assert calendar.between(start, end) == len(opened) * MINUTE
    assert all(calendar.is_open(start + n * MINUTE) == (start + n * MINUTE in opened) for n in range(0, minutes, 7))


@settings(max_examples=1000 if LONG else 30, deadline=None)
@given(made(), st.integers(1, 2000))
@example((OFFICE, datetime(2026, 3, 27, 15, 30, tzinfo=UTC)), 480)
def test_open_time_is_added_minute_by_minute(given: tuple[Calendar, datetime], minutes: int) -> None:
    calendar, start = given
    opened = list(itertools.islice(open_minutes(calendar, start, start + timedelta(days=6)), minutes))
    found = calendar.add(start, minutes * MINUTE)
    if len(opened) == minutes:
        assert found is not None
        assert found == opened[-1] + MINUTE
        assert calendar.between(start, found) == minutes * MINUTE
    else:
        assert found is None or found > start + timedelta(days=6)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))


def test_asked_on_a_friday_afternoon_time_goes_on_on_monday() -> None:
    for row in each(
        [(0.5, "2026-06-12 17:00"), (1.5, "2026-06-12 18:00"), (2, "2026-06-15 09:30"), (8, "2026-06-15 15:30")]
    ):
        with row as (hours, comes_to):
            assert OFFICE.add(berlin("2026-06-12 16:30"), timedelta(hours=hours)) == berlin(comes_to)


def test_the_hours_of_a_night_belong_to_the_day_on_which_it_begins() -> None:
    night = Calendar(name="night", zone="Europe/Berlin", days=("fri",), hours=(Hours(opens=1320, closes=1800),))
    moments = ["2026-06-12 21:59", "2026-06-12 22:00", "2026-06-13 05:59", "2026-06-13 06:00", "2026-06-13 23:00"]
    assert [night.is_open(berlin(one)) for one in moments] == [False, True, True, False, False]
    on_saturday = night.model_copy(update={"off": (date(2026, 6, 13),)})
    assert on_saturday.is_open(berlin("2026-06-13 05:59"))


def test_dates_include_the_first_and_the_last_day() -> None:
    freeze = Calendar(
        name="freeze", zone="Europe/Berlin", dates=(Dates(first=date(2026, 12, 18), last=date(2027, 1, 4)),)
    )
    moments = ["2026-12-17 23:59", "2026-12-18 00:00", "2027-01-04 23:59", "2027-01-05 00:00"]
    assert [freeze.is_open(berlin(one)) for one in moments] == [False, True, True, False]
    assert freeze.add(berlin("2027-01-05 00:00"), timedelta(seconds=1)) is None
    assert freeze.add(berlin("2026-06-01 00:00"), timedelta(hours=1)) == berlin("2026-12-18 01:00")


def test_hours_that_are_passed_over_begin_when_the_clock_is_put_forward_and_come_twice_when_it_is_put_back() -> None:
    early = Calendar(name="early", zone="Europe/Berlin", hours=(Hours(opens=150, closes=300),))
    spring, autumn = berlin("2026-03-29 00:00"), berlin("2026-10-25 00:00")
    assert early.add(spring, MINUTE) == datetime(2026, 3, 29, 1, 1, tzinfo=UTC)
    assert early.between(spring, spring + timedelta(hours=12)) == timedelta(hours=2)
    assert early.between(autumn, autumn + timedelta(hours=12)) == timedelta(hours=3)
