"""On call by a schedule of PagerDuty: asked by its own library, at a server that answers as PagerDuty does."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from sayso import errors
from sayso.desk.admission import rotas
from sayso.testing.clock import ManualClock
from sayso_pagerduty import ScheduleRota
from tests.tables import each

TOKEN = "u+fakefakefakefakefake"


class PagerDuty:
    """PagerDuty, with one schedule."""

    def __init__(self) -> None:
        self.users: list[dict[str, Any]] = [{"id": "PU1", "name": "Ann", "email": "ann@example.com"}]
        self.statuses: list[int] = []
        self.asked: list[dict[str, str]] = []
        self.body: bytes | None = None
        self.url = ""

    async def serve(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if request.headers["Authorization"] != f"Token token={TOKEN}":
            return web.json_response({"error": {"message": "no"}}, status=401)
        if request.match_info["id"] != "P538IZH":
            return web.json_response({"error": {"message": "Not Found"}}, status=404)
        if self.statuses:
            return web.json_response({"error": {"message": "no"}}, status=self.statuses.pop(0))
        if self.body is not None:
            return web.Response(body=self.body, content_type="application/json")
        return web.json_response({"users": self.users})


@asynccontextmanager
async def pagerduty() -> AsyncGenerator[PagerDuty]:
    there, app = PagerDuty(), web.Application()
    app.router.add_get("/schedules/{id}/users", there.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield there
    finally:
        await runner.cleanup()


async def test_whoever_is_on_call_now_is_known_by_their_address_and_asked_once_a_minute() -> None:
    clock = ManualClock()
    async with pagerduty() as there:
        rota = ScheduleRota("P538IZH", TOKEN, clock, there.url)
        assert await rota.on_call() == rotas.Shift(emails=frozenset({"ann@example.com"}))
        there.users = [{"id": "PU2", "name": "Bob", "email": "bob@example.com"}, {"id": "PU3", "name": "no address"}]
        assert (await rota.on_call()).emails == {"ann@example.com"}
        clock.advance(60)
        assert (await rota.on_call()).emails == {"bob@example.com"}
    span = {"since": "2026-01-01T12:00:00+00:00", "until": "2026-01-01T12:00:01+00:00"}
    assert [there.asked[0], len(there.asked)] == [span, 2]


async def test_a_moment_of_too_many_calls_is_waited_out_once() -> None:
    async with pagerduty() as there:
        there.statuses = [429]
        assert (await ScheduleRota("P538IZH", TOKEN, ManualClock(), there.url).on_call()).emails
    assert len(there.asked) == 2


async def test_what_pagerduty_does_not_say_is_said_so_and_no_secret_with_it() -> None:
    rows: list[tuple[str, str, list[int], bytes | None, str]] = [
        ("P538IZH", "wrong-wrong-wrong", [], None, "PagerDuty does not take PAGERDUTY_TOKEN"),
        ("PNOTHERE", TOKEN, [], None, "PagerDuty has no schedule PNOTHERE"),
        ("P538IZH", TOKEN, [500], None, "PagerDuty failed: status 500"),
        ("P538IZH", TOKEN, [429, 429], None, "PagerDuty failed: status 429"),
        ("P538IZH", TOKEN, [302], None, "PagerDuty failed: status 302"),
        ("P538IZH", TOKEN, [], b"<html>", "PagerDuty did not say who is on call on P538IZH"),
        ("P538IZH", TOKEN, [], b"[" * 100_000, "PagerDuty did not say who is on call on P538IZH"),
        ("P538IZH", TOKEN, [], b'{"users": [1]}', "PagerDuty did not say who is on call on P538IZH"),
        ("P538IZH", TOKEN, [], b"[]", "PagerDuty did not say who is on call on P538IZH"),
        ("P538IZH", TOKEN, [], b" " * 1_000_001, "PagerDuty cannot be reached"),
    ]
    for row in each(rows):
        with row as (schedule, token, statuses, body, said):
            async with pagerduty() as there:
                there.statuses, there.body = statuses, body
                with pytest.raises(errors.ChannelError) as failed:
                    await ScheduleRota(schedule, token, ManualClock(), there.url).on_call()
            assert failed.value.message == said
            assert token[-4:] not in f"{failed.value} {failed.value.hint}"


async def test_a_server_that_is_not_there_is_not_tried_for_long() -> None:
    async with pagerduty() as there:
        pass
    with pytest.raises(errors.ChannelError) as failed:
        await ScheduleRota("P538IZH", TOKEN, ManualClock(), there.url).on_call()
    assert failed.value.message == "PagerDuty cannot be reached"
