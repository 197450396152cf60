"""The log of a request, told in sentences in which foreign text stays apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sayso import model
from sayso.content import text
from sayso.machine import events
from sayso.stores import Row
from sayso_web import story

AT = datetime(2026, 1, 1, tzinfo=UTC)
ANN = model.Person(id="ann", name="Ann", account="chat:T/ann")
ODD = "a\u202eb"


def answered(**answer: object) -> events.Answered:
    return events.Answered(at=AT, by=ANN, answer=model.Answer.model_validate(answer))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (events.Opened(at=AT, by=ODD, digest="d"), "Asked with the key <a⟦U+202E⟧b>"),
        (events.Delivered(at=AT, place="chat:#ops", message="m"), "Shown at <chat:#ops>"),
        (events.Undelivered(at=AT, place="chat:#ops", reason=ODD), "Could not be shown at <chat:#ops>: <a⟦U+202E⟧b>"),
        (events.Cancelled(at=AT, by="bot"), "Withdrawn with the key <bot>"),
        (events.Cancelled(at=AT, by="bot", reason="done"), "Withdrawn with the key <bot>: <done>"),
        (
            events.Lost(at=AT, place="chat:#ops"),
            "Taken away at <chat:#ops>, and shown again where it is still needed",
        ),
        (events.Superseded(at=AT, by="r2"), "Replaced by the request <r2>"),
        (
            answered(text="x").model_copy(update={"grace": 10.0}),
            "<ann> by way of <chat:T/ann> answered, and could take it back for 10 seconds",
        ),
        (events.TakenBack(at=AT, by=ANN), "<ann> by way of <chat:T/ann> took the answer back"),
        (events.Settled(at=AT), "The answer counted: the time to take it back was over"),
        (events.Used(at=AT, by=ODD), "Used with the key <a⟦U+202E⟧b>"),
        (events.Ticked(at=AT), "Time ran out"),
        (events.Turned(at=AT, by=ANN, code="x", message="no"), "<ann> by way of <chat:T/ann> was turned away: <no>"),
        (answered(text="x"), "<ann> by way of <chat:T/ann> answered"),
        (answered(verdict="allow"), "<ann> by way of <chat:T/ann> allowed it"),
        (
            answered(verdict="allow", input={"a": 1}, grant="session"),
            "<ann> by way of <chat:T/ann> allowed it, with an edited input, for the session",
        ),
        (answered(verdict="allow", grant="always"), "<ann> by way of <chat:T/ann> allowed it, always"),
        (answered(verdict="deny", reason=ODD), "<ann> by way of <chat:T/ann> denied it: <a⟦U+202E⟧b>"),
    ],
)
def test_each_entry_is_a_sentence(entry: events.Entry, told: str) -> None:
    spans = story.told(Row(number=1, ticket_id="r1", version=1, entry=entry))
    assert "".join(f"<{span.text}>" if isinstance(span, text.Foreign) else str(span) for span in spans) == told
