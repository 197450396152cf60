"""Requests of low risk are gathered and shown together; what may be risky or urgent never waits."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import sayso
from sayso import model
from sayso.cards import batch
from sayso.desk import Caller
from sayso.machine import progress
from sayso.rules import Book, Rule
from sayso.rules import rule as words
from sayso.testing import oracle
from sayso.testing.clock import ManualClock
from sayso.testing.samples import NOW
from tests.core.desk.test_quiet_hours import LUNCH
from tests.core.desk.test_turns import Chat, Copies, actor
from tests.fakes.pg import pg_server, pg_tables

__all__ = ["pg_server", "pg_tables"]

POLICY = model.Policy(approvers=("group:release",), expires_in=6 * 3600.0, digest=1800.0)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, pg_tables: str) -> str:
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/sayso.db", "postgres": pg_tables}
    return urls[request.param]


@pytest.fixture
async def copies(url: str) -> AsyncIterator[Copies]:
    made = Copies(url, Chat(clock=ManualClock(NOW + timedelta(minutes=3))), POLICY)
    await made.start()
    gather(made)
    yield made
    await made.stop()


@pytest.fixture
async def one() -> AsyncIterator[Copies]:
    made = Copies("memory://", Chat(clock=ManualClock(NOW + timedelta(minutes=3))), POLICY)
    await made.start()
    gather(made)
    yield made
    await made.stop()


def gather(where: Copies, policy: model.Policy = POLICY) -> None:
    where.policy = policy
    for desk in where.desks:
        desk.setup = dataclasses.replace(desk.setup, policies={"default": policy})
        desk.platforms["chat"] = dataclasses.replace(desk.platforms["chat"], rows=20)


async def look(where: Copies, id: str, agent: str = "bot", **given: Any) -> model.Ticket:
    asked = sayso.Permission(tool="look", input={"at": id}, id=id, **given)
    return await where.desks[int(id[-1]) % len(where.desks)].open(asked, Caller(agent))


def posted(where: Copies) -> list[tuple[str, int]]:
    """When cards came, and how many requests each has."""
    cards = [one.drawn for one in where.chat.pinned.values()]
    times = [minute for minute, _, _ in where.chat.said]
    rows = [len(one.rows) if isinstance(one, batch.BatchCard) else 1 for one in cards]
    return list(zip(times, rows, strict=False))


async def test_what_several_agents_ask_in_half_an_hour_comes_on_one_card_at_its_end(copies: Copies) -> None:
    for number in range(5):
        await look(copies, f"r{number}", f"bot{number % 2}", source=model.Source(session=f"s{number}"))
    assert "shown together with others at 2026-01-01 12:30 UTC" in str(progress.said(await copies.desk.get("r1")))
    await copies.to(20)
    assert posted(copies) == []
    if not copies.url.startswith("memory"):
        await copies.restart()
        gather(copies)
    await copies.to(29)
    await look(copies, "r5")
    await copies.to(61)
    assert posted(copies) == [("12:30", 6)]
    assert oracle.violations(oracle.Witnessed(), await oracle.read(copies.desk.store)) == []


async def test_what_may_be_risky_is_shown_at_once(one: Copies) -> None:
    await look(one, "r1", risk="high")
    await one.desk.open(sayso.Permission(tool="Bash", input={"command": "rm -rf /"}), Caller("bot"))
    # nor is it known what stands behind so much
    long = {"command": f"echo {'x' * 30_000}; rm -rf /"}
    await one.desk.open(sayso.Permission(tool="Bash", input=long), Caller("other"))
    await look(one, "r2", risk="low")
    await one.work()
    assert [minute for minute, _ in posted(one)] == ["12:03", "12:03", "12:03"]


async def test_what_a_rule_calls_urgent_is_shown_at_once_and_a_claim_is_not(one: Copies) -> None:
    urgent = Rule(id="u", match=words.read_match("u", {"tool": "look"}), effect="ask", priority="urgent")
    one.desk.setup = dataclasses.replace(one.desk.setup, rules=Book((urgent,)))
    await look(one, "r1")
    one.desk.setup = dataclasses.replace(one.desk.setup, rules=Book())
    await look(one, "r2", priority="urgent")
    await one.work()
    assert {minute for minute, _, _ in one.chat.said} == {"12:03"}
    assert {card.drawn.ticket_id for card in one.chat.pinned.values()} == {"r1"}


async def test_a_deadline_before_the_end_brings_the_card_forward(one: Copies) -> None:
    await look(one, "r1", expires_in=1200.0)
    await one.to(31)
    assert posted(one) == [("12:13", 1)]


async def test_what_is_decided_before_is_never_shown_and_what_is_gathered_can_be_answered(one: Copies) -> None:
    for id in ("r1", "r2"):
        await look(one, id)
    await one.desk.answer("r1", model.Answer(verdict="allow"), actor("ann"))
    await one.desk.cancel("r2")
    await one.to(40)
    assert posted(one) == []


async def test_in_quiet_hours_of_the_policy_the_digest_waits_for_their_end(one: Copies) -> None:
    gather(one, POLICY.model_copy(update={"quiet": LUNCH}))
    await look(one, "r1")
    await one.to(70)
    assert one.chat.said == [("13:00", "chat:#ops", "group:release")]


async def test_a_repeated_call_is_the_same_request(one: Copies) -> None:
    first = await look(one, "r1")
    assert (await look(one, "r1")).version == first.version == 1
