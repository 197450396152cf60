"""A team's policies in the inbox: places, stages, a reason, a name to type, time to read, a glass to break."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

import sayso
from sayso import model
from sayso.machine import people
from sayso.testing.clock import ManualClock
from tests.adapters.web.service import Browser, Service, serving


@pytest.fixture
def now() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def service(now: ManualClock) -> AsyncGenerator[Service]:
    async with serving(now) as running:
        yield running


async def ask(service: Service, **policy: Any) -> str:
    names = ("ann", "bob", "cid")
    groups = {"release": people.Group(frozenset({"ann"})), "security": people.Group(frozenset({"bob"}))}
    known = people.Directory({name: people.Profile() for name in names}, groups)
    service.desk.setup = sayso.Setup({"default": model.Policy(**policy)}, known)
    return (await service.desk.open(sayso.Permission(tool="drop", input={"database": "prod-eu"}))).id


async def page(browser: Browser, id: str) -> str:
    return (await browser.get(f"/requests/{id}")).text


async def test_places_are_counted_and_who_sat_where_stands_there_afterwards(service: Service) -> None:
    id = await ask(service, needs=[{"who": ["group:release"]}, {"who": ["group:security"]}])
    ann, bob = await service.signed_in("ann"), await service.signed_in("bob")
    assert "release 0 of 1 · security 0 of 1" in await page(ann, id)
    await ann.press(await service.token(id, "allow"))
    assert "security 0 of 1" in await page(bob, id)
    await bob.press(await service.token(id, "allow"))
    assert "security: " in await page(ann, id)


async def test_whoever_is_out_of_turn_is_told_whose_turn_it_is(service: Service) -> None:
    id = await ask(service, stages=[{"approvers": ["group:release"]}, {"approvers": ["group:security"]}])
    bob = await service.signed_in("bob")
    assert "Stage 1 of 2: release 0 of 1 · then security" in await page(bob, id)
    told = await bob.press(await service.token(id, "allow"))
    assert "It is not your turn: now it is for the group release (ann)." in told.text


async def test_a_window_asks_for_the_reason_and_the_name(service: Service) -> None:
    id = await ask(service, approvers=["ann"], reason="allow", confirm="input.database")
    ann = await service.signed_in("ann")
    opened = await ann.press(await service.token(id, "allow"))
    assert "Type this name to allow it" in opened.text
    wrong = await ann.press(await service.token(id, "allow"), text__confirm="prod", text__reason="wanted")
    assert wrong.status == 422
    assert "To allow this, its name has to be typed: the value of input.database." in wrong.text
    empty = await ann.press(await service.token(id, "allow"), text__confirm="prod-eu", text__reason=" ")
    assert (empty.status, "Please write something." in empty.text) == (422, True)
    await ann.press(await service.token(id, "allow"), text__confirm="prod-eu", text__reason="wanted")
    decision = (await service.desk.get(id)).decision
    assert decision is not None
    assert decision.reason == "wanted"


async def test_time_to_read_is_kept(service: Service, now: ManualClock) -> None:
    id = await ask(service, approvers=["ann"], confirm=10.0)
    ann = await service.signed_in("ann")
    opened = await ann.press(await service.token(id, "allow"))
    assert "Its policy gives it 10 seconds to be read." in opened.text
    submit = {"csrf": await ann.csrf(), "token": await service.token(id, "allow"), "submitted": "1"}
    early = await ann.post("/press", submit)
    assert "Read it first: you can allow it in 10 seconds." in early.text
    now.advance(10)
    assert (await ann.post("/press", submit)).status == 303


async def test_only_whoever_may_break_the_glass_has_its_button(service: Service) -> None:
    id = await ask(service, approvers=["ann"], break_glass={"who": ["bob"], "review": ["ann"]})
    bob, cid = await service.signed_in("bob"), await service.signed_in("cid")
    barred = await page(cid, id)
    assert "You may not answer this request; it is for ann." in barred
    assert "break the glass" not in barred
    assert "In an emergency you may break the glass: press Allow." in await page(bob, id)
    opened = await bob.press(await service.token(id, "allow"))
    assert "Others are told now, and review it." in opened.text
    refused = await cid.press(await service.token(id, "glass"), text__reason="me too")
    assert "You may not break the glass; it is for bob." in refused.text
    await bob.press(await service.token(id, "glass"), text__reason="the site is down")
    assert "Glass broken and allowed" in await page(cid, id)
