"""The page of numbers: for readers only, with plots that stand as images."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest_asyncio

import sayso
import sayso_plots
import sayso_web
from sayso import model
from sayso.machine import people
from tests.adapters.web.service import ANN, Service, serving

PLOTS = sayso_web.Plots(sayso_plots.PLOTS, sayso_plots.draw)


@pytest_asyncio.fixture
async def service() -> AsyncGenerator[Service]:
    async with serving(plots=PLOTS) as running:
        await running.desk.open(sayso.Permission(id="r1", tool="<b>Bash\u202e", input={"command": "make"}))
        await running.desk.answer("r1", model.Answer(verdict="allow"), ANN)
        yield running


async def test_the_page_shows_who_decided_what_and_how_fast(service: Service) -> None:
    browser = await service.signed_in()
    assert 'href="/stats"' in (await browser.get("/")).text
    page = await browser.get("/stats?days=7")
    assert page.status == 200
    assert "The last 7 days" in page.text
    assert "1 allowed" in page.text
    assert "&lt;b&gt;Bash⟦U+202E⟧" in page.text
    assert page.text.count('<img src="/stats/') == len(sayso_plots.PLOTS)


async def test_each_plot_is_an_image_that_can_do_nothing_else(service: Service) -> None:
    browser = await service.signed_in()
    for name in sayso_plots.PLOTS:
        drawn = await browser.get(f"/stats/{name}.svg?days=30")
        assert (drawn.status, drawn.headers["Content-Type"]) == (200, "image/svg+xml")
        assert drawn.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert (await browser.get("/stats/none.svg")).status == 404
    assert (await browser.get("/stats?days=31")).status == 422


async def test_only_readers_see_them(service: Service) -> None:
    assert (await service.browser().get("/stats")).status == 401
    assert (await service.browser().get("/stats/hours.svg")).status == 401
    directory = people.Directory(
        {"ann": people.Profile(), "bob": people.Profile()}, {"leads": people.Group(frozenset({"ann"}))}
    )
    service.desk.setup = replace(service.desk.setup, directory=directory, readers=("group:leads",))
    ann, bob = await service.signed_in("ann"), await service.signed_in("bob")
    assert (await ann.get("/stats")).status == 200
    refused = await bob.get("/stats")
    assert refused.status == 403
    assert "group:leads" in refused.text
    assert (await bob.get("/stats/hours.svg")).status == 403
    assert "/stats" not in (await bob.get("/")).text


async def test_without_anything_that_draws_the_tables_stand_alone() -> None:
    async with serving() as running:
        browser = await running.signed_in()
        page = await browser.get("/stats")
        assert page.status == 200
        assert '<img src="/stats' not in page.text
        assert (await browser.get("/stats/hours.svg")).status == 404
