"""The page of grants: everybody sees what is allowed beforehand; who gave it, or may stop, ends it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest_asyncio

import sayso
from sayso import model
from sayso.desk.admission import granting
from sayso.machine import people
from tests.adapters.web.service import Service, serving


@pytest_asyncio.fixture
async def service() -> AsyncGenerator[Service]:
    async with serving() as running:
        directory = people.Directory({name: people.Profile() for name in ("ann", "bob", "cid")})
        policies = {"default": model.Policy(grants=3_600.0)}
        running.desk.setup = replace(running.desk.setup, policies=policies, directory=directory, stoppers=("cid",))
        yield running


async def test_a_grant_is_given_on_the_card_shown_in_full_listed_and_ended(service: Service) -> None:
    call = sayso.Permission(tool="Bash", input={"command": "make deploy"})
    ticket = await service.desk.open(call)
    ann, bob = await service.signed_in("ann"), await service.signed_in("bob")
    window = await ann.press(await service.token(ticket.id, "call"))
    assert "exactly this call" in window.text
    assert "make deploy" in window.text
    assert (await service.desk.get(ticket.id)).decision is None
    assert (await ann.press(await service.token(ticket.id, "call"), x="y")).status == 303
    assert (await service.desk.open(call)).decision is not None
    (grant,) = await granting.listed(service.desk.store, service.desk.clock.now())
    page = (await bob.get("/grants")).text
    assert "exactly the call of this card" in page
    assert "/grants/end" not in page
    refused = await bob.post("/grants/end", {"csrf": await bob.csrf(), "id": grant.id})
    assert refused.status == 403
    assert "/grants/end" in (await ann.get("/grants")).text
    assert (await ann.post("/grants/end", {"csrf": await ann.csrf(), "id": grant.id})).status == 303
    assert (await service.desk.open(call)).decision is None
    assert "Nothing is allowed beforehand" in (await bob.get("/grants")).text


async def test_who_may_stop_ends_what_others_allowed(service: Service) -> None:
    ticket = await service.desk.open(sayso.Permission(tool="Bash", input={"command": "make"}))
    ann, cid = await service.signed_in("ann"), await service.signed_in("cid")
    await ann.press(await service.token(ticket.id, "call"), x="y")
    (grant,) = await granting.listed(service.desk.store, service.desk.clock.now())
    assert (await cid.post("/grants/end", {"csrf": "forged", "id": grant.id})).status == 403
    assert (await cid.post("/grants/end", {"csrf": await cid.csrf(), "id": grant.id})).status == 303
    assert (await cid.post("/grants/end", {"csrf": await cid.csrf(), "id": grant.id})).status == 404
    assert await granting.listed(service.desk.store, service.desk.clock.now()) == []
