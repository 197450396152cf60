"""News of the inbox as server-sent events: in order, resumable, and only for whoever is signed in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

import sayso
from sayso import model
from sayso.desk.upkeep import attendance, broadcast
from sayso_web import live
from tests.adapters.web.service import ANN, Browser, Service, serving
from tests.conftest import BOUND


@pytest_asyncio.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Service]:
    monkeypatch.setattr(attendance, "LOOK", 0.01)
    async with serving() as running:
        yield running


@asynccontextmanager
async def stream(browser: Browser, after: int = 0, **headers: str) -> AsyncGenerator[aiohttp.ClientResponse]:
    url = f"{browser.url}/events?after={after}"
    async with asyncio.timeout(BOUND), browser.http.get(url, headers=headers) as answer:
        yield answer


async def event(answer: aiohttp.ClientResponse) -> tuple[int, str, dict[str, Any]]:
    lines = dict[str, str]()
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if not line and "data" in lines:
            return int(lines["id"]), lines["event"], json.loads(lines["data"])
        name, _, value = line.partition(": ")
        if name:
            lines[name] = value
    raise AssertionError("the stream ended")


async def test_a_new_request_and_its_decision_arrive_as_cards(service: Service) -> None:
    browser = await service.signed_in()
    async with stream(browser) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        await service.desk.open(sayso.Permission(tool="Bash", id="r1"))
        number, name, news = await event(answer)
        assert (name, news["id"], news["state"], news["row"]) == ("card", "r1", "pending", None)
        assert await browser.csrf() in news["card"]
        await service.desk.answer("r1", model.Answer(verdict="deny"), ANN)
        later, _, news = await event(answer)
        assert later > number
        assert (news["state"], "Denied" in news["card"], "Denied" in news["row"]) == ("decided", True, True)


async def test_a_page_that_lost_the_connection_gets_what_it_missed(service: Service) -> None:
    browser = await service.signed_in()
    await service.desk.open(sayso.Question("?", id="r1"))
    async with stream(browser) as answer:
        seen, _, _ = await event(answer)
    await service.desk.open(sayso.Question("?", id="r2"))
    async with stream(browser, 0, **{"Last-Event-ID": str(seen)}) as answer:
        assert (await event(answer))[2]["id"] == "r2"


async def test_whoever_missed_too_much_is_told_to_read_the_page_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LONGEST_GAP", 2)
    for _ in range(3):
        await service.desk.open(sayso.Question("?"))
    async with stream(await service.signed_in()) as answer:
        assert (await event(answer))[1] == "reload"


async def test_nobody_else_hears_anything(service: Service) -> None:
    async with stream(service.browser()) as answer:
        assert answer.status == 401


async def test_signing_out_ends_the_stream_before_the_next_news(service: Service) -> None:
    browser = await service.signed_in()
    async with stream(browser) as answer:
        await browser.post("/signout", {"csrf": await browser.csrf()})
        await service.desk.open(sayso.Question("secret?"))
        assert b"secret" not in await answer.content.read()


async def test_revoking_its_key_ends_the_stream_of_a_session_though_nothing_else_happens(service: Service) -> None:
    key = await service.keys.add("anns", "approver", service.desk.clock.now(), "ann")
    browser = service.browser()
    await browser.post("/signin", {"code": key})
    async with stream(browser) as answer, asyncio.timeout(5):
        assert await answer.content.readline()
        await service.keys.revoke("anns", service.desk.clock.now())
        while await answer.content.readline():
            pass


async def test_an_open_stream_shows_signs_of_life(service: Service) -> None:
    service.desk.broadcast = broadcast.Broadcast(service.desk.store, service.desk.clock, 0.02)
    async with stream(await service.signed_in()) as answer:
        assert await answer.content.readuntil(b": still here\n")


async def test_one_session_has_a_few_streams_and_gets_them_back_when_pages_close(service: Service) -> None:
    browser = await service.signed_in()
    first = [await browser.http.get(f"{service.url}/events") for _ in range(live.MOST_STREAMS)]
    async with stream(browser) as answer:
        assert answer.status == 429
    for open_stream in first:
        open_stream.close()
    status = 429
    async with asyncio.timeout(BOUND):
        while status == 429:
            async with stream(browser) as answer:
                status = answer.status
    assert status == 200


async def test_the_service_stops_although_pages_are_open(service: Service) -> None:
    async with stream(await service.signed_in()) as answer:
        await service.runner.cleanup()
        assert b"event" not in await answer.content.read()


async def test_a_page_that_is_closed_before_its_first_line_is_no_error(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(*_: object) -> None:
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    browser = await service.signed_in()
    monkeypatch.setattr(web.StreamResponse, "prepare", gone)
    with pytest.raises(aiohttp.ClientError):
        await browser.http.get(f"{service.url}/events")
    assert caplog.text == ""
