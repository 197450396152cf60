"""A closed card in a few lines: the verdict first, what it was about, why, and what the agent was told."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from sayso import asking, errors, machine, model
from sayso.cards import card, closed, cutting, dialog, draw, submission, tokens
from sayso.desk import Desk
from sayso.desk.setup import Setup
from sayso.machine import events
from sayso.stores.memory import MemoryStore
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, NOW, after, opened, permission, said
from tests.tables import each

ROOM = dialog.WindowLimits(content=2_000, inputs=8, typed=2_000)
REFUND = asking.Form(
    "Refund",
    [
        model.Field(name="amount", label="Amount", kind="number"),
        model.Field(name="notify", label="Tell the customer", kind="boolean"),
    ],
)


def shown(ticket: model.Ticket) -> list[str]:
    """The lines that a chat shows."""
    parts = cutting.fit(draw.card_of(ticket, MINT), 4_000).parts
    return ["".join(card.words_of(span) for span in part.inlines()) for part in parts]


def labels(ticket: model.Ticket) -> list[str]:
    controls = cutting.fit(draw.card_of(ticket, MINT), 4_000).controls
    return [str(one.label) for one in controls if isinstance(one, card.Button)]


AT = "2026-01-01 12:00 UTC"
EDITED = {"command": "make test"}


def test_the_verdict_is_first_and_then_what_it_was_about() -> None:
    for row in each(
        [
            (after(opened(), said(verdict="allow")), [f"Allowed by Ann · {AT}", "agent · Bash · make deploy"]),
            (
                after(opened(), said(verdict="deny", reason="Not today.")),
                [f"Denied by Ann · {AT}", "agent · Bash · make deploy", "Reason: Not today."],
            ),
            (
                after(opened(), said(verdict="allow", input=EDITED)),
                [f"Allowed by Ann · {AT} · to run as edited", "agent · Bash · make test"],
            ),
            (
                after(opened(asking.Question("Which?")), said(text="Acme")),
                [f"Answered by Ann · {AT}", "agent · Which? → Acme"],
            ),
            (
                after(opened(asking.Choice("Which?", ["A", "B", "C"], multiple=True)), said(choices=("A", "C"))),
                [f"Answered by Ann · {AT}", "agent · Which? → A, C"],
            ),
            (
                after(opened(REFUND), said(values={"amount": 10, "notify": True})),
                [f"Answered by Ann · {AT}", "agent · Refund → Amount: 10 · Tell the customer: yes"],
            ),
        ]
    ):
        with row as (ticket, lines):
            assert shown(ticket) == lines


def test_a_used_allow_ran_as_edited() -> None:
    allowed = after(opened(), said(verdict="allow", input=EDITED))
    used = after(allowed, events.Used(at=NOW + timedelta(seconds=9), by="agent", attempt="1"))
    assert shown(used)[0] == f"Allowed by Ann · {AT} · ran as edited"


def test_without_a_decision_it_says_what_the_agent_was_told() -> None:
    rows: list[Any] = [
        events.Ticked(at=NOW + timedelta(days=1)),
        events.Cancelled(at=NOW, by="agent"),
        events.Superseded(at=NOW, by="r2"),
        events.Undelivered(at=NOW, place="chat:#ops", reason="gone"),
    ]
    for row in each(rows):
        with row as event:
            ticket = after(opened(route=("chat:#ops",)), event)
            assert ticket.decision is not None
            told = f"The agent was told: {ticket.decision.model_text}"
            assert shown(ticket)[-1] == told
            whole = draw.card_of(ticket, MINT).parts
            assert told in ["".join(card.words_of(span) for span in part.inlines()) for part in whole]


LEFT_OUT: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {"verdict": "allow"}, False),
    ({"input": {"command": "x" * 80}}, {"verdict": "allow"}, False),
    ({"input": {"command": "x" * 81}}, {"verdict": "allow"}, True),
    ({"input": {"command": "a\nb"}}, {"verdict": "allow"}, True),
    ({"input": {"command": "a", "timeout": 5}}, {"verdict": "allow"}, True),
    ({"input": {"command": {"nested": 1}}}, {"verdict": "allow"}, True),
    ({"body": "because"}, {"verdict": "allow"}, True),
    ({"title": "Ship it"}, {"verdict": "allow"}, True),
    ({"context": {"Folder": "/srv"}}, {"verdict": "allow"}, True),
    ({"source": model.Source(session="s-1")}, {"verdict": "allow"}, True),
    ({}, {"verdict": "allow", "input": EDITED}, True),
    ({}, {"verdict": "deny", "reason": "no " * 100}, True),
]


def test_details_are_there_if_something_is_left_out() -> None:
    for row in each(LEFT_OUT):
        with row as (given, answer, more):
            ticket = after(opened(permission(**given)), said(**answer))
            assert labels(ticket) == (["Details"] if more else [])


def test_the_whole_stays_where_there_is_room() -> None:
    drawn = draw.card_of(after(opened(permission(body="because")), said(verdict="allow")), MINT)
    assert drawn.controls == ()
    assert "because" in "".join(words for part in drawn.parts for words in card.pieces(part))


def test_an_open_card_has_neither_brief_parts_nor_details() -> None:
    drawn = draw.card_of(opened(permission(body="because")), MINT)
    assert (drawn.brief, drawn.details) == ((), None)


SHOWN: list[model.Ticket] = [*samples.pending(), *samples.closed()]


def test_a_chat_is_given_what_it_shows_and_no_more() -> None:
    for row in each(SHOWN):
        with row as ticket:
            posted, whole = draw.posted_card_of(ticket, MINT), draw.card_of(ticket, MINT)
            for room in (300, 3_000):
                assert cutting.fit(posted, room) == cutting.fit(whole, room)
            assert ticket.decision is None or posted.parts == whole.brief


def test_a_megabyte_is_closed_as_fast_as_a_line() -> None:
    ticket = after(opened(permission(input={"command": "x" * 900_000})), said(verdict="allow"))
    begun = time.perf_counter()
    for _ in range(20):
        assert len(closed.brief_parts(ticket)) == 2
    assert time.perf_counter() - begun < 0.5


# The window behind it


async def desk_with_denied() -> tuple[Desk, model.Ticket]:
    """A desk with a denied request that has three pages."""
    desk = Desk(MemoryStore(), MINT, Setup(), clock=ManualClock(NOW))
    asked = await desk.open(permission(input={"command": "line\n" * 200}))
    denied = await desk.answer(asked.id, model.Answer(verdict="deny"), samples.actor("ann"))
    return desk, denied


async def test_details_show_all_of_a_closed_request_and_decide_nothing() -> None:
    desk, denied = await desk_with_denied()
    details = draw.card_of(denied, MINT).details
    assert details is not None
    page = await desk.press(details.token, samples.actor("bob"), ROOM, None)
    seen = 0
    while isinstance(page, dialog.Dialog) and page.submit is not None:
        seen += 1
        assert (page.submit, page.inputs) == ("Next page", ())
        page = await desk.press(page.token, samples.actor("bob"), ROOM, None, {})
    assert seen > 1
    assert isinstance(page, dialog.Dialog)
    assert await desk.get(denied.id) == denied


async def test_only_members_read_a_closed_request_again() -> None:
    desk, denied = await desk_with_denied()
    token = MINT.token(denied, "details")
    with pytest.raises(errors.NotAllowed):
        await desk.press(token, samples.actor("guest", member=False), ROOM, None)


async def test_details_of_an_open_request_let_nobody_decide() -> None:
    ticket = opened()
    pressed = tokens.read(MINT.token(ticket, "details"))
    page = dialog.of_press(ticket, pressed, MINT, ROOM)
    assert page is not None
    assert page.submit is None
    again = submission.follow(ticket, pressed, {}, MINT, ROOM)
    assert isinstance(again, dialog.Dialog)
    assert again.submit is None
    assert machine.read(ticket, NOW).decision is None


def test_a_long_question_back_is_cut_and_has_details() -> None:
    asked = "Which of the two? " * 30
    ticket = after(opened(), said(verdict="deny", question=asked))
    assert any(line.startswith("Question: Which of the two?") and line.endswith("…") for line in shown(ticket))
    assert closed.leaves_out(ticket)


def test_what_was_asked_back_before_is_behind_details() -> None:
    ticket = after(opened(), said(verdict="allow"))
    before = model.AskedBack(id="r-1", name="Ann", question="Why?", at=NOW)
    assert not closed.leaves_out(ticket)
    assert closed.leaves_out(ticket.model_copy(update={"asked_back": before}))


def test_an_open_request_leaves_nothing_out() -> None:
    assert not closed.leaves_out(opened())


def test_an_allow_that_nobody_used_in_time_says_that_it_is_void() -> None:
    ticket = after(opened(), said(verdict="allow"))
    assert shown(machine.read(ticket, NOW + timedelta(hours=1)))[0].endswith(" · not used in time, and void")
