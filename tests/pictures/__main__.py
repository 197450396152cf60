"""Draws the pictures: `python -m tests.pictures [--out FOLDER] [--only NAME ...] [--surface slack ...]` or `--docs`."""

import argparse
import asyncio
import functools
import html
import io
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import simcord
from playwright import async_api
from rich.console import Console
from rich.text import Text

import sayso_discord.render
import sayso_slack.render
from sayso import machine, model
from sayso.cards import batch, draw
from sayso.cards.card import Card, Image
from sayso.machine import events
from sayso.testing.clock import ManualClock
from sayso.testing.samples import NOW
from sayso_bots.terminal import render as terminal
from tests.adapters.web import service as web_service
from tests.pictures import discord, inbox_pages, slack, transcripts
from tests.pictures.scenes import MINT, batches, called_of, directory_of, scenes

# Debian has no colour emoji by itself; the fake Discord of the tests ships them.
EMOJI_FONT = Path(simcord.__file__).parent / "preview/static/fonts/noto-color-emoji-v2.051.ttf"
TEAM_REVIEW = ("asked", "places", "seated", "refused", "glass", "on-call", "on-call-leads", "away", "standstill")
# What stands in docs/images: the most telling of each surface.
DOCS = {
    "slack": ("command", "danger", "edit", "quorum", "denied", "stage", "batch", "secrets", *TEAM_REVIEW),
    "discord": ("command", "choice", "question", "allowed", "batch"),
    "inbox": ("command", "batch"),
    "inbox-390": ("form",),
    "terminal": ("edit",),
    "audit": ("verify",),
    "pages": ("requests", "people", "policies", "life", "stats"),
    "pages-390": ("grants",),
}
Scenes = dict[str, model.Ticket | tuple[model.Ticket, ...]]
MOST_BYTES = 150_000
SURFACES = (
    *("slack", "discord", "terminal", "audit", "inbox", "inbox-dark", "inbox-390"),
    *("pages", "pages-dark", "pages-390"),
)
NAMES = {"U0ANN": "Ann", "U0BOB": "Bob", "U0CID": "Cid", "U0LEA": "Lea"}


def pages(surface: str, tickets: Scenes) -> Iterator[tuple[str, str]]:
    """Name and page of each picture that needs no service."""
    for name, ticket in tickets.items():
        if isinstance(ticket, tuple) and surface == "terminal":
            continue  # at a terminal each request is shown by itself
        card = _card(name, ticket)
        images = [part for part in card.parts if isinstance(part, Image)]
        shown = {one.file_name: f"data:{one.media_type};base64,{one.data}" for one in images}
        if surface == "slack":
            files = {one.index: one.file_name for one in images}
            yield name, slack.page(sayso_slack.render.render(card, called_of(name), files), NOW, NAMES, shown)
        elif surface == "discord":
            yield name, discord.page(sayso_discord.render.render(card), NOW, NAMES, shown)
        else:
            yield name, terminal_page(terminal.render(card, 90))


def _card(name: str, shown: model.Ticket | tuple[model.Ticket, ...]) -> Card:
    if isinstance(shown, tuple):
        return batch.draw_card("B" * 22, shown, MINT)
    return draw.card_of(shown, MINT, directory_of(name))


def terminal_page(text: str) -> str:
    """The text as a terminal shows it."""
    console = Console(record=True, width=92, file=io.StringIO())
    console.print(Text.from_ansi(text))
    shown = console.export_text()
    style = slack.FONT + Path(__file__).with_name("terminal.css").read_text()
    return f'<meta charset="utf-8"><style>{style}</style><pre id="shot">{html.escape(shown)}</pre>'


async def fulfill(what: str | Path, route: async_api.Route) -> None:
    """Answer the browser: there is no server behind a picture."""
    if isinstance(what, Path):
        await route.fulfill(path=what)
    else:
        await route.fulfill(body=what, content_type="text/html")


