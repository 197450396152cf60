"""The pages of the inbox beside its cards, with a week of a small team behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from playwright import async_api

import sayso
import sayso_plots
import sayso_web
from sayso import model
from sayso.desk.admission import granting
from sayso.desk.admission.rotas import Shift
from sayso.desk.upkeep import versions
from sayso.machine import people
from sayso.rules import Book, Rule
from sayso.rules.rule import read_match
from sayso.stores import Record, record_kinds
from sayso.testing.clock import ManualClock
from tests.adapters.web import service as web_service

# Tools, and how long people think about them at least.
WEEK = (("Bash", 20.0), ("refund", 95.0), ("Edit", 35.0), ("Bash", 1.1), ("deploy", 240.0), ("WebFetch", 15.0))
WEEK_BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
# What is longer than a window is shown as far as this.
SHOWN = {"stats": 1390}
PAGES = {
    "requests": "/requests",
    "people": "/people",
    "policies": "/policies",
    "grants": "/grants",
    "life": "/requests/r07",
    "stats": "/stats",
}
ANN, BOB = people.Actor("web:ann", "Ann", member=True, person="ann"), people.Actor("web:bob", "Bob", person="bob")
RELEASE = sayso.Caller("release-bot")
PRODUCTION = model.Policy.model_validate(
    {
        "needs": [{"who": ["group:release"], "count": 2}],
        "expires_in": 14_400.0,
        "remind": [900.0],
        "escalate": [{"after": 3_600.0, "add": ["carl"]}],
        "valid_for": 600.0,
        "break_glass": {"who": ["group:payments"], "review": ["ann"]},
    }
)
# What was asked: the tool, its input, under which policy, and who said what.
ASKED: tuple[tuple[str, model.JsonObject, str, tuple[tuple[people.Actor, str], ...]], ...] = (
    (
        "Edit",
        {"file_path": "/srv/shop/docs/api.md", "old_string": "a", "new_string": "b"},
        "default",
        ((ANN, "allow"),),
    ),
    ("refund", {"customer": "c-1881", "amount": 40}, "default", ((ANN, "allow"),)),
    ("Bash", {"command": "rm -rf build"}, "default", ((ANN, "deny"),)),
    ("refund", {"customer": "c-2044", "amount": 12}, "default", ()),
    ("Read", {"path": "/srv/shop/.env"}, "default", ()),
    ("Bash", {"command": "npm ci"}, "default", ()),
    ("deploy", {"target": "production", "version": "1.4.2"}, "production", ((ANN, "allow"), (BOB, "allow"))),
    ("deploy", {"target": "production", "version": "1.4.3"}, "production", ((ANN, "allow"),)),
)


class Rota:
    """Bob is on call."""

    async def on_call(self) -> Shift:
        """Who it is."""
        return Shift(frozenset({"bob"}))


def _setup(desk: sayso.Desk) -> sayso.Setup:
    directory = people.Directory(
        {
            "ann": people.Profile(frozenset({"slack:T0123/U0ANN", "discord:940"})),
            "bob": people.Profile(frozenset({"slack:T0123/U0BOB"}), "bob@example.com"),
            "carl": people.Profile(),
        },
        {
            "release": people.Group(frozenset({"ann", "bob"}), frozenset({"slack:S0123"})),
            "payments": people.Group(frozenset({"bob"}), on_call=True),
        },
        (people.Delegation("carl", frozenset({"ann"}), desk.clock.now() + timedelta(days=3)),),
    )
    said = "Secrets are not read by agents. Ask a person for the value you need."
    rules = (
        Rule(
            id="no-secrets", effect="deny", reason=said, match=read_match("x", {"tool": "Read", "input.path": "*.env*"})
        ),
        Rule(id="npm", effect="ask", observed=True, match=read_match("x", {"tool": "Bash", "input.command": "npm *"})),
    )
    policies = {"default": model.Policy(approvers=("ann",), grants=28_800.0), "production": PRODUCTION}
    return replace(
        desk.setup,
        directory=directory,
        policies=policies,
        rules=Book(rules),
        rotas={"payments": Rota()},
        stoppers=("ann",),
        readers=("ann",),
    )


async def _settle(desk: sayso.Desk) -> None:
    """Take settings up, and others later; and keep a rule that was suggested."""
    first: model.JsonObject = {"rules": [{"id": "npm", "match": {"program": "npm"}, "effect": "ask"}]}
    second: model.JsonObject = {
        "rules": [*first["rules"], {"id": "no-secrets", "match": {"tool": "Read"}, "effect": "deny"}]
    }
    masks, now = desk.mint.masks, desk.clock.now()
    await versions.keep(desk.store, f"sha256:{'3f9a2c71' * 8}", first, "the start of build-1", now, masks)
    by = "ann on build-1, by sayso reload"
    await versions.keep(desk.store, f"sha256:{'b07c11e4' * 8}", second, by, now + timedelta(hours=3), masks)
    match = {"tool": "Bash", "agent": "release-bot", "program": "npm", "args": ["test", "**"]}
    facts: model.JsonObject = {
        "agent": "release-bot",
        "key": None,
        "tool": "Bash",
        "policy": "default",
        "request": "r06",
    }
    facts |= {"id": "5f2c9a0b1d3e", "standing": "rule", "session": None, "match": match, "by": "ann", "name": "Ann"}
    made = granting.Grant.model_validate({**facts, "at": now, "until": now + timedelta(days=90)})
    await desk.store.put(Record(record_kinds.GRANT, "rule-5f2c9a0b1d3e", made.model_dump(mode="json"), made.until))


async def _live(desk: sayso.Desk, clock: ManualClock) -> None:
    """Ask and answer all of it."""
    desk.setup = _setup(desk)
    await _settle(desk)
    for number, (tool, input, policy, said) in enumerate(ASKED, 1):
        request = sayso.Permission(tool=tool, input=input, id=f"r{number:02}")
        source = model.Source(session="fix the checkout")
        await desk.open(request.model_copy(update={"policy": policy, "source": source}), RELEASE)
        for person, verdict in said:
            clock.advance(140)
            covers = {"standing": "pattern", "free": ("amount",)} if tool == "refund" else {}
            await desk.answer(f"r{number:02}", model.Answer.model_validate({"verdict": verdict, **covers}), person)
        clock.advance(300)


async def _week(desk: sayso.Desk, clock: ManualClock) -> None:
    """Two agents ask through five working days, mostly before and after lunch."""
    for number in range(160):
        day, at = divmod(number, 32)
        tool, slow = WEEK[number % len(WEEK)]
        hour = (8, 9, 9, 10, 10, 10, 11, 11, 13, 13, 14, 14, 14, 15, 16, 17)[at // 2]
        moment = WEEK_BEGAN + timedelta(days=day, hours=hour, minutes=(number * 7) % 31)
        clock.advance(max(1.0, (moment - clock.now()).total_seconds()))
        asked = sayso.Permission(tool=tool, input={"n": number}, id=f"w{number:03}")
        agent = sayso.Caller("release-bot" if number % 3 else "support-bot")
        await desk.open(asked.model_copy(update={"policy": "default"}), agent)
        clock.advance(slow * (1 + number % 5))
        verdict: Literal["allow", "deny"] = "deny" if number % 11 == 0 else "allow"
        await desk.answer(f"w{number:03}", model.Answer(verdict=verdict), ANN)
    clock.advance(3_600)


async def _sign_in(service: web_service.Service, context: async_api.BrowserContext) -> None:
    session = await service.sessions.sign_in(await service.sessions.link("ann", service.url))
    await context.add_cookies([{"name": "sayso", "value": session.secret, "url": service.url}])


async def shoot(
    out: Path, surface: str, width: int, scheme: Literal["dark", "light"], only: set[str], chromium: async_api.Browser
) -> None:
    """Each page, as Ann sees it."""
    clock = ManualClock()
    async with web_service.serving(clock, plots=sayso_web.Plots(sayso_plots.PLOTS, sayso_plots.draw)) as service:
        await _live(service.desk, clock)
        context = await chromium.new_context(viewport={"width": width, "height": 400}, color_scheme=scheme)
        await _sign_in(service, context)
        page = await context.new_page()
        await page.clock.install(time=clock.now())
        for name in (name for name in PAGES if name in only):
            if name == "stats":
                # the pages before it show a day
                await _week(service.desk, clock)
                await page.clock.set_system_time(clock.now())
                # a session does not last a week
                await _sign_in(service, context)
            await page.goto(f"{service.url}{PAGES[name]}")
            shown = SHOWN.get(name)
            clip: async_api.FloatRect | None = {"x": 0, "y": 0, "width": width, "height": shown} if shown else None
            await page.screenshot(path=out / f"{surface}-{name}.png", full_page=True, clip=clip)
        await context.close()
