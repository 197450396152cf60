"""Many requests at once in the inbox: a row can be chosen once all of it is shown, and each is decided by itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

import sayso
from sayso import model
from sayso.cards import grid
from sayso.desk import Caller
from tests.adapters.web.service import Browser, Service, serving


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as built:
        yield built


async def ask(service: Service, *commands: str, owner: str = "bot", **given: object) -> list[model.Ticket]:
    asked = [sayso.Permission(tool="Bash", input={"command": one}, **given) for one in commands]  # type: ignore[arg-type]
    return [await service.desk.open(one, Caller(owner=owner)) for one in asked]


def proofs(page: str) -> list[str]:
    """What the rows that can be chosen send, in the order of the page."""
    return re.findall(r'type="checkbox" name="row" value="(b1\.[^"]+)"', page)


async def send(browser: Browser, verdict: str, rows: list[str], **more: str) -> str:
    fields = [("csrf", await browser.csrf()), ("verdict", verdict), *(("row", one) for one in rows), *more.items()]
    answer = await browser.post("/many", fields)
    assert answer.status == 200, answer.text
    return answer.text


async def outcomes(service: Service, tickets: list[model.Ticket]) -> list[str | None]:
    found = [(await service.desk.get(one.id)).decision for one in tickets]
    return [one.outcome if one else None for one in found]


async def test_what_is_alike_stands_together_and_the_most_risky_first(service: Service) -> None:
    await ask(service, "ls", "pwd")
    await ask(service, "echo one", "rm -rf /srv/data", owner="other")
    page = (await (await service.signed_in("ann")).get("/many")).text
    assert "bot asks to run" in page.replace("\n", " ")
    assert page.index("rm -rf") < page.index("echo one") < page.index(">ls<")
    assert "high risk" in page
    assert len(proofs(page)) == 4


async def test_those_that_are_chosen_are_allowed_and_the_others_stay(service: Service) -> None:
    tickets = await ask(service, "one", "two", "three")
    ann = await service.signed_in("ann")
    rows = proofs((await ann.get("/many")).text)
    page = await send(ann, "allow", rows[:2])
    assert "Allowed 2." in page
    assert sorted(map(str, await outcomes(service, tickets))) == ["None", "allowed", "allowed"]
    page = await send(ann, "deny", rows, reason="not now")
    assert "Denied 1. 2 were decided meanwhile." in page
    assert (await service.desk.get(tickets[2].id)).decision is not None
    assert "Nothing was chosen." in await send(ann, "allow", [])


async def test_a_long_row_is_chosen_only_after_it_was_opened(service: Service) -> None:
    (ticket,) = await ask(service, "echo " + "x" * (grid.ROOM + 1) + " end")
    ann = await service.signed_in("ann")
    page = (await ann.get("/many")).text
    assert proofs(page) == []
    assert "Open it first" in page
    assert " end<" not in page
    opened = (await ann.get(f"/many?open={ticket.id}")).text
    assert " end<" in opened
    assert "Allowed 1." in await send(ann, "allow", proofs(opened))


async def test_what_is_of_high_risk_is_asked_about_once_more(service: Service) -> None:
    tickets = await ask(service, "ls", "rm -rf /srv/data", "pwd")
    ann = await service.signed_in("ann")
    rows = proofs((await ann.get("/many")).text)
    page = await send(ann, "allow", rows, reason="planned")
    assert "Allow these as well?" in page
    assert "rm -rf" in page
    assert ">pwd<" not in page
    assert await outcomes(service, tickets) == [None] * 3
    again = re.findall(r'type="hidden" name="row" value="(b1\.[^"]+)"', page)
    assert len(again) == 3
    assert 'value="planned"' in page
    assert "Allowed 3." in await send(ann, "allow", again, sure="1", reason="planned")
    # to deny it needs no second look
    await ask(service, "rm -rf /srv/data")
    assert "Denied 1." in await send(ann, "deny", proofs((await ann.get("/many")).text))


async def test_nobody_answers_what_was_shown_to_somebody_else_or_to_nobody(service: Service) -> None:
    tickets = await ask(service, "one", "two")
    ann, bob = await service.signed_in("ann"), await service.signed_in("bob")
    rows = proofs((await ann.get("/many")).text)
    for wrong in ([rows[0]], [rows[0][:-2] + "AA"], ["b1.x"], ["b1." + "A" * 22 + ".allow.1." + "A" * 22]):
        fields = [("csrf", await bob.csrf()), ("verdict", "allow"), *(("row", one) for one in wrong)]
        assert (await bob.post("/many", fields)).status in (400, 403)
    assert await outcomes(service, tickets) == [None, None]
    fields = [("csrf", await ann.csrf()), ("verdict", "maybe"), ("row", rows[0])]
    assert (await ann.post("/many", fields)).status == 422
    assert (await service.browser().get("/many")).status == 401


async def test_only_what_waits_for_this_person_and_has_no_answer_of_its_own_stands_there(service: Service) -> None:
    await ask(service, "for ann", policy="ann")
    await service.desk.open(sayso.Question("Which?"))
    ann, bob = await service.signed_in("ann"), await service.signed_in("bob")
    page = (await ann.get("/many")).text
    assert "for ann" in page
    assert "1 more waits for you" in page
    assert "for ann" not in (await bob.get("/many")).text
    assert "Answer many at once" in (await ann.get("/")).text


async def test_more_than_one_page_of_the_store_is_read(service: Service) -> None:
    await ask(service, *(f"echo {number}" for number in range(60)))
    assert len(proofs((await (await service.signed_in("ann")).get("/many")).text)) == 60


async def test_a_secret_is_covered_in_the_grid(service: Service) -> None:
    secret = "AKIA" + "QWERTYUIOPASDFGH"
    await ask(service, f"aws s3 ls --key {secret}", f"AWS_SECRET_ACCESS_KEY={secret} ls")
    page = (await (await service.signed_in("ann")).get("/many")).text
    assert len(proofs(page)) == 2
    assert secret not in page
