"""Every address of the inbox, as its router has it: nobody comes in without a session, and no form from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest_asyncio

import sayso
from tests.adapters.web.service import Service, serving

# What a browser needs before anybody has signed in; none of it knows a request.
OPEN = {"/signin", "/favicon.ico", "/worker.js"}


@pytest_asyncio.fixture
async def service() -> AsyncGenerator[Service]:
    async with serving() as running:
        await running.desk.open(sayso.Permission(tool="Bash", input={"command": "make secret-target"}, id="r1"))
        yield running


def doors(service: Service) -> set[tuple[str, str]]:
    routes = service.runner.app.router.routes()
    found = {(one.method, one.resource.canonical) for one in routes if one.resource is not None}
    return {
        (method, path) for method, path in found if not path.startswith(("/static/", "/icons/")) and method != "HEAD"
    }


def address(path: str) -> str:
    return path.replace("{id}", "r1").replace("{index}", "0").replace("{plot}", "hours")


async def test_without_a_session_nothing_is_shown_and_nothing_is_done(service: Service) -> None:
    stranger = service.browser()
    tried = 0
    for method, path in sorted(doors(service)):
        if path in OPEN:
            continue
        answer = await (stranger.get(address(path)) if method == "GET" else stranger.post(address(path), {"id": "r1"}))
        assert answer.status == 401, (method, path, answer.status)
        assert "secret-target" not in answer.text
        tried += 1
    assert tried > 20
    assert (await service.desk.get("r1")).decision is None


async def test_a_form_of_another_site_or_of_another_session_does_nothing(service: Service) -> None:
    browser = await service.signed_in("ann")
    for method, path in sorted(doors(service)):
        if method != "POST" or path == "/signin":
            continue
        foreign = await browser.post(path, {"csrf": await browser.csrf()}, Origin="https://evil.example.com")
        assert foreign.status == 403, path
        forged = await browser.post(path, {"csrf": "0" * 64})
        assert forged.status == 403, path
    assert (await browser.get("/")).status == 200
