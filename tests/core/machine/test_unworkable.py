"""Whatever goes wrong inside the rules, a request stays one that people can deny and agents can withdraw."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

import sayso
from sayso import errors, machine, model
from sayso.desk import Desk
from sayso.machine import events
from sayso.stores import memory
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW, actor, after, opened, said
from tests.core.machine.test_machine import decided

ANN = actor("ann")
# No constructor lets this pattern through; an older version may have.
ODD = model.Field.model_construct(name="n", label="N", pattern="(", required=True)


@pytest.fixture
async def front() -> AsyncIterator[Desk]:
    built = Desk(memory.MemoryStore(), MINT, None, ManualClock())
    yield built
    await built.store.close()


async def odd(front: Desk, **more: Any) -> model.Ticket:
    """A stored form that nobody's answer can be checked against."""
    request = model.Request(kind="form", title="Fill", fields=(ODD,), **more)
    terms = machine.Terms("local", model.Policy(), ("web",))
    step = machine.open_ticket(request, terms, id="r1", ref="A" * 22, at=NOW)
    await front.store.commit(step, events.Opened(at=NOW, by="local", digest=step.ticket.digest))
    return step.ticket


@pytest.mark.parametrize("grace", [timedelta(0), timedelta(seconds=10)])
async def test_an_answer_that_the_rules_fail_over_is_refused_in_words_and_on_record(
    front: Desk, caplog: pytest.LogCaptureFixture, grace: timedelta
) -> None:
    await odd(front)
    with caplog.at_level(logging.ERROR), pytest.raises(errors.InvalidAnswer, match="nothing can be made") as refused:
        await front.answer("r1", model.Answer(values={"n": "x"}), ANN, grace=grace)
    assert (refused.value.status, refused.value.code) == (422, "invalid_answer")
    assert [row.message for row in caplog.records] == ["the rules failed over an answer"]
    assert (await front.get("r1")).state == "pending"
    assert [row.entry.type for row in await front.store.log("r1")] == ["opened", "refused"]


async def test_such_a_request_can_still_be_declined_and_withdrawn(front: Desk) -> None:
    await odd(front, verdicts=("deny",))
    declined = await front.answer("r1", model.Answer(verdict="deny"), ANN)
    assert decided(declined).outcome == "denied"
    other = Desk(memory.MemoryStore(), MINT, None, ManualClock())
    await odd(other)
    assert decided(await other.cancel("r1")).outcome == "cancelled"
    await other.store.close()


@pytest.mark.parametrize("value", [2, True, 2.5, "p2", "Low", "High"])
@pytest.mark.parametrize("multiple", [False, True])
async def test_a_choice_whose_options_carry_values_is_answered_by_label(
    front: Desk, value: Any, multiple: bool
) -> None:
    options = [sayso.Option(label="Low", value="p1"), sayso.Option(label="High", value=value)]
    await front.open(sayso.Choice("Which priority?", options, id="r1", multiple=multiple))
    chosen = model.Answer(choices=("High", "Low")) if multiple else model.Answer(choice="High")
    ticket = await front.answer("r1", chosen, ANN)
    assert decided(ticket).choices == (("High", "Low") if multiple else ("High",))


def test_a_form_still_gets_the_values_of_its_options() -> None:
    options = (model.Option(label="Low", value=1), model.Option(label="High", value=2))
    form = sayso.Form("Fill", [model.Field(name="n", label="N", kind="choice", options=options)])
    assert decided(after(opened(form), said("ann", values={"n": "High"}))).values == {"n": 2}


def test_a_card_that_is_lost_in_a_place_of_another_request_changes_nothing() -> None:
    ticket = opened(route=("chat:#ops",))
    assert machine.step(ticket, events.Lost(at=NOW, place="chat:#other")).ticket == ticket


def test_only_an_answer_is_blamed_on_what_somebody_said() -> None:
    damaged = opened().model_copy(update={"expires_at": "soon"})
    with pytest.raises(errors.Unworkable):
        machine.step(damaged, said(verdict="allow"))
    with pytest.raises(TypeError):
        machine.step(damaged, events.Ticked(at=NOW))
