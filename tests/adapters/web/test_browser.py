"""The inbox as a person meets it: in real Chromium, by keyboard, on a phone, in the dark."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright import async_api
from playwright.async_api import expect

import sayso
from sayso import model
from sayso.machine import events, people
from tests.adapters import mixed
from tests.adapters.web.service import ANN, Service, serving
from tests.adapters.web.test_push import Devices
from tests.conftest import BOUND, require, until

# One loop and one browser for all tests of this file: starting either takes longer than most tests.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.once]

CHROMIUM = pathlib.Path("/usr/bin/chromium")
THERE = CHROMIUM.exists()
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-features="
    # each window would load, beside its page, what falls down from a bar for addresses that nobody sees
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    # of the list of Playwright, which this one replaces, what draws later or asks somebody outside
    "PaintHolding,AimEnabled,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,PreconnectToSearch"
)
LOOKS = (pathlib.Path(__file__).parent / "looks.js").read_text()
"""Finds texts that are too pale and targets that are too small."""
FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "title": "Amount"},
        "sure": {"type": "boolean", "title": "Sure?"},
        "why": {"type": "string", "enum": ["Late", "Broken"], "title": "Why"},
        "day": {"type": "string", "format": "date", "title": "Day"},
    },
    "required": ["amount", "sure", "why"],
}


MISTAKES: list[str] = []
"""Errors of the script, and what the page's own policy forbade it."""


