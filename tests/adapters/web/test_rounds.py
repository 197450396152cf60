"""Open pages hear their news in one round: in order, also a slow one, and none whose session has ended meanwhile."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio

import sayso
from sayso import errors
from sayso.desk.upkeep import attendance
from sayso_web import rounds, sessions
from tests.adapters.web.service import Browser, Service, serving
from tests.adapters.web.test_live import event, stream
from tests.conftest import until


@pytest_asyncio.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Service]:
    monkeypatch.setattr(attendance, "LOOK", 0.01)
    async with serving() as running:
        yield running


@pytest_asyncio.fixture
async def pages(service: Service) -> AsyncGenerator[list[tuple[Browser, aiohttp.ClientResponse]]]:
    """Three pages, two of them of one session, which have all that there is."""
    async with AsyncExitStack() as stack:
        ann, other = await service.signed_in(), await service.signed_in()
        opened = [(one, await stack.enter_async_context(stream(one))) for one in (ann, ann, other)]
        await service.desk.open(sayso.Question("?", id="r1"))
        assert [(await event(answer))[2]["id"] for _, answer in opened] == ["r1"] * 3
        yield opened


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sessions were looked up, each time."""
    found, holding = list[int](), sessions.Sessions.holding

    async def counted(self: sessions.Sessions, asked: Collection[str]) -> Collection[str]:
        found.append(len(asked))
        return await holding(self, asked)

    monkeypatch.setattr(sessions.Sessions, "holding", counted)
    return found


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Whether pages read what is written to them."""

    def say(reads: bool) -> None:
        monkeypatch.setattr(rounds.Page, "reads", property(lambda _: reads))

    return say


Pages = list[tuple[Browser, aiohttp.ClientResponse]]


async def test_all_pages_hear_in_one_round_each_with_its_own_forms(
    service: Service, pages: Pages, looked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    written, write = list[bytes](), rounds.Page.write

    def noted(page: rounds.Page, text: bytes) -> None:
        written.append(text)
        write(page, text)

    monkeypatch.setattr(rounds.Page, "write", noted)
    del looked[:]
    await service.desk.open(sayso.Question("?", id="r2"))
    for browser, answer in pages:
        _, _, news = await event(answer)
        assert (news["id"], await browser.csrf() in news["card"]) == ("r2", True)
    assert (looked[0], len(written)) == (2, 3)


async def test_a_page_whose_session_has_ended_hears_nothing_and_the_others_go_on(
    service: Service, pages: Pages
) -> None:
    browser, answer = pages[2]
    await browser.post("/signout", {"csrf": await browser.csrf()})
    await service.desk.open(sayso.Question("secret?", id="r2"))
    assert b"secret" not in await answer.content.read()
    assert [(await event(answer))[2]["id"] for _, answer in pages[:2]] == ["r2"] * 2


async def test_a_page_that_stops_reading_meanwhile_gets_its_rows_in_order_by_its_own_task(
    service: Service, pages: Pages, reading: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    holding = sessions.Sessions.holding

    async def slowly(self: sessions.Sessions, asked: Collection[str]) -> Collection[str]:
        # while they are looked up, more comes, and nobody reads any more
        monkeypatch.setattr(sessions.Sessions, "holding", holding)
        reading(False)
        await service.desk.open(sayso.Question("?", id="r3"))
        return await holding(self, asked)

    monkeypatch.setattr(sessions.Sessions, "holding", slowly)
    await service.desk.open(sayso.Question("?", id="r2"))
    for _, answer in pages:
        assert [(await event(answer))[2]["id"] for _ in range(2)] == ["r2", "r3"]
    await service.desk.open(sayso.Question("?", id="r4"))
    reading(True)
    assert [(await event(answer))[2]["id"] for _, answer in pages] == ["r4"] * 3


async def test_while_nobody_knows_who_is_signed_in_the_pages_end_and_come_again(
    service: Service, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*_: object) -> Collection[str]:
        raise errors.StoreUnavailable("not now")

    with monkeypatch.context() as patch:
        patch.setattr(sessions.Sessions, "holding", unknown)
        await service.desk.open(sayso.Question("secret?", id="r2"))
        for _, answer in pages:
            assert b"secret" not in await answer.content.read()
    async with stream(pages[0][0], 1) as answer:
        assert (await event(answer))[2]["id"] == "r2"


async def test_a_page_for_which_too_much_waits_is_opened_again(
    service: Service, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding, goes_on = sessions.Sessions.holding, asyncio.Event()

    async def stuck(self: sessions.Sessions, asked: Collection[str]) -> Collection[str]:
        await goes_on.wait()
        return await holding(self, asked)

    def reached(number: int) -> bool:
        return service.desk.broadcast.number >= number

    monkeypatch.setattr(rounds, "_MOST_LEFT", 2)
    with monkeypatch.context() as patch:
        patch.setattr(sessions.Sessions, "holding", stuck)
        for number in range(2, 6):
            await service.desk.open(sayso.Question("?", id=f"r{number}"))
            await until(functools.partial(reached, number))
    goes_on.set()
    for _, answer in pages:
        assert b"r5" not in await answer.content.read()
    async with stream(pages[0][0], 1) as answer:
        assert [(await event(answer))[2]["id"] for _ in range(4)] == ["r2", "r3", "r4", "r5"]
