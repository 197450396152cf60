"""What an agent may offer beside allow and deny, and what it decides: stop, respond, decline, offers, confirm."""

import asyncio
from typing import Any

import pytest

from sayso import asking, errors, machine, model
from sayso.cards import card, dialog, draw, tokens
from sayso.content import requests
from sayso.desk import Desk, asker
from sayso.machine import events, people
from sayso.stores import Query, memory
from sayso.testing.samples import MINT, after, opened, permission, said
from tests.tables import each

ROOM = dialog.WindowLimits(content=2000, inputs=5, typed=2000)
OFFERS = (
    model.Offer(name="s0", kind="rule", effect="adds the rule Bash(make:*) to this session"),
    model.Offer(name="s1", kind="mode", effect="accepts all edits until the session ends"),
)


def decided(ticket: model.Ticket) -> model.Decision:
    assert ticket.decision is not None
    return ticket.decision


def buttons(request: model.Request) -> list[str]:
    drawn = draw.card_of(opened(request), MINT)
    return [getattr(control, "label", "options") for control in drawn.controls]


def pressed(ticket: model.Ticket, action: tokens.Action, index: int = 0) -> tokens.Pressed:
    return tokens.read(MINT.token(ticket, action, index))


def test_stop_denies_and_tells_the_agent_to_end_its_run() -> None:
    request = permission(verdicts=("stop",))
    decision = decided(after(opened(request), said("ann", verdict="stop", reason="enough")))
    assert (decision.outcome, decision.stop, decision.allowed) == ("denied", True, False)
    assert decision.model_dump()["input"] is None
    assert decision.model_text.endswith("End this run now. Reason: enough")


def test_a_plain_denial_stops_nothing_else() -> None:
    decision = decided(after(opened(permission(verdicts=("stop",))), said("ann", verdict="deny")))
    assert (decision.outcome, decision.stop) == ("denied", False)


def test_an_answer_in_place_of_the_tool_is_no_consent() -> None:
    decision = decided(after(opened(permission(verdicts=("respond",))), said("ann", verdict="respond", text="42")))
    assert (decision.outcome, decision.text, decision.allowed) == ("answered", "42", False)
    assert decision.model_dump()["input"] is None
    assert decision.model_text == "The tool call was not run. ann answered in its place: 42"


def test_people_against_it_count_together_and_the_last_one_says_how() -> None:
    ticket = opened(permission(verdicts=("respond", "stop")), veto=2)
    first = after(ticket, said("ann", verdict="stop"))
    assert first.decision is None
    assert decided(after(first, said("bob", verdict="respond", text="no"))).outcome == "answered"
    assert decided(after(first, said("bob", verdict="deny"))).stop


def test_a_quorum_is_not_reached_by_answering_in_place_of_the_tool() -> None:
    ticket = after(opened(permission(verdicts=("respond",)), quorum=2, veto=2), said("ann", verdict="allow"))
    assert after(ticket, said("bob", verdict="respond", text="42")).decision is None


def test_a_verdict_that_was_not_offered_or_does_not_fit_is_refused() -> None:
    rows: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
        ((), {"verdict": "stop"}, "verdict"),
        ((), {"verdict": "respond", "text": "42"}, "verdict"),
        (("respond",), {"verdict": "respond"}, "text"),
        (("respond",), {"verdict": "respond", "text": "42", "input": {"command": "ls"}}, "input"),
        (("stop",), {"verdict": "stop", "grant": "session"}, "grant"),
    ]
    for row in each(rows):
        with row as (verdicts, answer, field):
            with pytest.raises(errors.InvalidAnswer) as refused:
                machine.step(opened(permission(verdicts=verdicts)), said("ann", **answer))
            assert refused.value.field == field


def test_a_question_is_declined_only_where_the_agent_can_take_it() -> None:
    question = asking.Question("Which customer?", verdicts=["deny"])
    decision = decided(after(opened(question), said("ann", verdict="deny", reason="none of your business")))
    assert (decision.outcome, decision.text, decision.reason) == ("denied", None, "none of your business")
    assert decision.model_text.startswith("The question was declined by ann. Do not assume an answer.")
    with pytest.raises(errors.InvalidAnswer):
        machine.step(opened(asking.Question("Which customer?")), said("ann", verdict="deny"))


