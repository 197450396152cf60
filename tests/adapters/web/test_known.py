"""The pages of people and of policies: who is who, what could not be found out, what each policy says and did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

import sayso
from sayso import errors, model, rules
from sayso.desk.admission.rotas import Shift
from sayso.desk.answering import acquaintance
from sayso.desk.channel import Platform
from sayso.desk.upkeep import versions
from sayso.machine import people
from sayso.rules import book
from sayso.rules.rule import read_match
from tests.adapters.web.service import ANN, Elements, Service, serving

ODD = "<b>odd\u202e"


class Members:
    """A chat that knows one group, may be down, or never answer."""

    inside: frozenset[str] = frozenset()
    down = False

    async def is_in(self, group: str, account: str) -> bool:
        if self.down:
            raise errors.ChannelError("Slack is away")
        return account in self.inside

    async def account_of(self, email: str) -> str | None:
        return None

    async def members(self, group: str, known: Sequence[str]) -> Sequence[str]:
        return ()

    async def is_open(self, account: str) -> bool:
        return True


class Rota:
    """Somebody is on call, or nobody knows who."""

    shift: Shift | None = Shift(frozenset({"bob"}), frozenset({"x@example.com"}))

    async def on_call(self) -> Shift:
        if self.shift is None:
            raise errors.ChannelError("the calendar cannot be read")
        return self.shift


@pytest.fixture
def members() -> Members:
    return Members()


@pytest.fixture
def rota() -> Rota:
    return Rota()


@pytest_asyncio.fixture
async def service(members: Members, rota: Rota) -> AsyncGenerator[Service]:
    async with serving() as running:
        desk = running.desk
        directory = people.Directory(
            {
                "ann": people.Profile(frozenset({"slack:T1/U1", "discord:9"})),
                "bob": people.Profile(frozenset({"slack:T1/U2"}), "bob@example.com"),
                ODD: people.Profile(),
            },
            {
                "release": people.Group(frozenset({"bob"}), frozenset({"slack:S1"})),
                "payments": people.Group(frozenset({"bob"}), on_call=True),
            },
            (people.Delegation("bob", frozenset({"ann"}), desk.clock.now() + timedelta(days=2)),),
        )
        production = model.Policy.model_validate(
            {
                "needs": [{"who": ["group:release"], "count": 2}, {"who": ["ann"]}],
                "veto": 2,
                "self_approval": True,
                "expires_in": 14_400.0,
                "remind": [30.0, 900.0],
                "escalate": [{"after": 3_600.0, "replace": ["bob"], "route": ["slack:#leads"]}],
                "valid_for": 600.0,
                "reason": "allow",
                "confirm": "tool",
                "break_glass": {"who": ["bob"], "review": ["ann"]},
                "grants": 28_800.0,
            }
        )
        staged = model.Policy.model_validate(
            {"stages": [{"approvers": ["ann"]}, {"approvers": []}], "confirm": 10.0, "reason": "both"}
        )
        watched = rules.Rule(id="npm", effect="ask", observed=True, match=read_match("npm", {"tool": "Bash"}))
        deny = rules.Rule(id="secrets", effect="deny", reason=f"No {ODD}.", match=read_match("x", {"tool": "Read"}))
        desk.setup = replace(
            desk.setup,
            directory=directory,
            policies={"default": model.Policy(), "production": production, "staged": staged, ODD: model.Policy()},
            rules=book.Book((deny, watched)),
            rotas={"payments": rota},
        )
        desk.platforms["slack"] = Platform(channel=None, membership=members)  # type: ignore[arg-type]
        yield running


def cells(page: str) -> list[str]:
    """The rows of all tables, as text."""
    rows = page.replace("</td>", " | ").replace("</th>", " | ").split("<tr>")[1:]
    return [" ".join("".join(Elements(row.partition("</tr>")[0]).texts).split()) for row in rows]


async def test_everybody_stands_there_with_their_accounts_and_groups_as_they_are_now(
    service: Service, members: Members
) -> None:
    members.inside = frozenset({"slack:T1/U1"})
    page = (await (await service.signed_in("ann")).get("/people")).text
    found = cells(page)
    (ann,) = [row for row in found if row.startswith("ann")]
    assert "discord:9, slack:T1/U1 | release | – | bob until" in ann
    (bob,) = [row for row in found if row.startswith("bob")]
    assert "slack:T1/U2, and by e-mail address | release, payments, oncall:payments | –" in bob
    assert "bob@example.com" not in page
    assert any(row.startswith("<b>odd⟦U+202E⟧ | none: by key") for row in found)
    assert "release | bob | slack:S1 | – |" in found
    assert "payments | bob | – | bob, and 1 whom the settings do not know |" in found


async def test_what_nobody_could_find_out_is_said_so(service: Service, members: Members, rota: Rota) -> None:
    members.down, rota.shift = True, None
    found = cells((await (await service.signed_in("ann")).get("/people")).text)
    (ann,) = [row for row in found if row.startswith("ann")]
    assert "| none | ? release, oncall:payments |" in ann
    assert "payments | bob | – | ? could not find out: the calendar cannot be read |" in found


async def test_a_chat_that_does_not_answer_holds_the_page_up_for_a_moment_only(
    service: Service, rota: Rota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acquaintance, "_WITHIN", 0.01)

    async def never(group: str = "", account: str = "") -> bool:
        await asyncio.Event().wait()
        return True

    membership = service.desk.platforms["slack"].membership
    monkeypatch.setattr(membership, "is_in", never)
    monkeypatch.setattr(rota, "on_call", never)
    found = cells((await (await service.signed_in("ann")).get("/people")).text)
    assert any("ann" in row and "? release, payments" in row for row in found)
    assert any("could not find out: no answer in time" in row for row in found)


async def test_many_people_are_pages(service: Service) -> None:
    many = {f"p{number:03}": people.Profile() for number in range(acquaintance.PAGE + 2)}
    service.desk.setup = replace(service.desk.setup, directory=people.Directory(many))
    browser = await service.signed_in("ann")
    first, second = (await browser.get("/people")).text, (await browser.get("/people?page=1")).text
    assert ("p000" in first, "p026" in first, "p026" in second) == (True, False, True)
    assert 'href="/people?page=1"' in first
    assert "More people" not in second
    assert "names nobody more" in (await browser.get("/people?page=2")).text
    assert (await browser.get("/people?page=x")).status == 404


async def test_each_policy_says_all_that_it_says_and_what_it_did(service: Service) -> None:
    ticket = await service.desk.open(sayso.Permission(tool="Edit", input={"path": "a"}))
    await service.desk.answer(ticket.id, model.Answer(verdict="allow"), ANN)
    await service.desk.open(sayso.Permission(tool="Read", input={"path": "a"}))
    bash = await service.desk.open(sayso.Permission(tool="Bash", input={"command": "a"}))
    await service.desk.answer(bash.id, model.Answer(verdict="deny"), ANN)
    page = (await (await service.signed_in("ann")).get("/policies")).text
    words = " ".join("".join(Elements(page).texts).split())
    for said in (
        "2 of the group release (bob, its members in Slack) and ann",
        "Denied by2 people",
        "whoever it is asked for may allow it, too",
        "after 4 h, which is a denial",
        "after 30 s, 15 min",
        "after 1 h to bob alone, shown at slack:#leads",
        "is good for 10 min",
        "must be given with an allow",
        "the value of tool is typed",
        "bob may break the glass; reviewed by ann",
        "an allow may cover more for 8 h",
        "Stage 1ann",
        "Stage 2nobody",
        "must be given with every answer",
        "it is read for 10 s first",
        "<b>odd⟦U+202E⟧",
        "3 decided",
        "2 denied, 1 allowed",
        "would have counted 1 time",
    ):
        assert said in words, said
    assert "<b>odd" not in page


async def test_counts_are_for_readers_of_the_numbers_only(service: Service) -> None:
    service.desk.setup = replace(service.desk.setup, readers=("bob",))
    page = (await (await service.signed_in("ann")).get("/policies")).text
    assert "production" in page
    assert "Did" not in page
    assert "Did" in (await (await service.signed_in("bob")).get("/policies")).text
    for path in ("/people", "/policies"):
        assert (await service.browser().get(path)).status == 401


async def test_settings_that_were_taken_up_are_shown_with_what_changed(service: Service) -> None:
    page = (await (await service.signed_in("ann")).get("/policies")).text
    assert "a service keeps them when it takes them up" in page
    rule: model.JsonObject = {"id": "npm", "match": {"tool": "<b>x\u202e"}, "effect": "ask"}
    for number, said in enumerate(({"rules": [rule]}, {"rules": [{**rule, "effect": "deny"}]}, None), 1):
        kept: model.JsonObject = said or {"rules": [{**rule, "effect": "deny"}]}
        by = f"change {number}"
        desk, digest = service.desk, f"sha256:{number}"
        await versions.keep(desk.store, digest, kept, by, desk.clock.now(), desk.mint.masks)
    page = (await (await service.signed_in("ann")).get("/policies")).text
    words = " ".join("".join(Elements(page).texts).split())
    assert words.index("change 3") < words.index("change 2") < words.index("change 1")
    assert '-effect = "ask"' in words
    assert '+effect = "deny"' in words
    assert "nothing of people, policies and rules" in words
    assert "<b>x" not in page
    assert "\u202e" not in page
