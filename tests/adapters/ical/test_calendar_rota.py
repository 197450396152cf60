"""On call by a calendar: who stands in the event of this moment, fetched from where the operator said."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import abc, web

from sayso import errors
from sayso.desk.admission import rotas
from sayso.testing.clock import ManualClock
from sayso_http import outbound
from sayso_ical import CalendarRota, reading
from tests.tables import each

EVENT = "BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20260101T000000Z\r\n{body}\r\nEND:VEVENT\r\n"
FRAME = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//rota//EN\r\n{zone}{events}END:VCALENDAR\r\n"
DAY = "DTSTART:20260101T000000Z\r\nDTEND:20260102T000000Z\r\n"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def calendar(*events: str, zone: str = "") -> bytes:
    bodies = (EVENT.format(number=number, body=body) for number, body in enumerate(events))
    return FRAME.format(zone=f"X-WR-TIMEZONE:{zone}\r\n" if zone else "", events="".join(bodies)).encode()


def test_people_are_known_by_an_address_or_by_exactly_their_name() -> None:
    rows: list[tuple[str, list[str], list[str]]] = [
        ("SUMMARY:On call\r\nATTENDEE;CN=Ann:mailto:ann@example.com", [], ["ann@example.com"]),
        ("SUMMARY:Ann\r\nATTENDEE:ann@example.com", [], ["ann@example.com"]),
        ("ATTENDEE:mailto:a@x.com\r\nATTENDEE:MAILTO:b@x.com", [], ["a@x.com", "b@x.com"]),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:a@x.com\r\nATTENDEE:mailto:b@x.com", [], ["b@x.com"]),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:a@x.com\r\nSUMMARY:bob", [], []),
        ("ATTENDEE;CUTYPE=ROOM:mailto:room@x.com", [], []),
        ("SUMMARY:ann", ["ann"], []),
        ("SUMMARY:ann\\, bob & cid", ["ann", "bob", "cid"], []),
        ("SUMMARY:Primary: Ann Example <ann@example.com>", [], ["ann@example.com"]),
        ("SUMMARY:ann@example.com (primary)", [], ["ann@example.com"]),
        ("SUMMARY:Ann Example", [], []),
        ("ORGANIZER:mailto:boss@x.com\r\nSUMMARY:Payments on call", [], []),
        ("SUMMARY:ann\r\nSTATUS:CANCELLED", [], []),
        (f"SUMMARY:{'ann,' * 200}", [], []),
        ("DESCRIPTION:no title at all", [], []),
    ]
    for row in each(rows):
        with row as (event, names, emails):
            assert reading.find(calendar(DAY + event), NOON) == {"names": names, "emails": emails}


def test_weeks_in_turn_change_at_midnight_of_the_calendars_zone_summer_and_winter() -> None:
    rows: list[tuple[str, list[str]]] = [
        ("2026-01-04T22:59:59+00:00", ["ann"]),
        ("2026-01-04T23:00:00+00:00", ["bob"]),
        ("2026-01-11T22:59:59+00:00", ["bob"]),
        ("2026-01-11T23:00:00+00:00", ["ann"]),
        ("2026-07-05T21:59:59+00:00", ["ann"]),
        ("2026-07-05T22:00:00+00:00", ["bob"]),
        ("2025-12-28T22:59:59+00:00", []),
    ]
    for row in each(rows):
        with row as (at, who):
            weeks = [
                f"DTSTART;VALUE=DATE:{first}\r\nDURATION:P7D\r\nRRULE:FREQ=WEEKLY;INTERVAL=2\r\nSUMMARY:{name}"
                for name, first in (("ann", "20251229"), ("bob", "20260105"))
            ]
            found = reading.find(calendar(*weeks, zone="Europe/Berlin"), datetime.fromisoformat(at))
            assert found["names"] == who


def test_a_swapped_week_is_the_other_persons() -> None:
    weekly = "DTSTART:20260101T000000Z\r\nDTEND:20260102T000000Z\r\nRRULE:FREQ=DAILY\r\nSUMMARY:ann"
    swapped = "RECURRENCE-ID:20260103T000000Z\r\nDTSTART:20260103T000000Z\r\nDTEND:20260104T000000Z\r\nSUMMARY:bob"
    body = calendar(weekly, swapped).replace(b"UID:1", b"UID:0")
    assert [reading.find(body, datetime(2026, 1, day, 12, tzinfo=UTC))["names"] for day in (2, 3, 4)] == [
        ["ann"],
        ["bob"],
        ["ann"],
    ]


class Host:
    """A host of calendars on the loopback address."""

    def __init__(self) -> None:
        self.body = calendar(DAY + "SUMMARY:ann")
        self.status = 200
        self.calls = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret.ics"

    def rota(self, clock: ManualClock, *allow: str) -> CalendarRota:
        named = allow or (f"127.0.0.1:{self.port}",)
        return CalendarRota(lambda: outbound.Getter(named).get(self.url, "groups.payments.on_call"), clock)


@asynccontextmanager
async def hosting() -> AsyncGenerator[Host]:
    host = Host()

    async def serve(request: web.Request) -> web.Response:
        host.calls += 1
        return web.Response(body=host.body, status=host.status, headers={"Location": "/elsewhere.ics"})

    app = web.Application()
    app.router.add_get("/secret.ics", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.port = runner.addresses[0][1]
    try:
        yield host
    finally:
        await runner.cleanup()


async def test_a_calendar_is_fetched_once_a_minute_and_read_in_a_process_of_its_own() -> None:
    clock = ManualClock()
    async with hosting() as host:
        rota = host.rota(clock)
        assert await rota.on_call() == rotas.Shift(frozenset({"ann"}))
        host.body = calendar(DAY + "SUMMARY:bob")
        clock.advance(59)
        assert (await rota.on_call()).names == {"ann"}
        clock.advance(1)
        assert (await rota.on_call()).names == {"bob"}
    assert host.calls == 2


async def test_what_is_no_calendar_says_nothing_about_anybody() -> None:
    rows: list[tuple[bytes, int, str]] = [
        (b"<html>Sign in</html>", 200, "gives no calendar that can be read"),
        (b"", 200, "gives no calendar that can be read"),
        (b"gone", 404, "answers with status 404"),
        (b"moved", 302, "answers with status 302"),
        (b"x" * (outbound.LARGEST + 1), 200, "gives more than 2000000 bytes"),
    ]
    for row in each(rows):
        with row as (body, status, said):
            async with hosting() as host:
                host.body, host.status = body, status
                with pytest.raises(errors.ChannelError) as failed:
                    await host.rota(ManualClock()).on_call()
            assert said in failed.value.message
            assert "secret" not in str(failed.value) + str(failed.value.hint), "a calendar's address is a secret"


async def test_a_calendar_that_repeats_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_ical.rota._READ_WITHIN", 0.3)
    async with hosting() as host:
        endless = "DTSTART:00010101T000000Z\r\nDTEND:00010101T000001Z\r\nRRULE:FREQ=SECONDLY\r\nSUMMARY:ann"
        host.body = calendar(endless)
        with pytest.raises(errors.ChannelError) as failed:
            await host.rota(ManualClock()).on_call()
    assert failed.value.message == "the calendar takes too long to read"


async def test_an_address_inside_the_network_is_not_called_unless_the_operator_named_it() -> None:
    async with hosting() as host:
        with pytest.raises(errors.ChannelError) as failed:
            await host.rota(ManualClock(), "calendar.example.com").on_call()
    assert failed.value.message == "the address of groups.payments.on_call must not be called"
    assert host.calls == 0


async def test_a_public_name_that_leads_inside_is_refused_at_the_moment_of_connecting() -> None:
    class Names(abc.AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[abc.ResolveResult]:
            found: abc.ResolveResult = {
                "hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0,
            }  # fmt: skip
            return [found]

        async def close(self) -> None:
            """Nothing is held."""

    getter = outbound.Getter(resolver=Names())
    with pytest.raises(errors.ChannelError) as failed:
        await getter.get("https://calendar.example.com/x.ics", "groups.payments.on_call")
    assert failed.value.message == "the address of groups.payments.on_call leads into a private network"


async def test_a_host_that_is_not_there_gives_nothing() -> None:
    async with hosting() as host:
        gone = host.rota(ManualClock())
    with pytest.raises(errors.ChannelError) as failed:
        await gone.on_call()
    assert failed.value.message.startswith("the address of groups.payments.on_call gives nothing: ")
