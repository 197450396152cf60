"""The way into the web inbox: who gets a session, for how long, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from sayso import errors
from sayso.testing.clock import ManualClock
from sayso_web import sessions
from tests.adapters.web.service import Service, serving
from tests.tables import each


@pytest.fixture
def now() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def service(now: ManualClock) -> AsyncGenerator[Service]:
    async with serving(now) as running:
        yield running


async def test_a_sign_in_link_opens_one_session(service: Service) -> None:
    browser = await service.signed_in("ann")
    page = await browser.get("/")
    assert page.status == 200
    assert "Signed in as <bdi>ann</bdi>" in page.text


async def test_a_sign_in_link_works_once(service: Service) -> None:
    link = await service.sessions.link("owner", service.url)
    assert (await service.browser().post("/signin", {"code": link})).status == 303
    again = await service.browser().post("/signin", {"code": link})
    assert again.status == 401
    assert "used before" in again.text
    assert "Set-Cookie" not in again.headers


async def test_whoever_opens_a_used_link_again_is_led_on_to_where_they_are_signed_in(service: Service) -> None:
    link, wanted = await service.sessions.link("ann", service.url), {"next": "/requests/r1"}
    browser = service.browser()
    await browser.post("/signin", {"code": link})
    again = await browser.post("/signin", {"code": link, **wanted})
    assert again.status == 401
    assert 'signed in as <bdi>ann</bdi>: <a href="/requests/r1">' in again.text
    assert "<bdi>ann</bdi>" not in (await service.browser().post("/signin", {"code": link, **wanted})).text


async def test_opening_a_sign_in_link_does_not_use_it_up(service: Service) -> None:
    link = await service.sessions.link("owner", service.url)
    browser = service.browser()
    assert (await browser.get("/signin")).status == 200
    assert "#" in link
    assert (await browser.post("/signin", {"code": link})).status == 303


async def test_a_sign_in_link_ends_after_fifteen_minutes(service: Service, now: ManualClock) -> None:
    link = await service.sessions.link("owner", service.url)
    now.advance(15 * 60)
    assert (await service.browser().post("/signin", {"code": link})).status == 401


async def test_the_database_holds_neither_link_nor_cookie(service: Service) -> None:
    link = await service.sessions.link("owner", service.url)
    browser = await service.signed_in()
    cookie = next(iter(browser.http.cookie_jar)).value
    stored = repr([*await service.desk.store.scan("signin"), *await service.desk.store.scan("session")])
    assert stored.count("Record(") == 2
    assert link.partition("#")[2] not in stored
    assert cookie not in stored


async def test_an_approver_key_signs_in_as_its_person(service: Service, now: ManualClock) -> None:
    key = await service.keys.add("anns", "approver", now.now(), "ann")
    browser = service.browser()
    assert (await browser.post("/signin", {"code": key})).status == 303
    assert "<bdi>ann</bdi>" in (await browser.get("/")).text


async def test_no_other_key_signs_in(service: Service, now: ManualClock) -> None:
    rows: list[str] = ["agent", "operator"]
    for row in each(rows):
        with row as role:
            key = await service.keys.add(f"k-{role}", role, now.now(), "ann")
            reply = await service.browser().post("/signin", {"code": key})
            assert reply.status == 403
            assert f"A key of role {role} cannot answer" in reply.text
            assert "Set-Cookie" not in reply.headers


async def test_revoking_a_key_ends_the_sessions_it_opened(service: Service, now: ManualClock) -> None:
    key = await service.keys.add("anns", "approver", now.now(), "ann")
    browser = service.browser()
    await browser.post("/signin", {"code": key})
    await service.keys.revoke("anns")
    now.advance(1)
    await service.keys.add("anns", "approver", now.now(), "ann")
    assert (await browser.get("/")).status == 401


async def test_a_session_ends_after_twelve_idle_hours(service: Service, now: ManualClock) -> None:
    browser = await service.signed_in()
    now.advance(11 * 3600)
    assert (await browser.get("/")).status == 200
    now.advance(11 * 3600)
    assert (await browser.get("/")).status == 200
    now.advance(12 * 3600)
    assert (await browser.get("/")).status == 401


async def test_a_session_ends_after_thirty_days_however_busy(service: Service, now: ManualClock) -> None:
    session = await service.sessions.sign_in(await service.sessions.link("owner", service.url))
    for _ in range(30 * 4 - 1):
        now.advance(6 * 3600)
        await service.sessions.find(session.secret)
    now.advance(6 * 3600)
    with pytest.raises(errors.Unauthorized):
        await service.sessions.find(session.secret)


async def test_signing_out_ends_the_session_and_not_only_the_cookie(service: Service) -> None:
    browser = await service.signed_in()
    cookie = next(iter(browser.http.cookie_jar)).value
    assert (await browser.post("/signout", {"csrf": await browser.csrf()})).status == 303
    assert (await service.browser().get("/", Cookie=f"sayso={cookie}")).status == 401


async def test_the_cookie_is_kept_from_scripts_and_other_sites(service: Service) -> None:
    reply = await service.browser().post("/signin", {"code": await service.sessions.link("owner", service.url)})
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("sayso=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}


async def test_behind_https_the_cookie_is_bound_to_the_host_and_no_other_is_taken() -> None:
    async with serving(public="https://sayso.example") as service:
        code = await service.sessions.link("owner", "https://sayso.example")
        reply = await service.browser().post("/signin", {"code": code}, Origin="https://sayso.example")
        cookie = reply.headers["Set-Cookie"]
        assert cookie.startswith("__Host-sayso=")
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        value = cookie.partition(";")[0].partition("=")[2]
        assert (await service.browser().get("/", Cookie=f"__Host-sayso={value}")).status == 200
        assert (await service.browser().get("/", Cookie=f"sayso={value}")).status == 401


async def test_of_two_uses_of_a_link_at_once_one_gets_in(service: Service) -> None:
    link = await service.sessions.link("owner", service.url)
    tries = [service.browser().post("/signin", {"code": link}) for _ in range(5)]
    assert sorted(reply.status for reply in await asyncio.gather(*tries)) == [303, 401, 401, 401, 401]


async def test_ten_failures_in_a_minute_close_the_door_for_the_rest_of_it(service: Service, now: ManualClock) -> None:
    browser = service.browser()
    tries = [(await browser.post("/signin", {"code": "wrong"})).status for _ in range(11)]
    assert tries == [401] * 10 + [403]
    now.advance(60)
    assert (await browser.post("/signin", {"code": "wrong"})).status == 401


async def test_whoever_has_a_right_code_gets_in_however_often_others_at_the_address_failed(service: Service) -> None:
    stranger, ann = service.browser(), service.browser()
    for _ in range(15):
        await stranger.post("/signin", {"code": "wrong"})
    link = await service.sessions.link("ann", service.url)
    assert (await ann.post("/signin", {"code": link})).status == 303
    key = await service.keys.add("ann", "approver", service.desk.clock.now(), "ann")
    assert (await service.browser().post("/signin", {"code": key})).status == 303


async def test_signing_in_leads_to_no_foreign_page(service: Service) -> None:
    rows: list[str] = ["//evil.example", "https://evil.example/", "/\\evil.example", "/requests/a/../../x"]
    for row in each(rows):
        with row as wanted:
            link = await service.sessions.link("owner", service.url)
            reply = await service.browser().post("/signin", {"code": link, "next": wanted})
            assert reply.headers["Location"] == "/"


async def test_signing_in_leads_to_the_page_that_was_wanted(service: Service) -> None:
    browser = service.browser()
    page = await browser.get("/requests/deploy-42")
    assert page.status == 401
    assert 'name="next" value="/requests/deploy-42"' in page.text


async def test_a_link_from_a_chat_finds_the_session_by_one_more_step(service: Service) -> None:
    page = await service.browser().get("/requests/deploy-42", Sec_Fetch_Site="cross-site")
    assert page.status == 200
    assert 'http-equiv="refresh" content="0;url=/requests/deploy-42"' in page.text


async def test_expired_links_and_sessions_are_swept_away(service: Service, now: ManualClock) -> None:
    await service.sessions.link("owner", service.url)
    await service.signed_in()
    now.advance(sessions.LONGEST.total_seconds())
    await service.sessions.link("owner", service.url)
    assert len(await service.desk.store.scan("signin")) == 1
    assert await service.desk.store.scan("session") == []


async def test_a_form_of_a_stranger_is_small(service: Service) -> None:
    browser = service.browser()
    assert (await browser.post("/signin", {"code": "x" * 20_000})).status == 422
    assert (await browser.post("/signin", {"code": "x" * 10_000})).status == 401