@pytest.fixture(autouse=True)
def no_mistakes() -> Generator[None]:
    MISTAKES.clear()
    yield
    assert MISTAKES == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncGenerator[async_api.Browser]:
    require(THERE, "Chromium")
    expect.set_options(timeout=BOUND * 1000)
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def service() -> AsyncGenerator[Service]:
    async with serving() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def context(chromium: async_api.Browser) -> AsyncGenerator[async_api.BrowserContext]:
    # a card that fades in is drawn twenty times: see the test with a context of its own for one that does
    context = await chromium.new_context(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(BOUND * 1000)
    yield context
    await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(context: async_api.BrowserContext) -> AsyncGenerator[async_api.Page]:
    """One tab for one test after the other: a new one costs more than what most of them do in it."""
    tab = await new_tab(context)
    yield tab
    await tab.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(tab: async_api.Page, service: Service) -> AsyncGenerator[async_api.Page]:
    await enter(tab, service)
    yield tab
    await tab.unroute_all(behavior="ignoreErrors")


async def new_tab(context: async_api.BrowserContext) -> async_api.Page:
    """A page whose mistakes, and what its own policy forbids its script, fail the test."""
    page = await context.new_page()
    page.on("pageerror", lambda error: MISTAKES.append(str(error)))
    page.on("console", lambda said: MISTAKES.append(said.text) if "Content Security Policy" in said.text else None)
    return page


async def sign_in(page: async_api.Page, service: Service, person: str = "owner") -> None:
    session = await service.sessions.sign_in(await service.sessions.link(person, service.url))
    await page.context.add_cookies([{"name": "sayso", "value": session.secret, "url": service.url}])


async def enter(page: async_api.Page, service: Service, person: str = "owner") -> None:
    """Sign in and open the inbox there, until it is live."""
    await sign_in(page, service, person)
    await page.goto(service.url)
    await expect(page.locator("#live")).to_have_attribute("data-state", "on")


async def inbox(context: async_api.BrowserContext, service: Service, person: str = "owner") -> async_api.Page:
    """A tab of its own that is signed in and live."""
    page = await new_tab(context)
    await enter(page, service, person)
    return page


async def tab_to(page: async_api.Page, name: str) -> None:
    """Press Tab until the element with this visible name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(
            "(e => (e.labels?.[0]?.innerText ?? e.innerText ?? '').trim())(document.activeElement)"
        )
        if focused.split("\n")[0].strip() == name:
            return
    pytest.fail(f"Tab never reaches {name!r}")


async def keys(page: async_api.Page, *pressed: str) -> None:
    for key in pressed:
        await page.keyboard.press(key)


def card(page: async_api.Page, id: str) -> async_api.Locator:
    return page.locator(f"#card-{id}")


async def decided(service: Service, id: str) -> model.Decision:
    found = (await service.desk.get(id)).decision
    assert found is not None
    return found


async def test_the_link_signs_in_with_one_press_and_leaves_no_code_behind(
    tab: async_api.Page, service: Service
) -> None:
    page = tab
    link = await service.sessions.link("owner", service.url)
    await page.goto(link)
    assert link.partition("#")[2] not in page.url
    await expect(page.get_by_label("Sign-in link or approver key")).to_be_hidden()
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Waiting for an answer")).to_be_visible()
    await expect(page.get_by_text("Nothing is waiting.")).to_be_visible()


async def test_a_second_press_of_the_button_of_a_link_does_not_call_off_the_first(
    tab: async_api.Page, service: Service
) -> None:
    page = tab
    await page.goto(await service.sessions.link("owner", service.url))
    # the link would be used up, and its cookie lost
    press = """const form = document.getElementById("signin"), called_off = [];
        document.addEventListener("submit", (event) => called_off.push(event.defaultPrevented));
        form.requestSubmit(); form.requestSubmit(); called_off"""
    assert await page.evaluate(press) == [False, True]
    await expect(page.get_by_text("Nothing is waiting.")).to_be_visible()


async def test_a_permission_appears_by_itself_and_is_allowed_edited_or_denied_by_keyboard_alone(
    page: async_api.Page, service: Service
) -> None:
    await service.desk.open(sayso.Permission(tool="Bash", input={"command": "make deploy"}, id="r1", expires_in=300))
    await expect(card(page, "r1").get_by_text("make deploy")).to_be_visible()
    await expect(card(page, "r1").locator(".left")).to_contain_text("left")
    await expect(page).to_have_title("(1) sayso")
    await expect(page.locator("#news")).to_contain_text("New: An agent asks to run Bash · until ")
    await tab_to(page, "Allow")
    await keys(page, "Enter")
    await expect(card(page, "r1").locator(".verdict")).to_contain_text("Allowed by owner")
    assert (await decided(service, "r1")).allowed
    for id in ("r2", "r3"):
        await service.desk.open(sayso.Permission(tool="Bash", input={"command": "make\ndeploy"}, id=id))
        await expect(card(page, id)).to_be_visible()
    await tab_to(page, "Edit and allow…")
    await keys(page, "Enter")
    await expect(card(page, "r2").locator("textarea")).to_be_focused()
    await keys(page, "Control+End")
    await page.keyboard.type(" --dry-run")
    await keys(page, "Tab", "Enter")
    await expect(card(page, "r2").locator(".verdict")).to_be_visible()
    assert (await decided(service, "r2")).input == {"command": "make\ndeploy --dry-run"}
    await tab_to(page, "Deny with reason…")
    await keys(page, "Space")
    await expect(card(page, "r3").locator("textarea")).to_be_focused()
    await page.keyboard.type("not on a Friday")
    await keys(page, "Tab", "Enter")
    await expect(card(page, "r3").locator(".verdict")).to_contain_text("Denied")
    assert (await decided(service, "r3")).reason == "not on a Friday"


async def test_questions_choices_and_a_form_that_says_what_is_wrong_are_answered_by_keyboard_alone(
    page: async_api.Page, service: Service
) -> None:
    await service.desk.open(sayso.Question("Which customer?", id="r1", expires_in=60))
    await service.desk.open(sayso.Choice("Which one?", ["a", "b", "c"], id="r2", expires_in=120))
    await service.desk.open(sayso.Choice("Which?", ["d", "e", "f"], id="r3", multiple=True, expires_in=180))
    await expect(page.locator("article")).to_have_count(3)
    await tab_to(page, "Which customer?")
    await page.keyboard.type("Acme")
    await keys(page, "Tab", "Enter")
    await expect(card(page, "r1").locator(".verdict")).to_be_visible()
    await tab_to(page, "a")
    await keys(page, "ArrowDown")
    await tab_to(page, "Answer")
    await keys(page, "Enter")
    await expect(card(page, "r2").locator(".verdict")).to_be_visible()
    await tab_to(page, "d")
    await keys(page, "Space", "Tab", "Tab", "Space", "Tab", "Enter")
    await expect(card(page, "r3").locator(".verdict")).to_be_visible()
    found = [await decided(service, id) for id in ("r1", "r2", "r3")]
    assert [(one.text, one.choices) for one in found] == [("Acme", None), (None, ("b",)), (None, ("d", "f"))]
    await service.desk.open(sayso.Form("Refund", FORM, id="r4"))
    await expect(card(page, "r4")).to_be_visible()
    await tab_to(page, "Amount")
    await page.keyboard.type("ten")
    await tab_to(page, "Yes")
    await keys(page, "Space")
    await tab_to(page, "Late")
    await keys(page, "Space")
    await tab_to(page, "Answer")
    await keys(page, "Enter")
    amount = page.get_by_label("Amount")
    await expect(amount).to_be_focused()
    await expect(amount).to_have_value("ten")
    await expect(page.locator("#in-r4-f0-wrong")).to_contain_text("such as 12.5")
    await expect(page.get_by_label("Yes")).to_be_checked()
    await keys(page, "Control+a")
    await page.keyboard.type("10.5")
    await keys(page, "Enter")
    await expect(card(page, "r4").locator(".verdict")).to_be_visible()
    assert (await decided(service, "r4")).values == {"amount": 10.5, "sure": True, "why": "Late"}


async def test_a_decision_shows_in_every_open_page_and_leaves_it_and_a_click_on_what_moved_just_then_is_held_back(
    page: async_api.Page, chromium: async_api.Browser, service: Service
) -> None:
    # a context of its own: of its cookies, and of its clock
    context = await chromium.new_context(reduced_motion="no-preference")
    await context.clock.install()
    other = await inbox(context, service, "ann")
    await service.desk.open(sayso.Permission(tool="Bash", id="r1"))
    await expect(card(other, "r1")).to_be_visible()
    await card(page, "r1").get_by_role("button", name="Deny", exact=True).press("Enter")
    await expect(card(other, "r1").locator(".verdict")).to_contain_text("Denied by owner")
    await expect(card(other, "r1").get_by_role("button")).to_have_count(0)
    await expect(other).to_have_title("sayso")
    await other.clock.fast_forward(6000)
    await expect(other.locator('#decided [data-row="r1"]')).to_contain_text("Denied by owner")
    await expect(card(other, "r1")).to_have_count(0)
    await other.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    await service.desk.open(sayso.Permission(tool="Bash", id="r2"))
    await expect(card(other, "r2")).to_be_visible()
    box = await card(other, "r2").get_by_role("button", name="Allow").bounding_box()
    assert box is not None
    await other.mouse.click(box["x"] + 5, box["y"] + 5)
    await expect(other.locator("#news")).to_have_text("The list moved just then. Press again.")
    assert (await service.desk.get("r2")).decision is None
    await other.clock.run_for(500)
    await other.mouse.click(box["x"] + 5, box["y"] + 5)
    await expect(card(other, "r2").locator(".verdict")).to_be_visible()
    await context.close()


async def told_of_all(page: async_api.Page, service: Service) -> None:
    """Return once the page has taken all news of before: they come in order, and this is the last of them."""
    last = await service.desk.open(sayso.Question("Is this the last?"))
    await expect(card(page, last.id)).to_be_visible()


async def answers_held(page: async_api.Page) -> asyncio.Event:
    """Keep the answers to presses on their way until the event that is returned is set."""
    go = asyncio.Event()

    async def hold(route: async_api.Route) -> None:
        answer = await route.fetch()
        await go.wait()
        await route.fulfill(response=answer)

    await page.route("**/press", hold)
    return go


async def test_news_leave_alone_what_is_typed_read_or_open_and_give_back_what_was_written_when_it_closed(
    page: async_api.Page, service: Service
) -> None:
    for id in ("r1", "r2"):
        await service.desk.open(sayso.Question("Why?", id=id))
    await expect(card(page, "r2")).to_be_visible()
    await card(page, "r1").locator("textarea").focus()
    await page.keyboard.type("half a sen")
    await service.desk.cancel("r2")
    await expect(card(page, "r2")).to_contain_text("Withdrawn")
    await page.keyboard.type("tence")
    await expect(card(page, "r1").locator("textarea")).to_have_value("half a sentence")
    await expect(card(page, "r1").locator("textarea")).to_be_focused()
    table = "\n".join("|" + cell * 30 for cell in ("a word|", "-|", "another|"))
    ticket = await service.desk.open(sayso.Permission(tool="Bash", body=table, id="r3"))
    text = card(page, "r3").locator(".table")
    await text.evaluate("table => table.focus()")
    await expect(text).to_be_focused()
    await service.desk.store.append("r3", ticket.version, events.Ticked(at=service.desk.clock.now()))
    await told_of_all(page, service)
    await expect(text).to_be_focused()
    await service.desk.cancel("r3")
    await expect(card(page, "r3")).to_contain_text("Withdrawn")
    await expect(card(page, "r3")).to_be_focused()
    await service.desk.open(sayso.Permission(tool="Bash", input={"command": "x"}, policy="two", id="r4"))
    await card(page, "r4").get_by_role("button", name="Deny with reason").press("Enter")
    await card(page, "r4").locator("textarea").fill("wait")
    await service.desk.answer("r4", model.Answer(verdict="allow"), ANN)
    await expect(card(page, "r4")).to_contain_text("1 of 2 people has allowed this")
    await expect(card(page, "r4").locator("textarea")).to_have_value("wait")
    await service.desk.open(sayso.Question("Why?", id="r5"))
    await card(page, "r5").locator("textarea").fill("<b>because</b>")
    await service.desk.answer("r5", model.Answer(text="no"), ANN)
    await expect(card(page, "r5").locator(".verdict")).to_contain_text("Answered by Ann")
    await expect(card(page, "r5").locator(".notice pre")).to_have_text("<b>because</b>")


async def test_answers_that_come_late_neither_call_back_who_went_on_nor_open_again_nor_say_that_a_text_was_lost(
    page: async_api.Page, service: Service
) -> None:
    for id in ("r1", "r2"):
        await service.desk.open(sayso.Permission(tool="Bash", input={"command": "make"}, id=id))
        await expect(card(page, id)).to_be_visible()
    go = await answers_held(page)
    await tab_to(page, "Allow")
    await keys(page, "Enter")
    await service.desk.wait("r1")
    await told_of_all(page, service)
    await card(page, "r2").get_by_role("button", name="Allow", exact=True).focus()
    await tab_to(page, "Deny with reason…")
    go.set()
    await expect(card(page, "r1").locator(".verdict")).to_be_visible()
    await expect(card(page, "r2").get_by_role("button", name="Deny with reason…")).to_be_focused()
    await keys(page, "Space")
    await expect(card(page, "r2").locator("textarea")).to_be_focused()
    await service.desk.open(sayso.Question("Why?", id="r3"))
    go.clear()
    await card(page, "r3").locator("textarea").fill("because")
    await card(page, "r3").get_by_role("button", name="Answer").press("Enter")
    await service.desk.wait("r3")
    await told_of_all(page, service)
    await expect(card(page, "r3").locator(".notice")).to_have_count(0)
    go.set()
    await expect(card(page, "r3").locator(".verdict")).to_contain_text("Answered by owner")
    await expect(card(page, "r3").locator(".notice")).to_have_count(0)
    await expect(card(page, "r3")).to_be_focused()
    await service.desk.open(sayso.Permission(tool="Bash", id="r4"))
    go.clear()
    await card(page, "r4").get_by_role("button", name="Deny with reason…").press("Enter")
    await told_of_all(page, service)
    await service.desk.answer("r4", model.Answer(verdict="deny"), ANN)
    await told_of_all(page, service)
    go.set()
    await expect(card(page, "r4").locator(".verdict")).to_contain_text("Denied by Ann")
    await expect(card(page, "r4").get_by_role("button")).to_have_count(0)


async def test_a_press_whose_answer_is_lost_shows_what_became_of_it(page: async_api.Page, service: Service) -> None:
    await service.desk.open(sayso.Question("Why?", id="r1"))
    await card(page, "r1").locator("textarea").fill("because")
    go = asyncio.Event()

    async def lose(route: async_api.Route) -> None:
        await route.fetch()
        await go.wait()
        await route.abort()

    await page.route("**/press", lose)
    await card(page, "r1").get_by_role("button", name="Answer").press("Enter")
    await service.desk.wait("r1")
    await told_of_all(page, service)
    go.set()
    await expect(card(page, "r1").locator(".verdict")).to_contain_text("Answered by owner")
    await expect(card(page, "r1").locator(".notice")).to_contain_text("not certain")
    await expect(card(page, "r1").locator(".notice pre")).to_have_text("because")
    await expect(card(page, "r1")).to_be_focused()


async def test_a_press_counts_once_for_what_it_says_and_sends_nothing_else(
    page: async_api.Page, service: Service
) -> None:
    offer = model.Offer(name="make", kind="rule", effect="Bash(make *) runs unasked")
    await service.desk.open(sayso.Permission(tool="Bash", id="r1", offers=[offer]))
    await card(page, "r1").get_by_role("button", name="Add rule 1").focus()
    await page.keyboard.down("Enter")
    await expect(card(page, "r1").locator(".dialog.over")).to_be_visible()
    await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await told_of_all(page, service)
    assert (await service.desk.get("r1")).decision is None
    await service.desk.open(sayso.Question("Which customer?", id="r2", verdicts=["deny", "stop"]))
    await service.desk.open(sayso.Choice("Which one?", ["a", "b"], id="r3", verdicts=["stop"], other=True))
    asked = card(page, "r2")
    await asked.get_by_role("textbox").fill("Ac")
    await asked.get_by_role("button", name="Decline", exact=True).press("Enter")
    await expect(asked.locator(".verdict")).to_be_visible()
    chosen = card(page, "r3")
    await chosen.get_by_role("button", name="Decline and stop…").press("Enter")
    assert (await service.desk.get("r3")).decision is None
    await chosen.get_by_role("button", name="Decline and stop", exact=True).press("Enter")
    await expect(chosen.locator(".verdict")).to_be_visible()
    found = [await decided(service, id) for id in ("r2", "r3")]
    assert [(one.outcome, one.stop, one.text) for one in found] == [("denied", False, None), ("denied", True, None)]
    await service.desk.open(sayso.Permission(tool="Bash", input={"a": 1}, id="r4", grants=["session", "always"]))
    asked = card(page, "r4")
    await expect(asked.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    await expect(asked.get_by_role("button", name="Deny", exact=True)).to_be_visible()
    await expect(asked.get_by_role("button", name="Stop asking for good")).to_be_hidden()
    await asked.get_by_text("More…").click()
    await asked.get_by_role("button", name="Stop asking for good").press("Enter")
    await expect(asked.locator(".verdict")).to_be_visible()
    assert (await decided(service, "r4")).grant == "always"
    await service.desk.open(sayso.Permission(tool="Bash", id="r5"))
    await expect(card(page, "r5")).to_be_visible()
    token = await card(page, "r5").get_by_role("button", name="Allow").get_attribute("value")
    await service.desk.answer("r5", model.Answer(verdict="deny"), ANN)
    await service.desk.open(sayso.Permission(tool="Bash", id="r6"))
    button = card(page, "r6").get_by_role("button", name="Allow")
    await button.evaluate("(button, token) => { button.value = token; }", token)
    await button.press("Enter")
    await expect(card(page, "r5").locator(".notice")).to_contain_text("Too late: denied by Ann")


async def test_nothing_is_wider_than_the_screen_and_everything_can_be_read(
    context: async_api.BrowserContext, service: Service
) -> None:
    long = "x" * 400
    await service.desk.open(
        sayso.Permission(
            tool=long[:150], input={"command": long, long[:60]: "y"},
            body=f"# {long}\n\n`{long}`\n\n|{long}|b|\n|-|-|\n|c|d|",
            source=model.Source(agent=long[:200]), context={long[:100]: long}, grants=("session", "always"), id="r1",
        )
    )  # fmt: skip
    await service.desk.open(sayso.Choice(long, [long, "b"], id="r2", other=True))
    await service.desk.open(sayso.Form(long, FORM, id="r3"))
    await service.desk.open(sayso.Question("Why?", id="r4"))
    await service.desk.answer("r4", model.Answer(text=long), ANN)
    page = await new_tab(context)
    await sign_in(page, service)
    pages = ("/requests?search=x&tool=Bash", "/requests", "/people", "/policies", "/grants", "/stops")
    for path in (*pages, "/", "/requests/r1", "/requests/r4"):
        await page.goto(service.url + path)
        # colours are those of the scheme at any width
        for width, dark in ((320, True), (360, False), (1280, True)):
            await page.set_viewport_size({"width": width, "height": 700})
            await page.emulate_media(color_scheme="dark" if dark else "light")
            found = await page.evaluate(
                f"""{LOOKS}; ({{
                asked: [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches],
                wide: document.documentElement.scrollWidth,
                wrong: [pale(), small()],
                name: document.querySelector('.who span').offsetHeight,
                }})"""
            )
            assert found["asked"] == [width, dark]
            assert found["wide"] <= width, path
            assert found["wrong"] == [[], []], (path, width, dark)
            # the name is not broken into pieces beside the buttons
            assert found["name"] < 45, (path, width)
    await page.evaluate("document.querySelector('h2').style = 'color: #777; background: #888'")
    assert len(await page.evaluate(f"{LOOKS}; pale()")) == 1
    await page.close()


async def test_without_its_script_the_inbox_still_works(tab: async_api.Page, service: Service) -> None:
    page, session = tab, await tab.context.new_cdp_session(tab)
    await service.desk.open(sayso.Permission(tool="Bash", input={"command": "a"}, id="r1"))
    await session.send("Emulation.setScriptExecutionDisabled", {"value": True})
    await page.goto(f"{service.url}/signin")
    await page.get_by_label("Sign-in link or approver key").fill(await service.sessions.link("owner", service.url))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Deny with reason").click()
    await page.get_by_label("Why not?").fill("no")
    await page.get_by_role("button", name="Deny").click()
    await expect(page.locator(".verdict").first).to_contain_text("Denied by owner")
    assert await page.locator("#live").get_attribute("data-state") != "on"
    await session.detach()
    assert (await decided(service, "r1")).reason == "no"


async def test_a_page_whose_session_ended_says_so_and_shows_nothing_new(page: async_api.Page, service: Service) -> None:
    session = (await service.desk.store.scan("session"))[0]
    await service.desk.store.remove("session", session.name)
    await service.desk.open(sayso.Question("secret?", id="r1"))
    await expect(page.locator("#live")).to_have_attribute("data-state", "lost")
    await expect(page.locator("#live")).to_contain_text("Signed out")
    await expect(card(page, "r1")).to_have_count(0)


async def test_two_names_that_differ_only_in_blanks_do_not_look_the_same(tab: async_api.Page, service: Service) -> None:
    page = tab
    await sign_in(page, service)
    for name in ("drop table", "drop  table", "drop table  "):
        await service.desk.open(sayso.Permission(tool=name, input={name: name}, context={name: name}))
        await service.desk.open(sayso.Choice(f"May I {name}?", [name, "no"]))
        done = await service.desk.open(sayso.Question(f"May I {name}?"))
        await service.desk.answer(done.id, model.Answer(text=name), ANN)
    await page.goto(service.url)
    widths = await page.evaluate(
        """() => {
          const found = {};
          for (const e of document.querySelectorAll("bdi.foreign, .foreign:not(.prose), .prose p")) {
            if (!e.textContent.includes("drop ") || !e.checkVisibility()) continue;
            const range = document.createRange();
            range.selectNodeContents(e.firstChild ?? e);
            const place = e.tagName + (e.closest("[class]")?.className ?? "") + e.parentElement.tagName;
            (found[place] ??= {})[e.textContent] = range.getBoundingClientRect().width;
          }
          return found;
        }"""
    )
    assert len(widths) >= 4
    for place, by_text in widths.items():
        assert len(set(by_text.values())) == len(by_text), (place, by_text)


async def test_any_number_of_open_pages_are_live_over_one_stream(
    context: async_api.BrowserContext, tab: async_api.Page, service: Service
) -> None:
    pages = [await inbox(context, service)]
    streams: list[str] = []
    context.on(
        "request",
        lambda request: streams.append(request.url) if request.url.startswith(f"{service.url}/events") else None,
    )
    for page in (tab, await context.new_page()):
        await page.goto(service.url)
        pages.append(page)
    for page in pages:
        await expect(page.locator("#live")).to_have_attribute("data-state", "on")
    await service.desk.open(sayso.Permission(id="r1", tool="Bash", input={"command": "ls"}))
    for page in pages:
        await expect(card(page, "r1")).to_be_visible()
    assert streams == []
    # the page that listens is closed, another one goes on, and nothing is missed
    await pages.pop(0).close()
    await service.desk.open(sayso.Permission(id="r2", tool="Bash", input={"command": "pwd"}))
    for page in pages:
        await expect(card(page, "r2")).to_be_visible()
    assert len(streams) == 1
    await pages.pop().close()


async def test_a_page_that_was_opened_late_gets_what_came_meanwhile(page: async_api.Page, service: Service) -> None:
    late = await page.context.new_page()
    # its script runs only once a request has come that its page does not show yet
    held: list[async_api.Route] = []
    await late.route("**/static/inbox.js", lambda route: held.append(route))
    await late.goto(service.url, wait_until="commit")
    await expect(late.locator("#empty")).to_be_attached()
    await service.desk.open(sayso.Permission(id="r1", tool="Bash", input={"command": "ls"}))
    await expect(card(page, "r1")).to_be_visible()
    await until(lambda: held)
    await held[0].continue_()
    await expect(card(late, "r1")).to_be_visible()
    await late.close()


async def test_the_page_of_a_long_request_stays_whole_when_it_changes(page: async_api.Page, service: Service) -> None:
    long = {"command": "x" * 30_000 + "the end"}
    await service.desk.open(sayso.Permission(id="r1", tool="Bash", input=long, policy="two"))
    await expect(card(page, "r1").get_by_role("link", name="Read all of it and answer")).to_be_visible()
    await page.goto(f"{service.url}/requests/r1")
    await expect(page.locator("#live")).to_have_attribute("data-state", "on")
    await service.desk.answer("r1", sayso.Answer(verdict="allow"), ANN)
    await expect(card(page, "r1")).to_contain_text("1 of 2 people has allowed this")
    await expect(card(page, "r1")).to_contain_text("the end")
    await service.desk.answer("r1", sayso.Answer(verdict="deny"), ANN)
    await expect(card(page, "r1")).to_contain_text("Denied")
    await expect(card(page, "r1")).to_contain_text("the end")


async def test_words_stand_apart_headings_skip_no_level_and_no_two_regions_share_a_name(
    tab: async_api.Page, service: Service
) -> None:
    desk = service.desk
    await desk.open(
        sayso.Permission(
            id="r1",
            tool="Bash",
            input={"command": "make\n" * 40, "n": 5},
            body="All **42** passed.\n\n|a|b|\n|-|-|\n|1|2|",
            source=model.Source(agent="bot", session="s-1"),
            context={"Folder": "/srv"},
            risk="high",
            grants=["session"],
        )
    )
    options = [model.Option(label="PostgreSQL", description="on the cluster"), model.Option(label="SQLite")]
    await desk.open(sayso.Choice("Which?", options, id="r2", other=True))
    for id in ("r3", "r4"):
        await desk.open(sayso.Question("Which customer?", id=id, source=model.Source(agent="bot")))
        await desk.open(sayso.Form("Refund", FORM, id=f"{id}f"))
    await desk.open(sayso.Permission(id="d1", tool="Bash", input={"command": "ls"}))
    await desk.answer("d1", model.Answer(verdict="deny", reason="not today"), ANN)
    page = tab
    await enter(page, service)
    await card(page, "r1").get_by_text("More…").click()
    await card(page, "r1").get_by_role("button", name="Deny with reason…").click()
    await card(page, "r3f").get_by_role("button", name="Answer").click()
    await expect(card(page, "r3f").locator(".wrong").first).to_be_visible()
    await expect(card(page, "r1").locator(".dialog.over")).to_be_visible()
    for path in (None, "/requests/r1", "/requests/d1", "/requests/none", "/?before=x", "/signin"):
        if path is not None:
            await page.goto(service.url + path)
        assert await page.evaluate(f"{LOOKS}; [joined(), confused()]") == [[], []]
    await page.evaluate("document.querySelector('h1').outerHTML = '<h1>One </h1><h3>word<b>Another</b></h3>'")
    assert [len(found) for found in await page.evaluate(f"{LOOKS}; [joined(), confused()]")] == [1, 1]


async def notices(page: async_api.Page) -> list[tuple[str, str]]:
    """What the browser shows of notifications: the tag and the text of each."""
    shown = await page.evaluate(
        "navigator.serviceWorker.ready.then(worker => worker.getNotifications())"
        ".then(all => all.map(one => [one.tag, one.body]))"
    )
    return sorted((tag, body) for tag, body in shown)


async def shows(page: async_api.Page, wanted: list[tuple[str, str]], within: float = BOUND) -> None:
    """Wait until these are the notifications shown."""
    async with asyncio.timeout(within):
        while await notices(page) != wanted:  # noqa: ASYNC110 (the browser tells nobody)
            await asyncio.sleep(0.02)


async def test_the_title_and_the_icon_count_what_waits_for_this_person(tab: async_api.Page, service: Service) -> None:
    await service.desk.open(sayso.Question("?", id="r1"))
    await service.desk.open(sayso.Question("?", id="r2", policy="ann"))
    await enter(tab, service, "bob")
    await expect(tab).to_have_title("(1) sayso")
    await expect(tab.locator("#count")).to_have_text("2")
    icon = tab.locator('link[rel="icon"]')
    await expect(icon).to_have_attribute("href", "/icons/1.svg")
    await service.desk.open(sayso.Permission(tool="Bash", id="r3", policy="two"))
    await expect(tab).to_have_title("(2) sayso")
    bob = people.Actor(account="web:bob", name="bob", member=True, person="bob")
    await service.desk.answer("r3", model.Answer(verdict="allow"), bob)
    await expect(tab).to_have_title("(1) sayso")
    assert ">9+<" in await (await tab.request.get(f"{service.url}/icons/10.svg")).text()


async def test_a_notification_says_what_waits_without_agent_text_and_is_closed_with_it(
    tab: async_api.Page, service: Service
) -> None:
    page = tab
    await page.context.grant_permissions(["notifications"], origin=service.url)
    await enter(page, service, "bob")
    await page.get_by_role("button", name="Notify me").click()
    await expect(page.locator("#notify")).to_have_text("Notifications on")
    await service.desk.open(sayso.Question("not for bob", id="r0", policy="ann"))
    await service.desk.open(sayso.Permission(tool="Bash", title="Approved by Ann", input={"command": "x"}, id="r1"))
    await expect(card(page, "r1")).to_be_visible()
    summary = str(await card(page, "r1").get_attribute("data-summary"))
    assert "Approved by Ann" not in summary
    await shows(page, [("sayso-r1", summary)])
    await service.desk.answer("r1", model.Answer(verdict="deny"), ANN)
    await shows(page, [])
    await page.locator("#notify").click()
    await service.desk.open(sayso.Question("?", id="r2"))
    await expect(card(page, "r2")).to_be_visible()
    assert await notices(page) == []


async def test_a_browser_subscribes_by_the_button_and_its_worker_shows_what_is_pushed(
    context: async_api.BrowserContext,
) -> None:
    devices = Devices()
    async with serving(devices=devices) as running:
        await context.grant_permissions(["notifications"], origin=running.url)
        # what follows a subscription needs a push service on the internet; the browser's own part is real
        page = await new_tab(context)
        await page.add_init_script(
            "PushManager.prototype.getSubscription = async () => null;"
            "PushManager.prototype.subscribe = async (options) => ({ toJSON: () => ({ endpoint: 'https://push.example.com/'"
            " + options.applicationServerKey, keys: { p256dh: 'P', auth: String(options.userVisibleOnly) } }) });"
        )
        await enter(page, running, "bob")
        await page.get_by_role("button", name="Notify me").click()
        await expect(page.locator("#news")).to_have_text(
            "You will be notified of new requests that wait for you, also when no page is open."
        )
        assert devices.known[-1] == ("web:bob", "https://push.example.com/BPublic", "P", "true")
        pushed = '{"id": "r1", "body": "bot asks to run Bash", "state": "pending", "path": "/requests/r1"}'
        over = pushed.replace("pending", "over").replace("Bash", "Bash. Denied.")
        for data, told in ((pushed, "bot asks to run Bash"), (over, "bot asks to run Bash. Denied.")):
            await deliver_until_shown(context, page, data, [("sayso-r1", told)])
        await page.close()


async def deliver_until_shown(
    context: async_api.BrowserContext, page: async_api.Page, data: str, wanted: list[tuple[str, str]]
) -> None:
    """A busy browser loses what is handed to it this way now and then: a push service would send it again as well."""
    async with asyncio.timeout(BOUND):
        while True:
            await deliver_push(context, page, data)
            with contextlib.suppress(TimeoutError):
                return await shows(page, wanted, within=2)


async def deliver_push(context: async_api.BrowserContext, page: async_api.Page, data: str) -> None:
    """A message of the push service, as the browser hands it to the worker of the page."""
    session = await context.new_cdp_session(page)
    found = asyncio.get_running_loop().create_future()
    session.on("ServiceWorker.workerVersionUpdated", lambda told: _active(found, page.url, told["versions"]))
    await session.send("ServiceWorker.enable")
    async with asyncio.timeout(BOUND):
        worker = await found
    origin = page.url.rstrip("/")
    message = {"origin": origin, "registrationId": worker["registrationId"], "data": data}
    await session.send("ServiceWorker.deliverPushMessage", message)


def _active(found: asyncio.Future[dict[str, str]], url: str, versions: list[dict[str, str]]) -> None:
    """The browser tells of the workers of all services; what is pushed to one that is not active is lost."""
    own = [one for one in versions if one["scriptURL"].startswith(url) and one["status"] == "activated"]
    if own and not found.done():
        found.set_result(own[-1])


async def test_nobody_is_asked_before_they_press_the_button_which_says_where_no_push_service_is_reached(
    context: async_api.BrowserContext,
) -> None:
    async with serving(devices=Devices()) as running:
        page = await new_tab(context)
        await page.add_init_script(
            "Notification.requestPermission = async () => { self.asked = true; return Notification.permission };"
            "PushManager.prototype.subscribe = async () => { throw new Error('offline') }"
        )
        await enter(page, running, "bob")
        await running.desk.open(sayso.Question("?", id="r1"))
        await expect(card(page, "r1")).to_be_visible()
        assert (await page.evaluate("self.asked"), await notices(page)) == (None, [])
        await page.locator("#notify").click()
        assert await page.evaluate("self.asked")
        await expect(page.locator("#news")).to_have_text("You will not be notified.")
        await context.grant_permissions(["notifications"], origin=running.url)
        await page.get_by_role("button", name="Notify me").click()
        await expect(page.locator("#news")).to_have_text(
            "You will be notified of new requests that wait for you while a page is open: this browser's push service"
            " cannot be reached."
        )
        await expect(page.locator("#notify")).to_have_text("Notifications on")
        await page.close()


async def test_a_page_without_a_worker_goes_on_without_notifications(
    context: async_api.BrowserContext, service: Service
) -> None:
    """Its service ended as the page came, for one: nothing of it is a mistake of the page."""
    await context.grant_permissions(["notifications"], origin=service.url)
    page = await new_tab(context)
    await page.add_init_script(
        "navigator.serviceWorker.register = async () => { throw new TypeError('Failed to register a ServiceWorker') }"
    )
    await enter(page, service, "bob")
    await page.get_by_role("button", name="Notify me").click()
    await expect(page.locator("#notify")).to_have_text("Notifications on")
    await service.desk.open(sayso.Question("?", id="r1"))
    await expect(card(page, "r1")).to_be_visible()
    await page.close()


async def test_a_hundred_mixed_requests_are_cleared_by_few_keys(tab: async_api.Page, service: Service) -> None:
    page = tab
    await sign_in(page, service)
    await mixed.ask(service.desk)
    hand = mixed.Hand()
    await page.goto(f"{service.url}/many")

    async def press(key: str) -> None:
        hand.presses += 1
        await page.keyboard.press(key)

    async def choose_all(*, bad: bool) -> None:
        """Choose each group by one key; of those that are to be denied none, or nothing else."""
        for number in range(await page.locator(".group").count()):
            group = page.locator(".group").nth(number)
            # a click beside the boxes moves the focus, and counts as a press
            hand.presses += 1
            await group.locator("tbody input[name=row]").first.focus()
            await press("g")
            rows = group.locator("tbody tr")
            for place, text in enumerate(await rows.all_inner_texts()):
                if (mixed.BAD in text) != bad:
                    hand.presses += 1
                    await rows.nth(place).locator("input[name=row]").uncheck()

    hand.sees(await page.inner_text("main"))
    await choose_all(bad=False)
    await press("Tab")
    hand.presses += 1
    await page.get_by_role("button", name="Allow chosen").click()
    await expect(page.locator(".notice")).to_contain_text("Allowed 94.")
    await page.wait_for_load_state()
    await choose_all(bad=True)
    hand.presses += 1
    await page.get_by_role("button", name="Deny chosen").click()
    await expect(page.locator(".notice")).to_contain_text("Denied 6.")
    await mixed.check(service.desk, hand, "Inbox")


async def test_no_row_that_is_come_to_by_keys_stands_under_the_bar(tab: async_api.Page, service: Service) -> None:
    page = tab
    await sign_in(page, service)
    for number in range(12):
        await service.desk.open(sayso.Permission(tool="Bash", input={"command": f"make {number}"}, id=f"r{number}"))
    seen = """(() => {
        const row = document.activeElement.closest("tr"), bar = document.querySelector(".bar").getBoundingClientRect();
        return [row.id, row.getBoundingClientRect().bottom <= bar.top];
    })()"""
    place = "document.getElementById('{}').getBoundingClientRect().{}"
    for width in (320, 390, 1100):
        await page.set_viewport_size({"width": width, "height": 700})
        await page.goto(f"{service.url}/many")
        rows = []
        for _ in range(12):
            await keys(page, "j")
            rows.append(await page.evaluate(seen))
        assert len({id for id, _ in rows}) == 12, width
        assert [id for id, whole in rows if not whole] == [], width
        # the reason and the button below it do not touch
        assert await page.evaluate(f"{place.format('allow', 'top')} - {place.format('reason', 'bottom')}") >= 6, width


async def test_a_row_is_opened_in_its_place_and_what_was_chosen_stays_chosen(
    tab: async_api.Page, service: Service
) -> None:
    page = tab
    await sign_in(page, service)
    for number, command in enumerate(["ls", "echo " + "x" * 3000 + " end", "pwd"]):
        request = sayso.Permission(tool="Bash", input={"command": command}, id=f"r{number}")
        await service.desk.open(request)
    await page.goto(f"{service.url}/many")
    await keys(page, "j", "x", "j")
    await expect(page.locator("#chosen")).to_have_text("1 chosen")
    focused = await page.evaluate("document.activeElement.closest('tr').id")
    first = await page.locator("input[name=row]:checked").get_attribute("value")
    while focused != "row-r1":
        await keys(page, "j" if focused == "row-r0" else "k")
        focused = await page.evaluate("document.activeElement.closest('tr').id")
    await keys(page, "o")
    await expect(page.locator("#row-r1")).to_contain_text("end")
    assert await page.locator("input[name=row]:checked").get_attribute("value") == first
    await expect(page.locator("#row-r1 input[name=row]")).to_be_focused()


async def test_a_request_is_found_and_a_page_is_left_by_the_keyboard_alone(
    page: async_api.Page, service: Service
) -> None:
    await service.desk.open(sayso.Permission(tool="Bash", input={"command": "make needle"}, id="r1"))
    await service.desk.open(sayso.Permission(tool="Edit", input={"path": "a"}, id="r2"))
    await tab_to(page, "Requests")
    await keys(page, "Enter")
    here = page.get_by_role("navigation", name="Inbox").get_by_role("link", name="Requests")
    await expect(here).to_have_attribute("aria-current", "page")
    await tab_to(page, "Words, or an id")
    await page.keyboard.type("needle")
    await keys(page, "Enter")
    await expect(page.locator("[data-row]")).to_have_count(1)
    await expect(page.get_by_role("searchbox", name="Words, or an id")).to_have_value("needle")
    await tab_to(page, "More filters")
    await keys(page, "Enter")
    for name in ("Tool", "Agent, by its key", "Session", "Policy", "Rule", "Place (slack:#ops, slack)"):
        await expect(page.get_by_label(name, exact=True)).to_be_visible()
    await tab_to(page, "Tool")
    await page.keyboard.type("edit")
    await keys(page, "Enter")
    await expect(page.get_by_text("Nothing fits.")).to_be_visible()
    # what was asked for by a filter is not hidden behind the button
    await expect(page.get_by_label("Tool", exact=True)).to_be_visible()
    await tab_to(page, "All requests")
    await keys(page, "Enter")
    await expect(page.locator("[data-row]")).to_have_count(2)
