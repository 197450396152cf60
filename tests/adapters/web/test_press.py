"""Presses in the web inbox without any script: what counts, what is refused, and what a person is told."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
import pytest_asyncio

import sayso
from sayso import model
from sayso.content import digest
from sayso.machine import events, people
from sayso.stores import Query, memory, protocol
from sayso.testing.clock import ManualClock
from tests.adapters.web.service import ANN, Browser, Service, serving
from tests.core.content.test_images import png

REFUND = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "maximum": 120},
        "sure": {"type": "boolean"},
        "why": {"type": "string", "enum": ["Late", "Broken"]},
        "day": {"type": "string", "format": "date"},
    },
    "required": ["amount", "sure", "why"],
}


@pytest.fixture
def now() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def service(now: ManualClock) -> AsyncGenerator[Service]:
    async with serving(now) as running:
        yield running


@pytest_asyncio.fixture
async def browser(service: Service) -> Browser:
    return await service.signed_in()


async def permission(service: Service, **more: str) -> str:
    asked = sayso.Permission(
        tool="Bash", input={"command": "make deploy\nmake test"}, policy=more.get("policy") or "default"
    )
    return (await service.desk.open(asked)).id


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/stop", 405), ("/request/r1", 404)])
async def test_an_address_that_is_no_page_is_told_on_a_page_to_people_alone(
    browser: Browser, path: str, status: int
) -> None:
    shown = await browser.http.get(f"{browser.url}{path}", headers={"Accept": "text/html,*/*;q=0.8"})
    text = await shown.text()
    assert (shown.status, shown.content_type, "There is no such page." in text) == (status, "text/html", True)
    assert ("Nothing is decided by opening an address." in text) == (status == 405)
    assert shown.headers["X-Frame-Options"] == "DENY"
    assert shown.headers.get("Allow") == ("POST" if status == 405 else None)
    told = await browser.http.get(f"{browser.url}{path}", headers={"Accept": "application/json"})
    assert (told.status, told.content_type) == (status, "text/plain")


async def test_a_long_log_goes_on_behind_a_link(service: Service, browser: Browser) -> None:
    id = await permission(service)
    for number in range(protocol.LOG_PAGE + 1):
        delivered = events.Delivered(at=service.desk.clock.now(), place=f"chat:#room-{number}", message="m")
        await service.desk.store.append(id, 1, delivered)
    first = (await browser.get(f"/requests/{id}")).text
    assert (first.count("chat:#room-"), "#room-500" in first) == (protocol.LOG_PAGE - 1, False)
    [after] = re.findall(r'<a href="\?log=(\d+)#log">What happened after that</a>', first)
    last = (await browser.get(f"/requests/{id}?log={after}")).text
    assert ("#room-500" in last, "What happened after that" in last) == (True, False)


async def decision(service: Service, id: str) -> model.Decision | None:
    return (await service.desk.get(id)).decision


async def test_the_whole_request_is_a_file_that_is_saved_and_never_a_page(service: Service, browser: Browser) -> None:
    asked = await service.desk.open(sayso.Permission(tool="Bash", input={"command": "<script>1</script>\n" * 40_000}))
    reply = await browser.get(f"/requests/{asked.id}/request.txt")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="request.txt"'
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.text.count("<script>1</script>") == 40_000


async def test_a_press_decides_as_the_person_who_signed_in(service: Service, browser: Browser) -> None:
    id = await permission(service)
    reply = await browser.press(await service.token(id, "allow"))
    assert (reply.status, reply.headers["Location"]) == (303, f"/requests/{id}")
    decided = await decision(service, id)
    assert decided is not None
    assert decided.allowed
    assert [(by.person, by.via) for by in decided.by] == [("owner", "web:owner")]


async def test_a_denial_with_a_reason_needs_the_reason(service: Service, browser: Browser) -> None:
    id = await permission(service)
    token = await service.token(id, "reason")
    opened = await browser.press(token)
    assert (opened.status, "Why not?" in opened.text) == (200, True)
    empty = await browser.press(token, text__reason=" ")
    assert empty.status == 422
    assert re.search(r'aria-invalid="true"[^>]*aria-describedby="in-[^"]*-reason-wrong', empty.text)
    assert "Please write something." in empty.text
    assert (await browser.press(token, text__reason="too risky")).status == 303
    decided = await decision(service, id)
    assert decided is not None
    assert (decided.outcome, decided.reason) == ("denied", "too risky")


async def test_an_untouched_edit_allows_exactly_what_was_asked(service: Service, browser: Browser) -> None:
    id = await permission(service)
    opened = await browser.press(await service.token(id, "edit"))
    assert re.search(r"<textarea[^>]*>\nmake deploy\nmake test</textarea>", opened.text)
    # as browsers send line feeds
    await browser.press(await service.token(id, "edit"), text__k0="make deploy\r\nmake test")
    decided = await decision(service, id)
    assert decided is not None
    assert decided.input == {"command": "make deploy\nmake test"}
    assert (await service.desk.get(id)).answers[0].answer.input is None


async def test_an_edit_runs_what_the_person_wrote(service: Service, browser: Browser) -> None:
    id = await permission(service)
    await browser.press(await service.token(id, "edit"), text__k0="make test")
    decided = await decision(service, id)
    assert decided is not None
    assert decided.input == {"command": "make test"}


async def test_a_question_is_answered_in_its_card(service: Service, browser: Browser) -> None:
    id = (await service.desk.open(sayso.Question("Which customer?"))).id
    assert "<textarea" in (await browser.get("/")).text
    await browser.press(await service.token(id, "fill"), text__f0="Acme")
    decided = await decision(service, id)
    assert decided is not None
    assert decided.text == "Acme"


async def test_several_options_can_be_chosen(service: Service, browser: Browser) -> None:
    id = (await service.desk.open(sayso.Choice("Which?", ["a", "b", "c"], multiple=True))).id
    token = await service.token(id, "pick")
    none = await browser.press(token, choice__f0="")
    assert (none.status, "Choose at least one option." in none.text) == (422, True)
    fields = [("csrf", await browser.csrf()), ("token", token), ("submitted", "1")]
    await browser.post("/press", [*fields, ("choice.f0", "0"), ("choice.f0", "2")])
    decided = await decision(service, id)
    assert decided is not None
    assert decided.choices == ("a", "c")


async def test_a_form_says_beside_the_field_what_is_wrong_and_keeps_the_rest(
    service: Service, browser: Browser
) -> None:
    id = (await service.desk.open(sayso.Form("Refund", REFUND))).id
    token = await service.token(id, "fill")
    wrong = await browser.press(token, text__f0="500", yes__f1="true", choice__f2="1", text__f3="2026-02-03")
    assert wrong.status == 422
    assert re.search(r'<input id="in-[^"]*-f0"[^>]*value="500"[^>]*aria-invalid="true"', wrong.text)
    assert "lease give at most 120" in wrong.text
    assert re.search(r'name="yes.f1" value="true" checked', wrong.text)
    assert re.search(r'name="choice.f2" value="1" checked', wrong.text)
    assert 'value="2026-02-03"' in wrong.text
    await browser.press(token, text__f0="50", yes__f1="true", choice__f2="1", text__f3="2026-02-03")
    decided = await decision(service, id)
    assert decided is not None
    assert decided.values == {"amount": 50.0, "sure": True, "why": "Broken", "day": "2026-02-03"}


@pytest.mark.parametrize(
    "fields", [{"choice__f0": "1"}, {"yes__f0": "true"}, {"choice__f2": "99"}, {"yes__f2": "true"}]
)
async def test_values_of_another_kind_are_refused_and_shown_without_harm(
    service: Service, browser: Browser, fields: dict[str, str]
) -> None:
    id = (await service.desk.open(sayso.Form("Refund", REFUND))).id
    reply = await browser.press(await service.token(id, "fill"), **fields)
    assert reply.status == 422
    assert await decision(service, id) is None


async def test_a_late_press_is_told_who_decided(service: Service, browser: Browser) -> None:
    id = await permission(service)
    token = await service.token(id, "allow")
    await service.desk.answer(id, model.Answer(verdict="deny"), ANN)
    reply = await browser.press(token)
    assert reply.status == 409
    assert "Too late: denied by Ann at 2" in re.sub("<[^>]*>", "", reply.text)


async def test_whoever_decided_and_presses_again_is_told_that_it_counted(service: Service, browser: Browser) -> None:
    id = await permission(service)
    token = await service.token(id, "allow")
    await browser.press(token)
    reply = await browser.press(token)
    assert reply.status == 409
    assert "Allowed: that is what you said, and it counted at" in reply.text
    assert "Too late" not in reply.text


async def test_who_may_not_decide_sees_why_and_has_no_buttons(service: Service, browser: Browser) -> None:
    id = await permission(service, policy="ann")
    page = (await browser.get("/")).text
    assert "You may not answer this request; it is for ann." in page
    assert ">Allow<" not in page
    reply = await browser.press(await service.token(id, "allow"))
    assert reply.status == 403
    assert await decision(service, id) is None


async def test_one_of_two_is_told_that_it_counts(service: Service, browser: Browser) -> None:
    id = await permission(service, policy="two")
    token = await service.token(id, "allow")
    fields = {"csrf": await browser.csrf(), "token": token}
    reply = await browser.post("/press", fields, Sayso_Fragment="card")
    assert (reply.status, "Counted: 1 of 2 people has allowed this." in reply.text) == (200, True)
    again = await browser.post("/press", fields, Sayso_Fragment="card")
    assert "You have allowed this already. 1 of 2 people has allowed it; others have to agree." in again.text
    other = await service.signed_in("ann")
    await other.press(token)
    decided = await decision(service, id)
    assert decided is not None
    assert [by.person for by in decided.by] == ["owner", "ann"]


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "http://127.0.0.1"])
async def test_a_press_from_another_origin_changes_nothing(service: Service, browser: Browser, origin: str) -> None:
    id = await permission(service)
    fields = {"csrf": await browser.csrf(), "token": await service.token(id, "allow")}
    reply = await browser.post("/press", fields, Origin=origin)
    assert (reply.status, "nothing was changed" in reply.text) == (403, True)
    assert await decision(service, id) is None


async def test_a_press_with_the_form_token_of_another_session_changes_nothing(
    service: Service, browser: Browser
) -> None:
    id = await permission(service)
    others = await (await service.signed_in("ann")).csrf()
    for csrf in ("", "x", "\u00e4", others):
        reply = await browser.post("/press", {"csrf": csrf, "token": await service.token(id, "allow")})
        assert reply.status == 403
    assert await decision(service, id) is None


async def test_a_press_without_a_session_changes_nothing(service: Service) -> None:
    id = await permission(service)
    reply = await service.browser().post("/press", {"token": await service.token(id, "allow")})
    assert reply.status == 401
    assert await decision(service, id) is None


async def test_an_agent_key_in_a_header_opens_nothing(service: Service, now: ManualClock) -> None:
    id = await permission(service)
    bearer = f"Bearer {await service.keys.add('bot', 'agent', now.now())}"
    fields = {"token": await service.token(id, "allow")}
    assert (await service.browser().post("/press", fields, Authorization=bearer)).status == 401
    assert (await service.browser().get("/", Authorization=bearer)).status == 401


async def test_reading_never_changes_anything(service: Service, browser: Browser) -> None:
    id = await permission(service)
    token = await service.token(id, "allow")
    for path in (f"/press?token={token}&submitted=1", "/signout", "/", f"/requests/{id}?token={token}"):
        await browser.get(path)
    assert await decision(service, id) is None
    assert (await browser.get("/")).status == 200


@pytest.mark.parametrize(
    "body", [b"\xff", b"token=%ff", b"a=1&" * 3000, b"token=s1.x&submitted=1&text.f0=%00", b"", b"csrf=1;token"]
)
async def test_a_body_that_is_no_form_is_refused_quietly(service: Service, browser: Browser, body: bytes) -> None:
    kind = {"Origin": service.url, "Content-Type": "application/x-www-form-urlencoded"}
    async with browser.http.post(service.url + "/press", data=body, headers=kind) as answer:
        assert answer.status in (400, 403, 422)


async def test_a_forged_button_is_refused(service: Service, browser: Browser) -> None:
    id = await permission(service)
    token = await service.token(id, "allow")
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), token.replace("allow", "always"), "x", ""):
        reply = await browser.press(forged)
        assert (reply.status, "not one of ours" in reply.text) == (400, True)
    assert await decision(service, id) is None


async def test_every_answer_has_the_headers_that_lock_the_page(service: Service, browser: Browser) -> None:
    replies = [await browser.get(path) for path in ("/", "/requests/none", "/signin", "/static/inbox.js")]
    replies += [await service.browser().get("/"), await browser.post("/press", {})]
    for reply in replies:
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cache-Control"] in ("no-store", "no-cache")


async def test_what_expires_first_comes_first(service: Service, browser: Browser) -> None:
    for id, seconds in (("later", 900), ("soon", 60), ("middle", 300)):
        await service.desk.open(sayso.Question("?", id=id, expires_in=seconds))
    page = (await browser.get("/")).text
    assert re.findall(r'<article[^>]* id="card-([a-z]+)"', page) == ["soon", "middle", "later"]
    assert "<title>(3) sayso</title>" in page


async def test_the_history_goes_back_page_by_page(service: Service, browser: Browser, now: ManualClock) -> None:
    for number in range(45):
        await service.desk.open(sayso.Question("?", id=f"r{number}"))
        await service.desk.cancel(f"r{number}")
        now.advance(1)
    seen: list[str] = []
    path: str | None = "/"
    while path:
        page = (await browser.get(path)).text
        seen += re.findall(r'data-row="([^"]+)"', page)
        older = re.search(r'href="(/\?before=[^"]+)"', page)
        path = older[1] if older else None
    assert seen == [f"r{number}" for number in reversed(range(45))]
    assert (await browser.get("/?before=nonsense")).status == 404


async def test_the_page_of_a_request_tells_what_happened(service: Service, browser: Browser) -> None:
    id = await permission(service, policy="ann")
    await browser.press(await service.token(id, "allow"))
    ann = await service.signed_in("ann")
    await ann.press(await service.token(id, "reason"), text__reason="not today")
    page = (await browser.get(f"/requests/{id}")).text
    log = re.sub(r"<[^>]*>", "", page[page.index('id="log"') :])
    assert "Asked with the key local" in log
    assert "owner (web:owner) was turned away: you may not answer this request; it is for ann" in log
    assert "Denied by ann (web:ann): not today" in log
    assert (await browser.get("/requests/none")).status == 404


async def test_a_form_of_another_type_or_size_is_refused_with_the_reason(service: Service, browser: Browser) -> None:
    async with browser.http.post(service.url + "/press", json={}, headers={"Origin": service.url}) as answer:
        assert (answer.status, "This is not a form." in await answer.text()) == (422, True)
    huge = await browser.post("/press", {"text.k0": "x" * (9 * 1_048_576)})
    assert (huge.status, "more than a form can hold" in huge.text) == (422, True)


async def test_an_edit_of_the_largest_input_comes_through(service: Service, browser: Browser) -> None:
    long = "\u00e9<&" * 250_000
    id = (await service.desk.open(sayso.Permission(tool="Write", input={"text": long}))).id
    reply = await browser.press(await service.token(id, "edit"), text__k0=long + "!")
    decided = await decision(service, id)
    assert (reply.status, decided is not None and decided.input == {"text": long + "!"}) == (303, True)


async def test_the_script_is_told_in_a_line_when_the_session_is_over(service: Service) -> None:
    reply = await service.browser().post("/press", {"token": "x"}, Sayso_Fragment="card")
    assert reply.status == 401
    assert reply.text.startswith('<p class="notice" role="alert"')
    assert '<a href="/signin">Sign in</a>' in reply.text


async def test_a_made_up_address_cannot_speak_for_the_service(browser: Browser) -> None:
    reply = await browser.get("/requests/All%20is%20well,%20press%20Allow")
    assert (reply.status, "All is well" in reply.text) == (404, False)


async def test_more_than_can_be_shown_is_said(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_web.inbox.MOST_WAITING", 2)
    for name, seconds in (("first", 60), ("second", 120), ("last", 900)):
        await service.desk.open(sayso.Question(f"{name}?").model_copy(update={"expires_in": seconds}))
    page = (await browser.get("/")).text
    assert "More than 2 requests are waiting. These expire first." in page
    assert page.index("first?") < page.index("second?")
    assert "last?" not in page
    assert len(await service.desk.store.list(Query(state="pending"))) == 3


async def test_a_long_request_is_shown_in_part_among_others_and_whole_on_its_page() -> None:
    async with serving() as service:
        browser = await service.signed_in()
        long = "x" * 50_000 + "the end"
        await service.desk.open(sayso.Permission(id="long", tool="Bash", input={"command": long}))
        await service.desk.open(sayso.Permission(id="short", tool="Bash", input={"command": "ls"}))
        listed, alone = (await browser.get("/")).text, (await browser.get("/requests/long")).text
        token = await service.token("long", "allow")
        assert "the end" not in listed
        assert token not in listed
        assert '<a class="button" href="/requests/long">Read all of it and answer</a>' in listed
        assert await service.token("short", "allow") in listed
        assert "the end" in alone
        assert token in alone


async def test_a_page_of_very_large_requests_stays_small() -> None:
    async with serving() as service:
        browser = await service.signed_in()
        for number in range(20):
            arguments = {f"k{one}": "y" * 60_000 for one in range(2)}
            await service.desk.open(sayso.Permission(id=f"r{number}", tool="Bash", input=arguments))
        listed = (await browser.get("/")).text
    assert listed.count("Read all of it and answer") == 20
    assert len(listed) < 20 * 12_000


async def test_what_fails_inside_is_told_in_plain_words_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(memory.MemoryStore):
        async def last_row(self) -> int:
            raise RuntimeError("a secret of the inside")

    async with serving() as service:
        browser = await service.signed_in()
        service.desk.store.__class__ = Broken
        reply = await browser.get("/")
    assert reply.status == 500
    assert "Something went wrong inside this service" in reply.text
    assert "Internal Server Error" not in reply.text
    assert "secret" not in reply.text
    assert [record.message for record in caplog.records if record.exc_info] == ["a page failed"]


async def test_who_answered_by_plain_words_takes_them_back_in_the_inbox_and_others_are_told(
    service: Service, browser: Browser, now: ManualClock
) -> None:
    other = await service.signed_in("bob")
    id = (await service.desk.open(sayso.Question("Which customer?"))).id
    owner = people.Actor(account="web:owner", name="Owner", person="owner", member=True)
    await service.desk.answer(id, sayso.Answer(text="Acme"), owner, grace=timedelta(seconds=10))
    mine, theirs = [(await one.get(f"/requests/{id}")).text for one in (browser, other)]
    assert "Taken as the answer of" in mine
    assert "Take back" in mine
    assert "Review" not in mine
    assert "<textarea" not in mine
    assert "The answer of owner was taken" in theirs
    assert "Take back" not in theirs
    assert (await other.press(await service.token(id, "undo"))).status == 403
    undo = await service.token(id, "undo")
    undone = {"csrf": await browser.csrf(), "token": await service.token(id, "undo")}
    reply = await browser.post("/press", undone, Sayso_Fragment="card")
    assert "Taken back: it is open again." in reply.text
    assert "must allow" not in reply.text
    ticket = await service.desk.get(id)
    assert (ticket.state, ticket.taken) == ("pending", None)
    assert "<textarea" in (await browser.get(f"/requests/{id}")).text
    await service.desk.answer(id, sayso.Answer(text="Bolt"), owner)
    late = await browser.press(undo)
    assert "It cannot be taken back any more: the agent was told at" in re.sub("<[^>]*>", "", late.text)


@pytest.mark.parametrize("content", [png(), png() + bytes(300_000)], ids=["small", "beside the request"])
async def test_an_attached_image_is_shown_and_served_as_nothing_else(
    service: Service, browser: Browser, content: bytes
) -> None:
    data = base64.b64encode(content).decode()
    attached = [
        model.Attachment(name="log", text="x"),
        model.Attachment(name='"><script>.png', kind="image", data=data),
    ]
    await service.desk.open(sayso.Question("Right?", attachments=attached, id="r1"))
    page = (await browser.get("/")).text
    assert 'src="/requests/r1/images/1"' in page
    assert "<script>.png" not in page
    async with browser.http.get(f"{service.url}/requests/r1/images/1") as reply:
        assert (reply.status, await reply.read(), reply.content_type) == (200, content, "image/png")
        assert reply.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert (reply.headers["X-Content-Type-Options"], reply.content_length) == ("nosniff", len(content))
    assert [(await browser.get(f"/requests/r1/images/{number}")).status for number in (0, 2)] == [404, 404]
    assert (await service.browser().get("/requests/r1/images/1")).status == 401


async def test_somebody_takes_a_request_on_and_puts_it_off_in_the_inbox(service: Service) -> None:
    known = people.Directory({"ann": people.Profile(), "bob": people.Profile()})
    policies = {"default": model.Policy(approvers=("ann", "bob"), turns="round_robin")}
    service.desk.setup = sayso.Setup(policies=policies, directory=known)
    browser, id = await service.signed_in("ann"), await permission(service)
    assert "Put to ann" in (await browser.get(f"/requests/{id}")).text
    assert (await browser.press(await service.token(id, "claim"))).status == 303
    token = await service.token(id, "snooze")
    opened = await browser.press(token)
    assert "For how long?" in opened.text
    assert "30 minutes" not in opened.text
    assert (await browser.press(token, choice__f0="0")).status == 303
    page = (await browser.get(f"/requests/{id}")).text
    assert "has taken this on" in page
    assert "has put this off until" in page
    attending = (await service.desk.get(id)).attending
    assert attending is not None
    assert attending.claim is not None
    assert [one.person for one in attending.snoozed] == ["ann"]


async def test_somebody_asks_somebody_else_from_the_inbox(service: Service) -> None:
    known = people.Directory({"ann": people.Profile(), "bob": people.Profile(), "cid": people.Profile()})
    policies = {"default": model.Policy(approvers=("ann", "bob", "cid"))}
    service.desk.setup = sayso.Setup(policies=policies, directory=known)
    browser, id = await service.signed_in("ann"), await permission(service)
    token = await service.token(id, "pass")
    opened = await browser.press(token)
    assert "Who can answer this?" in opened.text
    assert all(name in opened.text for name in ("bob", "cid"))
    asked = await browser.press(token, choice__f0="1")
    assert asked.status == 303
    assert "asked cid to answer this" in (await browser.get(f"/requests/{id}")).text
    assert [one.to for one in (await service.desk.get(id)).passed] == ["cid"]


async def test_what_the_first_one_saw_who_had_it_open_is_on_record(service: Service, browser: Browser) -> None:
    id = await permission(service)
    page = (await browser.get(f"/requests/{id}")).text
    shown = page.partition('<div id="waiting">')[2].partition('</div>\n<p class="file">')[0]
    assert "make deploy" in shown
    (viewed,) = [row.entry for row in await service.desk.store.log(id) if isinstance(row.entry, events.Viewed)]
    assert viewed.shown == digest.digest({"card": shown}, "card")
    # a second look is read and leaves nothing
    await browser.get(f"/requests/{id}")
    assert [row.entry.type for row in await service.desk.store.log(id)].count("viewed") == 1
