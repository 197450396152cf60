"""The life of a request in order: what happened, when it was decided, what comes next."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest_asyncio

import sayso
from sayso import attention, calendars, model
from sayso.cards import card
from sayso.desk.answering import attending
from sayso.machine import people
from sayso.testing.clock import ManualClock
from sayso_web import timeline
from tests.adapters.web.service import Elements, Service, serving

POLICY = model.Policy.model_validate(
    {
        "approvers": ["ann"],
        "expires_in": 7_200.0,
        "remind": [900.0],
        "escalate": [{"after": 3_600.0, "add": ["group:leads"]}],
        "quorum": 1,
    }
)
ANN = people.Actor("web:ann", "Ann", member=True, person="ann")


@pytest_asyncio.fixture
async def service() -> AsyncGenerator[Service]:
    async with serving(ManualClock()) as running:
        directory = people.Directory(
            {"ann": people.Profile(), "bob": people.Profile()}, {"leads": people.Group(frozenset({"bob"}))}
        )
        running.desk.setup = replace(running.desk.setup, policies={"default": POLICY}, directory=directory)
        yield running


def advance(service: Service, seconds: float) -> None:
    assert isinstance(service.desk.clock, ManualClock)
    service.desk.clock.advance(seconds)


def said(moments: list[timeline.Moment]) -> list[str]:
    return ["".join(card.pieces(card.Line(tuple(one.said)))) for one in moments]


async def test_what_comes_next_stands_there_until_it_is_decided_and_then_the_whole_life_in_order(
    service: Service,
) -> None:
    desk = service.desk
    ticket = await desk.open(sayso.Permission(tool="Bash", input={"command": "make"}, id="r1"), sayso.Caller("bot"))
    assert said([*timeline.coming(ticket)]) == [
        "Those who are missing are reminded",
        "It goes to leads",
        "It expires, which is a denial",
    ]
    advance(service, 3_700)
    await desk.let_time_act("r1")
    ticket = await desk.get("r1")
    assert said([*timeline.coming(ticket)]) == ["It expires, which is a denial"]
    advance(service, 5)
    await desk.answer("r1", model.Answer(verdict="allow"), ANN)
    advance(service, 60)
    await desk.use("r1", sayso.Caller("bot"))
    ticket = await desk.get("r1")
    assert [*timeline.coming(ticket)] == []
    moments = timeline.past(ticket, await desk.store.log("r1"))
    told = said(moments)
    assert told[0] == "Asked with the key bot"
    assert "Escalated to leads" in told
    assert told[-3:] == ["Allowed by ann (web:ann)", "Decided: Allowed by Ann", "Used with the key bot"]
    assert [one.after for one in moments[-3:]] == ["after 1 h", "after 1 h", "after 1 h"]
    assert [one.at for one in moments] == sorted(one.at for one in moments)
    page = (await (await service.signed_in("ann")).get("/requests/r1")).text
    words = " ".join("".join(Elements(page).texts).split())
    assert words.index("Asked with the key") < words.index("Decided: Allowed by Ann") < words.index("Used with the key")
    assert "What comes next" not in words


async def test_a_request_that_ran_out_says_when_and_what_it_was_for_a_moment(service: Service) -> None:
    ticket = await service.desk.open(sayso.Permission(tool="Bash", input={"command": "make"}, id="r1"))
    advance(service, 7_200)
    await service.desk.let_time_act("r1")
    ticket = await service.desk.get("r1")
    moments = timeline.past(ticket, await service.desk.store.log("r1"))
    assert said(moments)[-1].startswith("Decided: Expired")
    assert moments[-1].at == ticket.created_at + timedelta(seconds=7_200)


async def test_under_a_stop_nothing_comes_next(service: Service) -> None:
    ticket = await service.desk.open(sayso.Permission(tool="Bash", input={"command": "make"}, id="r1"))
    stop = model.Stop(by="op", name="Op", via="web:op", at=service.desk.clock.now())
    standstill = model.Standstill.model_validate({"stop": stop, "since": service.desk.clock.now()})
    assert [*timeline.coming(ticket.model_copy(update={"stopped": standstill}))] == []
    page = (await (await service.signed_in("ann")).get("/requests/r1")).text
    assert "What comes next, if nobody answers" in page


async def test_turns_snoozes_and_quiet_hours_stand_among_what_comes_next(service: Service) -> None:
    # it is noon
    lunch = attention.Quiet(calendar=calendars.Calendar(name="lunch", hours=(calendars.Hours(opens=600, closes=780),)))
    policy = POLICY.model_copy(
        update={"approvers": ("ann", "bob"), "turns": "round_robin", "claim_in": 300.0, "escalate": (), "remind": ()}
    )
    service.desk.setup = replace(service.desk.setup, policies={"default": policy}, quiet={"bob": lunch})
    ticket = await service.desk.open(sayso.Permission(tool="Bash", id="r1"), sayso.Caller("bot"))
    assert said([*timeline.coming(ticket)]) == [
        "It is put to everybody",
        "bob is told: their quiet hours end",
        "It expires, which is a denial",
    ]
    ticket = await attending.snooze(service.desk, "r1", 600, ANN)
    assert "ann is told again" in said([*timeline.coming(ticket)])
    hushed = policy.model_copy(update={"quiet": lunch})
    service.desk.setup = replace(service.desk.setup, policies={"default": hushed})
    ticket = await service.desk.open(sayso.Permission(tool="Bash", id="r2"), sayso.Caller("bot"))
    assert said([*timeline.coming(ticket)])[:2] == ["Quiet hours end, and everybody is told", "It is put to bob"]