async def shoot(out: Path, surfaces: list[str], tickets: Scenes, only: set[str] | None = None) -> None:
    """Draw every ticket on every surface, and the pages of the inbox."""
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_api.async_playwright())
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        stack.push_async_callback(chromium.close)
        for surface in surfaces:
            if surface.startswith("pages"):
                wanted = set(inbox_pages.PAGES) if only is None else only
                await inbox_pages.shoot(out, surface, *_look(surface), wanted, chromium)
                continue
            if surface.startswith("inbox"):
                await shoot_inbox(out, surface, tickets, chromium)
                continue
            page = await chromium.new_page(viewport={"width": 820, "height": 900})
            drawn = [("verify", terminal_page(await transcripts.verify()))] if surface == "audit" else None
            for name, text in drawn or pages(surface, tickets):
                await page.route("**/page", functools.partial(fulfill, text))
                await page.route("**/emoji.ttf", functools.partial(fulfill, EMOJI_FONT))
                await page.goto("http://pictures.invalid/page")
                await page.evaluate("document.fonts.ready")
                await page.locator("#shot").screenshot(path=out / f"{surface}-{name}.png")
            await page.close()


def _look(surface: str) -> tuple[int, Literal["dark", "light"]]:
    return 390 if surface.endswith("390") else 900, "dark" if surface.endswith("dark") else "light"


async def shoot_inbox(out: Path, surface: str, tickets: Scenes, chromium: async_api.Browser) -> None:
    """Each ticket on its own page of the real inbox, at the hour at which it was asked."""
    width, scheme = _look(surface)
    for name, ticket in tickets.items():
        # the inbox has a page for many
        some, where = (ticket, "many") if isinstance(ticket, tuple) else ((ticket,), f"requests/{ticket.id}")
        async with web_service.serving(ManualClock()) as service:
            for one in some:
                entry = events.Opened(at=one.created_at, by=one.owner, digest=one.digest)
                await service.desk.store.commit(machine.Step(one.model_copy(update={"version": 1}), ()), entry)
            session = await service.sessions.sign_in(await service.sessions.link("owner", service.url))
            context = await chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            await context.add_cookies([{"name": "sayso", "value": session.secret, "url": service.url}])
            page = await context.new_page()
            await page.clock.install(time=NOW)
            await page.goto(f"{service.url}/{where}")
            # what sticks to the foot of the window stands at the foot of the picture
            await page.set_viewport_size({"width": width, "height": await page.evaluate("document.body.scrollHeight")})
            await page.screenshot(path=out / f"{surface}-{name}.png", full_page=True)
            await context.close()


def draw_docs(out: Path) -> None:
    """Draw the pictures of the pages. Raises `ValueError` if one is too large to stand there."""
    tickets: Scenes = {**scenes(), **batches()}
    for surface, names in DOCS.items():
        asyncio.run(shoot(out, [surface], {name: tickets[name] for name in names if name in tickets}, set(names)))
        for path in (out / f"{surface}-{name}.png" for name in names):
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"{path} has more than {MOST_BYTES:,} bytes")


def main() -> None:
    """Read the arguments, and draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("pictures"))
    parser.add_argument("--only", nargs="*", help="names of scenes; all unless given")
    parser.add_argument("--surface", nargs="*", choices=SURFACES, default=list(SURFACES))
    parser.add_argument("--docs", action="store_true", help="draw those that stand in docs/images, and nothing else")
    given = parser.parse_args()
    if given.docs:
        draw_docs(Path("docs/images"))
        return
    given.out.mkdir(parents=True, exist_ok=True)
    every: Scenes = {**scenes(), **batches()}
    tickets = {name: ticket for name, ticket in every.items() if not given.only or name in given.only}
    asyncio.run(shoot(given.out, given.surface, tickets, set(given.only) if given.only else None))
    print(f"{len(list(given.out.glob('*.png')))} pictures in {given.out}")  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
