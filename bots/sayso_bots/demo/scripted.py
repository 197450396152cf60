"""The scripted person of `sayso demo --auto`: signs in by the link, presses in the inbox, and answers by key."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp

import sayso
from sayso import errors, model
from sayso_bots.terminal import access

# Seconds between two looks at the inbox.
_LOOK = 0.1


@dataclass
class Form:
    """A form of a page: whose request it is about, its hidden fields, its buttons by label, its ticks by label."""

    request: str
    hidden: dict[str, str] = field(default_factory=dict[str, str])
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    ticks: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


async def answer_all(url: str, link: str, key: str, expected: int) -> int:
    """Answer *expected* requests: permissions and choices in the inbox, questions and forms with an approver's key."""
    jar = aiohttp.CookieJar(unsafe=True)  # the service of the demo has a bare IP address
    headers = {"Origin": url}
    async with (
        aiohttp.ClientSession(url, cookie_jar=jar, headers=headers) as browser,
        access.connect_to_service(url, key) as desk,
    ):
        await _post(browser, "/signin", {"code": link.rpartition("#")[2], "next": "/"})
        done: set[str] = set()
        while len(done) < expected:
            for ticket in await desk.list(state="pending"):
                await _answer(browser, desk, ticket)
                done.add(ticket.id)
            await asyncio.sleep(_LOOK)
    return 0


async def _answer(browser: aiohttp.ClientSession, desk: access.CommandDesk, ticket: model.Ticket) -> None:
    match ticket.request.kind:
        case "permission":
            await _press(browser, ticket.id, "Allow")
        case "choice":
            await _press(browser, ticket.id, "Answer", ticket.request.options[0].label)
        case "question":
            await desk.answer(ticket.id, sayso.Answer(text="Acme"))
        case "form":
            await desk.answer(ticket.id, sayso.Answer(values={"amount": 25, "currency": "EUR", "goodwill": True}))


async def _press(browser: aiohttp.ClientSession, id: str, label: str, tick: str | None = None) -> None:
    """Press the button of this label on the request's card, with an option ticked before."""
    async with browser.get("/") as response:
        page = await response.text()
    form = next((one for one in forms_of(page) if one.request == id and label in one.buttons), None)
    if form is None or (tick and tick not in form.ticks):
        raise errors.NotFound(f"the inbox shows no button {label!r} for {id}")
    pressed = [form.buttons[label], *([form.ticks[tick]] if tick else [])]
    await _post(browser, "/press", form.hidden | {name: value for name, value in pressed if name})


async def _post(browser: aiohttp.ClientSession, path: str, values: dict[str, str]) -> None:
    async with browser.post(path, data=values, allow_redirects=False) as response:
        if response.status != 303:
            raise errors.SaysoError(f"the inbox answered {response.status} to {path}")


def forms_of(page: str) -> list[Form]:
    """The forms in a page of the inbox."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._request = ""
        self._labelled: tuple[dict[str, tuple[str, str]], tuple[str, str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        named = (given.get("name", ""), given.get("value", ""))
        if tag == "article":
            self._request = given.get("data-id", "")
        elif tag == "form":
            self.forms.append(Form(self._request))
        elif tag == "button" and self.forms:
            self._labelled = (self.forms[-1].buttons, named)
        elif tag == "input" and given.get("type") == "hidden" and self.forms:
            self.forms[-1].hidden[named[0]] = named[1]
        elif tag == "input" and given.get("type") in ("radio", "checkbox") and self.forms:
            self._labelled = (self.forms[-1].ticks, named)

    def handle_data(self, data: str) -> None:
        # the first text behind a button or a tick is its label
        if self._labelled and (label := re.sub(r"\s+", " ", data).strip()):
            found, named = self._labelled
            found[label] = named
            self._labelled = None
