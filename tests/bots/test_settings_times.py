"""`[calendars]`, and what a policy says of time: every key does something, and what can never be is refused."""

import itertools
import tomllib
import zoneinfo
from datetime import UTC, date, datetime
from typing import Any

import pytest

import sayso
from sayso import errors, model
from sayso.cards import tokens
from sayso.desk import Desk
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso_bots.settings import reach, toml
from tests.tables import each

OFFICE = """
[calendars.office]
zone = "Europe/Berlin"
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "09:00-18:00"
holidays = "DE-BE"
[calendars.freeze]
zone = "Europe/Berlin"
dates = [{ from = 2099-12-18, to = 2100-01-04 }]
"""
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
YEAR = datetime.now(UTC).year


def setup(text: str) -> sayso.Setup:
    return toml.setup(toml.parse(tomllib.loads(text)))


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def policy(*lines: str) -> str:
    return "\n".join([OFFICE, "[policies.p]", 'approvers = ["anyone"]', *lines])


def escalate(step: str) -> str:
    return "\n".join([policy('expires_in = "1h"', f"escalate = [{{ {step} }}]"), "[people.ann]", 'slack = "T1/U1"'])


def open_hours(calendar: str) -> list[int]:
    """The hours of a Saturday and a Sunday in UTC in which a calendar is open."""
    known = setup(f"[calendars.c]\n{calendar}").calendars["c"]
    moments = (datetime(2026, 6, 13 + n // 24, n % 24, tzinfo=UTC) for n in range(48))
    return [number for number, at in enumerate(moments) if known.is_open(at)]


@pytest.mark.parametrize(
    ("calendar", "hours"),
    [
        ("", range(48)),
        ('days = ["sun"]', range(24, 48)),
        ('hours = "09:00-11:00"', [9, 10, 33, 34]),
        ('hours = ["09:00-10:00", "23:00-24:00"]', [9, 23, 33, 47]),
        ('hours = "23:00-01:00"\ndays = ["sat"]', [23, 24]),
        ('zone = "Asia/Tokyo"\ndays = ["sun"]', range(15, 39)),
        ("holidays = 2026-06-13", range(24, 48)),
        ("dates = [{ from = 2026-06-14, to = 2026-06-20 }]", range(24, 48)),
    ],
)
def test_each_key_of_a_calendar_says_when_it_is_open(calendar: str, hours: list[int]) -> None:
    assert open_hours(calendar) == list(hours)


def test_holidays_come_for_the_years_in_which_a_request_can_live() -> None:
    off = setup(OFFICE).calendars["office"].off
    assert {date(year, 3, 8) for year in (YEAR, YEAR + 1)} <= set(off)
    assert date(YEAR, 3, 8) not in setup(OFFICE.replace("DE-BE", "DE")).calendars["office"].off


REFUSED = [
    ('[calendars.c]\nzone = "Europe/Atlantis"', "calendars.c.zone"),
    ('[calendars.c]\nhours = "9-18"', "calendars.c.hours"),
    ('[calendars.c]\nhours = "09:00-09:00"', "calendars.c.hours"),
    ('[calendars.c]\nhours = "24:00-25:00"', "calendars.c.hours"),
    ('[calendars.c]\ndays = ["monday"]', "calendars.c.days"),
    ("[calendars.c]\ndays = []", "calendars.c.days"),
    ('[calendars.c]\nholidays = "XX"', "calendars.c.holidays"),
    ('[calendars.c]\nholidays = "DE-ZZ"', "calendars.c.holidays"),
    ('[calendars.c]\nholidays = "Berlin"', "calendars.c.holidays"),
    ("[calendars.c]\ndates = [{ from = 2026-02-01, to = 2026-01-01 }]", "calendars.c.dates"),
    ("[calendars.c]\nhour = 3", "calendars.c.hour"),
    (policy('clock = "ofice"'), "policies.p.clock"),
    (policy('clock = "freeze"'), "policies.p.clock"),
    (policy('expires_in = "soon"'), "policies.p.expires_in"),
    (policy('remind = ["soon"]'), "policies.p.remind"),
    (policy('expires_in = "1h"', 'remind = ["15m", "1h"]'), "policies.p.remind.1"),
    (policy('remind = ["2h"]'), "policies.p.remind.0"),
    (escalate('after = "1h", add = ["ann"]'), "policies.p.escalate.0.after"),
    (escalate('after = "5m"'), "policies.p.escalate.0"),
    (escalate('after = "5m", add = ["ann"], replace = ["ann"]'), "policies.p.escalate.0.replace"),
    (escalate('after = "5m", add = ["group:leads"]'), "policies.p.escalate.0.add"),
    (escalate('after = "5m", replace = "bob"'), "policies.p.escalate.0.replace"),
    (escalate('after = "5m", route = ["nowhere at all"]'), "policies.p.escalate.0.route"),
    (escalate('after = "5m", lower = 1'), "policies.p.escalate.0.lower"),
    (escalate('after = "5m", route = ["fax:1"]'), "policies.p.escalate.0.route"),
    (
        escalate('after = "5m", replace = "ann"').replace('["anyone"]', '["anyone"]\nquorum = 2'),
        "policies.p.escalate.0",
    ),
]


def test_a_time_that_cannot_be_is_refused_with_its_key() -> None:
    for row in each(REFUSED):
        with row as (text, key):
            with pytest.raises(errors.InvalidSettings) as caught:
                setup(text)
            assert (caught.value.field or "").startswith(key)


async def asked(text: str, at: datetime, **more: Any) -> model.Ticket:
    front = Desk(memory.MemoryStore(), tokens.TokenMaker(b"x" * 32), setup(text), ManualClock(at))
    return await front.open(sayso.Permission(tool="deploy", policy="p", **more))


async def test_a_clock_counts_open_time_only() -> None:
    friday = next(
        date(YEAR + 1, 9, day) for day in itertools.count(8) if date(YEAR + 1, 9, day).strftime("%a") == "Fri"
    )
    at = datetime(friday.year, 9, friday.day, 16, 30, tzinfo=BERLIN)
    ticket = await asked(policy('clock = "office"', 'expires_in = "8h"'), at)
    assert ticket.expires_at == at.replace(day=at.day + 3, hour=15)
    without = await asked(policy('expires_in = "8h"'), at)
    assert without.expires_at == datetime(friday.year, 9, friday.day + 1, 0, 30, tzinfo=BERLIN)
    # what the agent can wait is real time
    shorter = await asked(policy('clock = "office"', 'expires_in = "8h"'), at.replace(hour=20), expires_in=60.0)
    assert shorter.expires_at == at.replace(hour=20, minute=31)


async def test_reminders_and_escalations_stand_on_the_ticket() -> None:
    text = policy('remind = ["15m", "30m"]', 'escalate = [{ after = "20m", add = "ann", route = "slack:#leads" }]')
    ticket = await asked(f'{text}\n[people.ann]\nslack = "T1/U1"', datetime(YEAR, 6, 1, tzinfo=UTC))
    planned = [(one.at.minute, one.does, one.number) for one in ticket.plan]
    assert planned == [(15, "remind", 0), (20, "escalate", 0), (30, "remind", 1)]
    assert ticket.policy.escalate[0].add == ("ann",)
    assert ticket.policy.escalate[0].route == ("slack:#leads",)


async def test_what_would_come_after_the_end_of_a_short_request_is_left_out() -> None:
    ticket = await asked(policy('remind = ["15m", "30m"]'), datetime(YEAR, 6, 1, tzinfo=UTC), expires_in=1200.0)
    assert [one.number for one in ticket.plan] == [0]


async def test_a_request_is_refused_when_its_calendar_is_over() -> None:
    text = policy('clock = "soon"').replace(
        "[policies.p]", f"[calendars.soon]\ndates = [{{ from = {YEAR}-01-01, to = {YEAR + 1}-02-01 }}]\n[policies.p]"
    )
    with pytest.raises(errors.InvalidRequest, match="stands still"):
        await asked(text, datetime(YEAR + 1, 2, 2, tzinfo=UTC))


def test_an_escalation_to_a_chat_that_is_not_set_up_stops_the_start() -> None:
    chosen = toml.parse(tomllib.loads(escalate('after = "5m", route = ["slack:#leads", "web"]')))
    reach.check(toml.setup(chosen, ["web", "slack"]))
    with pytest.raises(errors.InvalidSettings, match="no chat 'slack' is connected"):
        reach.check(toml.setup(chosen, ["web", "discord"]))


def test_a_rule_that_asks_on_a_chat_that_is_not_set_up_stops_the_start() -> None:
    text = '[[rules]]\nid = "x"\nmatch = { tool = "a" }\neffect = "ask"\nroute = ["slack:#ops", "web"]\n'
    chosen = toml.parse(tomllib.loads(text))
    reach.check(toml.setup(chosen, ["web", "slack"]))
    with pytest.raises(errors.InvalidSettings, match=r"rules.x.route: no chat 'slack' is connected"):
        reach.check(toml.setup(chosen, ["web", "discord"]))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (policy('confirm = ["name"]'), "policies.p.confirm"),
        ('[[rules]]\nid = "x"\nmatch = { tool = "a" }\neffect = "allow"\nuntil = "soon"\n', "rules.x.until"),
        ("[calendars.c]\nholidays = 3\n", "calendars.c.holidays"),
        ("[calendars.c]\nholidays = [3]\n", "calendars.c.holidays.0"),
    ],
)
def test_what_may_be_of_several_types_is_named_by_its_key_alone(text: str, key: str) -> None:
    with pytest.raises(errors.InvalidSettings) as refused:
        toml.parse(tomllib.loads(text))
    assert refused.value.field == key
    assert refused.value.message.startswith(f"{key}: ")


