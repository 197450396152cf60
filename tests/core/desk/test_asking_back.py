"""A question back: the agent reads it, and its next request of that session shows it with the agent's words."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from sayso import asking, errors, model
from sayso.cards import card, draw, tokens
from sayso.content import binding
from sayso.desk import Caller, Desk
from sayso.desk.admission import asking_back
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock

ANN, QUESTION = samples.actor(), "Which cluster <!channel> is it?"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(samples.NOW)


@pytest.fixture
def desk(clock: ManualClock) -> Desk:
    return Desk(memory.MemoryStore(), samples.MINT, clock=clock)


def request(body: str = "", session: str | None = "s1") -> model.Request:
    return asking.Permission(
        tool="Bash", input={"command": "make"}, body=body, source=model.Source(agent="bot", session=session)
    )


async def ask_back(desk: Desk, owner: str = "local", session: str | None = "s1") -> model.Ticket:
    asked = await desk.open(request(session=session), Caller(owner))
    return await desk.answer(asked.id, model.Answer(verdict="deny", question=QUESTION), ANN)


def shown(ticket: model.Ticket) -> list[str]:
    return ["".join(card.pieces(part)) for part in draw.card_of(ticket, samples.MINT).parts]


async def test_the_agent_reads_the_question(desk: Desk) -> None:
    decision = (await ask_back(desk)).decision
    assert decision is not None
    assert (decision.outcome, decision.question, decision.allowed) == ("denied", QUESTION, False)
    assert decision.model_text.endswith(f"asks back: {QUESTION} Answer that in the body of your next request.")


async def test_the_next_request_of_that_session_shows_question_and_answer_above_what_will_run(desk: Desk) -> None:
    denied = await ask_back(desk)
    newer = await desk.open(request("It is *staging*."))
    assert newer.asked_back is not None
    assert (newer.asked_back.id, newer.asked_back.question) == (denied.id, QUESTION)
    parts = shown(newer)
    place = parts.index(f"Ann asked: {QUESTION}")
    assert parts[place + 1] == "It is staging."
    assert any("make" in part for part in parts[place + 2 :])
    assert parts.count("It is staging.") == 1
    # it is bound, since people read it
    binding.check(newer)
    with pytest.raises(errors.Altered):
        binding.check(newer.model_copy(update={"asked_back": None}))


async def test_it_is_shown_once_and_to_nobody_else(desk: Desk) -> None:
    await ask_back(desk)
    assert (await desk.open(request(session="s2"))).asked_back is None
    assert (await desk.open(request(session=None))).asked_back is None
    assert (await desk.open(request(), Caller("other"))).asked_back is None
    first = await desk.open(request())
    assert "The agent does not answer that." in shown(first)
    assert (await desk.open(request())).asked_back is None


async def test_a_request_without_a_session_keeps_nothing(desk: Desk) -> None:
    await ask_back(desk, session=None)
    assert await desk.store.scan("askback") == []


async def test_it_is_gone_after_a_day(desk: Desk, clock: ManualClock) -> None:
    await ask_back(desk)
    clock.advance(asking_back.KEPT / timedelta(seconds=1))
    assert (await desk.open(request())).asked_back is None


async def test_a_newer_question_takes_the_place_of_an_older_one(desk: Desk) -> None:
    one, two = await desk.open(request()), await desk.open(request())
    for asked, question in ((one, "one?"), (two, "two?")):
        await desk.answer(asked.id, model.Answer(verdict="deny", question=question), ANN)
    newer = (await desk.open(request())).asked_back
    assert newer is not None
    assert newer.question == "two?"


@pytest.mark.parametrize("verdict", ["allow", "stop"])
async def test_only_a_deny_asks_back(desk: Desk, verdict: model.Verdict) -> None:
    asked = await desk.open(
        asking.Permission(tool="Bash", input={}, verdicts=["stop"], source=model.Source(session="s1"))
    )
    with pytest.raises(errors.InvalidAnswer) as caught:
        await desk.answer(asked.id, model.Answer(verdict=verdict, question="why?"), ANN)
    assert caught.value.field == "question"
    assert tokens.read(samples.MINT.token(asked, "askback")).action == "askback"


async def test_a_question_of_another_shape_is_left_out_and_stops_no_request(desk: Desk) -> None:
    await ask_back(desk)
    (kept,) = await desk.store.scan("askback")
    await desk.store.put(dataclasses.replace(kept, value={"asks": QUESTION}))
    assert (await desk.open(request())).asked_back is None
