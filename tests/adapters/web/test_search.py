"""The page of all requests: filters, words, pages; and what is typed there stays text."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

import sayso
from sayso import model
from sayso.desk import keys
from sayso.desk.answering import searching
from sayso.testing import samples
from sayso_web import search_page
from tests.adapters.web.service import ANN, Elements, Service, serving

HOSTILE = '"><script>alert(1)</script>\u202e'


@pytest_asyncio.fixture
async def service() -> AsyncGenerator[Service]:
    async with serving() as running:
        await keys.Keys(running.desk.store).add("anns-bot", "agent", samples.NOW)
        yield running


async def ask(service: Service, id: str, tool: str = "Bash", owner: str = "bot", **more: object) -> None:
    request = sayso.Permission(tool=tool, input={"command": f"make {id}"}, id=id)
    known = [one.record for one in await keys.Keys(service.desk.store).list() if one.name == owner]
    caller = sayso.Caller(owner, requester="ann", key=known[0]) if known else sayso.Caller(owner)
    await service.desk.open(request.model_copy(update=more), caller)


def shown(text: str) -> list[str]:
    return re.findall(r'data-row="([^"]+)"', text)


async def test_each_filter_of_the_form_leaves_out_what_is_not_so(service: Service) -> None:
    source = model.Source(session="s-1")
    await ask(service, "odd", "deploy", "anns-bot", policy="ann", risk="high", priority="urgent", source=source)
    await ask(service, "even")
    await service.desk.answer("even", model.Answer(verdict="deny"), ANN)
    browser = await service.signed_in("ann")
    assert set(shown((await browser.get("/requests")).text)) == {"odd", "even"}
    filters = {
        "state": "pending",
        "tool": "deploy",
        "agent": "anns-bot",
        "session": "s-1",
        "policy": "ann",
        "risk": "high",
        "priority": "urgent",
        "search": "make odd",
        "whose": "mine",
    }
    page = await browser.get("/requests")
    for name, said in filters.items():
        page = await browser.get(f"/requests?{name}={said}")
        assert shown(page.text) == ["odd"], name
    for name, said in {"place": "slack", "rule": "none"}.items():
        assert shown((await browser.get(f"/requests?{name}={said}")).text) == [], name
    assert set(shown((await browser.get("/requests?place=web")).text)) == {"odd", "even"}
    # every field of the form is one of these
    names = {dict(tag[1]).get("name") for tag in Elements(page.text).tags if tag[0] in ("input", "select")}
    assert {*filters, "place", "rule"} == names - {"csrf"} == {*searching.NAMES}


async def test_what_others_may_answer_is_left_out_if_that_is_asked_for(service: Service) -> None:
    await ask(service, "anns", policy="ann")
    await ask(service, "anybodys")
    browser = await service.signed_in("bob")
    assert shown((await browser.get("/requests?whose=me")).text) == ["anybodys"]


async def test_pages_follow_one_another_with_their_filters(service: Service) -> None:
    for number in range(search_page.ROWS + 3):
        await ask(service, f"n{number:02}")
        await ask(service, f"other{number:02}", "Edit")
    browser = await service.signed_in()
    first = (await browser.get("/requests?tool=bash")).text
    assert len(shown(first)) == search_page.ROWS
    (link,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = (await browser.get(html.unescape(link))).text
    assert shown(second) == ["n02", "n01", "n00"]
    assert 'rel="next"' not in second
    assert "?tool=bash" in second
    assert (await browser.get("/requests?before=nowhere")).status == 404


async def test_an_id_is_found_at_once(service: Service) -> None:
    for number in range(30):
        await ask(service, f"r{number}")
    browser = await service.signed_in()
    assert shown((await browser.get("/requests?search=r3")).text) == ["r3"]


async def test_what_is_typed_stays_text_and_what_is_no_choice_is_refused(service: Service) -> None:
    browser = await service.signed_in()
    page = await browser.get(f"/requests?search={HOSTILE}&tool={HOSTILE}")
    assert page.status == 200
    assert "<script>alert" not in page.text
    assert [tag for tag, _ in Elements(page.text).tags if tag == "script"] == ["script"] * 3
    for wrong in ("state=open", "risk=x", "priority=x", "whose=x", f"search={'x' * 201}"):
        assert (await browser.get(f"/requests?{wrong}")).status == 422, wrong
    assert (await service.browser().get("/requests")).status == 401


async def test_a_search_that_finds_nothing_yet_says_how_far_it_looked(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso.desk.answering.searching.MOST_READ", 100)
    for number in range(120):
        await ask(service, f"n{number}")
    page = (await (await service.signed_in()).get("/requests?tool=rare")).text
    assert "100 requests were looked at" in page
    assert "Look further back" in page