def test_a_time_that_cannot_be_is_told_as_times_are_written() -> None:
    expired = "is over only once the request has expired, after"
    for written, said in (
        ('expires_in = "8h"\nremind = ["9h"]', f"9h {expired} 8h"),
        ('expires_in = "90m"\nremind = [7200]', f"2h {expired} 90m"),
        ('expires_in = "2.5s"\nremind = ["61s"]', f"61s {expired} 2.5s"),
        ('expires_in = "1d"\nturns = "round_robin"\nclaim_in = "25h"', f"25h {expired} 1d"),
        ('expires_in = "10m"\nconfirm = "11m"', "it expires after 10m, before anybody has read it for 11m"),
        ('expires_in = "31d"', "must be at most 30d"),
        ('expires_in = "0m"', "must be more than 0"),
    ):
        with pytest.raises(errors.InvalidSettings) as refused:
            setup(f'[people.ann]\n[people.bob]\n[policies.p]\napprovers = ["ann", "bob"]\n{written}')
        assert refused.value.message.endswith(f": {said}")
    with pytest.raises(errors.InvalidSettings, match="content: must be at least 1d"):
        setup('[retention]\ncontent = "23h"')
    with pytest.raises(errors.InvalidSettings, match="drain: must be at most 1m"):
        setup('[service]\ndrain = "61s"')
