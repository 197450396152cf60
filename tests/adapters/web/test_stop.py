"""The page on which people stop everything, or one agent, and let it go on."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

import sayso
from sayso import errors, model
from sayso.desk import Caller
from sayso.desk.upkeep import stops
from tests.adapters.web.service import ANN, Browser, Service, serving

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as built:
        built.desk.setup = dataclasses.replace(built.desk.setup, stoppers=("ann",))
        yield built


async def sent(browser: Browser, path: str, **fields: str) -> int:
    return (await browser.post(path, {"csrf": await browser.csrf(), **fields})).status


async def test_whoever_may_stops_everything_and_lets_it_go_on(service: Service) -> None:
    ann = await service.signed_in("ann")
    asked = await service.desk.open(DEPLOY)
    assert "Stop…" in (await ann.get("/")).text
    assert await sent(ann, "/stop", agent=" ", reason="a key <b>leaked</b>") == 303
    for path in ("/stops", "/"):
        page = (await ann.get(path)).text
        assert "Everything was stopped by" in page
        assert "a key &lt;b&gt;leaked&lt;/b&gt;" in page
    # no clock ticks on a card whose time stands still
    await service.desk.let_time_act(asked.id)
    assert "data-expires" not in (await ann.get(f"/requests/{asked.id}")).text
    with pytest.raises(errors.Refused, match="ann has stopped everything"):
        await service.desk.answer(asked.id, model.Answer(verdict="allow"), ANN)
    assert await sent(ann, "/resume", agent="") == 303
    assert "Everything was stopped" not in (await ann.get("/stops")).text
    assert (await service.desk.answer(asked.id, model.Answer(verdict="allow"), ANN)).state == "decided"


async def test_one_agent_is_stopped_by_its_name_and_a_wrong_name_is_told(service: Service) -> None:
    ann = await service.signed_in("ann")
    await service.desk.open(DEPLOY, Caller("bot"))
    assert await sent(ann, "/stop", agent="bto") == 422
    assert await sent(ann, "/stop", agent="bot") == 303
    page = (await ann.get("/stops")).text
    assert "Resume this agent" in page
    assert await sent(ann, "/resume", agent="") == 404
    assert await sent(ann, "/resume", agent="bot") == 303


async def test_anybody_else_reads_who_may_and_stops_nothing(service: Service) -> None:
    bob = await service.signed_in("bob")
    assert "It is for: ann." in (await bob.get("/stops")).text
    assert "<button>Stop" not in (await bob.get("/stops")).text
    for path in ("/stop", "/resume"):
        assert await sent(bob, path) == 403
    ann = await service.signed_in("ann")
    # without the token of the form, from elsewhere, or by a link
    assert (await ann.post("/stop", {})).status == 403
    assert (await ann.post("/stop", {"csrf": await ann.csrf()}, Origin="https://elsewhere.example")).status == 403
    assert (await ann.get("/stop")).status in (404, 405)
    assert (await service.browser().get("/stops")).status == 401
    assert (await stops.standing(service.desk.store)).all == ()