def test_only_what_was_offered_has_a_button() -> None:
    assert buttons(permission()) == ["Allow", "Deny", "Deny with reason…", "Edit and allow…", "Ask back…"]
    assert buttons(permission(offers=OFFERS, verdicts=("respond", "stop"), editable=False)) == [
        "Allow", "Deny", "Deny with reason…", "Ask back…", "Add rule 1 and allow…", "Change mode 2 and allow…",
        "Answer instead…", "Deny and stop…",
    ]  # fmt: skip
    assert buttons(asking.Question("Why?", verdicts=["deny", "stop"])) == [
        "Answer",
        "Decline",
        "Ask back…",
        "Decline and stop…",
    ]
    assert buttons(permission(confirm=True))[0] == "Review and allow…"


def test_an_offer_is_shown_in_full_before_it_is_given_and_a_mode_with_a_warning() -> None:
    ticket = opened(permission(offers=OFFERS))
    shown = [dialog.of_press(ticket, pressed(ticket, "offer", index), MINT, ROOM) for index in (0, 1, 2)]
    texts = [["".join(card.pieces(part)) for part in one.parts] for one in shown if one]
    assert texts == [
        [f"Rule 1{OFFERS[0].effect}"],
        ["This changes what you are asked from now on, not only this call.", f"Mode 2{OFFERS[1].effect}"],
    ]
    assert shown[2] is None


def test_an_offer_is_named_by_the_decision_and_no_other_name_counts() -> None:
    ticket = opened(permission(offers=OFFERS))
    assert decided(after(ticket, said("ann", verdict="allow", grant="s1"))).grant == "s1"
    with pytest.raises(errors.InvalidAnswer):
        machine.step(ticket, said("ann", verdict="allow", grant="s2"))


def test_an_input_that_cannot_be_edited_is_not() -> None:
    ticket = opened(permission(editable=False))
    with pytest.raises(errors.InvalidAnswer) as refused:
        machine.step(ticket, said("ann", verdict="allow", input={"command": "ls"}))
    assert refused.value.field == "input"
    assert decided(after(ticket, said("ann", verdict="allow", input={"command": "make deploy"}))).allowed


def test_offers_that_nobody_could_tell_apart_or_give_safely_are_refused() -> None:
    rows: list[tuple[dict[str, Any], str]] = [
        ({"offers": (OFFERS[0], OFFERS[0])}, "offers"),
        ({"offers": (OFFERS[0].model_copy(update={"name": "session"}),)}, "offers"),
        ({"confirm": True, "grants": ("session",)}, "grants"),
    ]
    for row in each(rows):
        with row as (given, field):
            with pytest.raises(errors.InvalidRequest) as refused:
                permission(**given)
            assert refused.value.field == field


def test_a_question_cannot_be_answered_in_place_of_a_tool() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        requests.checked(asking.Question("Why?", verdicts=["respond"]))
    assert refused.value.field == "verdicts"


async def test_a_request_that_nobody_waits_for_any_more_is_withdrawn() -> None:
    front = Desk(memory.MemoryStore(), MINT)
    waiting = asyncio.create_task(asker.held(front, asking.Question("Why?"), reason="moved on"))
    changes = front.store.changes()
    while not await front.store.list(Query()):
        await anext(changes)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    (ticket,) = await front.store.list(Query())
    assert (decided(ticket).outcome, decided(ticket).reason) == ("cancelled", "moved on")


async def test_a_wait_that_is_cut_short_while_it_asks_leaves_nothing_open() -> None:
    front = Desk(memory.MemoryStore(), MINT)
    waiting = asyncio.create_task(asker.held(front, asking.Question("Why?")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [ticket.state for ticket in await front.store.list(Query())] in ([], ["decided"])


async def test_a_handle_lets_the_agent_go_on_and_come_back() -> None:
    front = Desk(memory.MemoryStore(), MINT)
    handle = await front.ask(asking.Form("Fill", {"properties": {"a": {"type": "integer"}}}, id="f1"), wait=False)
    assert (handle.id, await handle.done()) == ("f1", False)
    by = people.Actor(account="chat:T/ann", name="Ann", member=True)
    await front.answer("f1", model.Answer(values={"a": 1}), by)
    assert (await handle.done(), (await handle).value, (await handle).value) == (True, {"a": 1}, {"a": 1})
    assert (await handle.cancel("too late")).decision == await handle


def test_every_step_keeps_the_verdict_on_record() -> None:
    step = machine.step(opened(permission(verdicts=("stop",))), said("ann", verdict="stop"))
    assert [type(effect) for effect in step.effects] == [events.Redraw]
    assert step.ticket.answers[-1].answer.verdict == "stop"


def test_labels_with_commas_reach_the_model_as_what_they_are() -> None:
    asked = asking.Choice("Which?", ["a, b", "c", 'd"'], multiple=True)
    decision = decided(after(opened(asked), said("ann", choices=("a, b", 'd"'))))
    assert decision.model_text == 'The question was answered by ann: "a, b", "d\\"".'
