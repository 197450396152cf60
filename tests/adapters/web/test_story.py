"""The log of a request, told in sentences in which foreign text stays apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sayso import asking, machine, model
from sayso.cards import card, draw
from sayso.content import text
from sayso.machine import events
from sayso.stores import Row
from sayso.testing import samples
from sayso_web import story
from tests.tables import each

AT = datetime(2026, 1, 1, tzinfo=UTC)
ANN = model.Person(id="ann", name="Ann", account="chat:T/ann", member=True)
ODD = "a\u202eb"
PERMISSION = asking.Permission(
    tool="Bash",
    input={"command": "make"},
    grants=("session", "always"),
    offers=[model.Offer(name="s0", kind="rule", effect="adds the rule Bash(make:*) to the session")],
    verdicts=["respond", "stop"],
)
QUESTION = asking.Question("Which?", verdicts=["deny", "stop"])


def answered(**answer: object) -> events.Answered:
    return events.Answered(at=AT, by=ANN, answer=model.Answer.model_validate(answer))


def told_of(entry: events.Entry, request: model.Request) -> str:
    return line(story.tell(Row(number=1, ticket_id="r1", version=1, entry=entry), request))


def line(spans: Iterable[card.Inline]) -> str:
    return "".join(f"<{span.text}>" if isinstance(span, text.Foreign) else str(span) for span in spans)


def test_each_entry_is_a_sentence() -> None:
    rows: list[tuple[events.Entry, str]] = [
        (events.Opened(at=AT, by=ODD, digest="d"), "Asked with the key <a⟦U+202E⟧b>"),
        (events.Delivered(at=AT, place="chat:#ops", message="m"), "Shown at <chat:#ops>"),
        (events.Erased(at=AT, by="retention", kept="x"), "Its content was erased by <retention>"),
        (events.Redeemed(at=AT, audience="payments"), "Its receipt was used, which was for <payments>"),
        (events.Undelivered(at=AT, place="chat:#ops", reason=ODD), "Could not be shown at <chat:#ops>: <a⟦U+202E⟧b>"),
        (events.Cancelled(at=AT, by="bot"), "Withdrawn with the key <bot>"),
        (events.Cancelled(at=AT, by="bot", reason="done"), "Withdrawn with the key <bot>: <done>"),
        (
            events.Lost(at=AT, place="chat:#ops"),
            "Taken away at <chat:#ops>, and shown again if it is still needed",
        ),
        (events.Superseded(at=AT, by="r2"), "Replaced by the request <r2>"),
        (
            answered(text="x").model_copy(update={"grace": 10.0}),
            "Answered by <ann> (<chat:T/ann>), and could be taken back for 10 seconds",
        ),
        (events.TakenBack(at=AT, by=ANN), "<ann> (<chat:T/ann>) took the answer back"),
        (events.Settled(at=AT), "The answer counted: the time to take it back was over"),
        (events.Used(at=AT, by=ODD), "Used with the key <a⟦U+202E⟧b>"),
        (events.Ticked(at=AT), "Time ran out"),
        (events.UseRefused(at=AT, by="bot", code="x", message="no"), "A use with the key <bot> was refused: <no>"),
        (
            events.UseRefused(at=AT, by="shop", code="x", message="no", receipt=True),
            "A use of its receipt was refused, which was for <shop>: <no>",
        ),
        (events.AnswerRefused(at=AT, by=ANN, code="x", message="no"), "<ann> (<chat:T/ann>) was turned away: <no>"),
        (answered(text="x"), "Answered by <ann> (<chat:T/ann>)"),
    ]
    for row in each(rows):
        with row as (entry, told):
            assert told_of(entry, QUESTION) == told


def test_what_somebody_did_is_told_in_the_words_of_the_card() -> None:
    rows: list[tuple[events.Answered, str]] = [
        (answered(verdict="allow"), "Allowed by <ann> (<chat:T/ann>)"),
        (
            answered(verdict="allow", input={"a": 1}, grant="session"),
            "Allowed for the session by <ann> (<chat:T/ann>), with an edited input",
        ),
        (answered(verdict="allow", grant="always"), "Allowed always by <ann> (<chat:T/ann>)"),
        (
            answered(verdict="allow", grant="s0"),
            "Allowed by <ann> (<chat:T/ann>), and more: <adds the rule Bash(make:*) to the session>",
        ),
        (answered(verdict="deny", reason=ODD), "Denied by <ann> (<chat:T/ann>): <a⟦U+202E⟧b>"),
        (
            answered(verdict="stop", reason="enough"),
            "Denied by <ann> (<chat:T/ann>), and the agent is to stop: <enough>",
        ),
        (answered(verdict="respond", text="by hand"), "Answered instead by <ann> (<chat:T/ann>): <by hand>"),
    ]
    for row in each(rows):
        with row as (answer, told):
            assert told_of(answer, PERMISSION) == told
            closed = machine.step(samples.sample(PERMISSION), answer.model_copy(update={"at": samples.NOW})).ticket
            shown = [
                line(part.text) for part in draw.card_of(closed, samples.MINT).parts if isinstance(part, card.Line)
            ]
            done = told.partition(" by ")[0]
            assert any(words.startswith(done) for words in shown), shown


def test_a_question_is_declined_and_not_denied() -> None:
    rows: list[tuple[model.Verdict, str]] = [("deny", ""), ("stop", ", and the agent is to stop")]
    for row in each(rows):
        with row as (verdict, told):
            answer = answered(verdict=verdict)
            assert told_of(answer, QUESTION) == f"Declined by <ann> (<chat:T/ann>){told}"
            closed = machine.step(samples.sample(QUESTION), answer.model_copy(update={"at": samples.NOW})).ticket
            shown = [
                line(part.text) for part in draw.card_of(closed, samples.MINT).parts if isinstance(part, card.Line)
            ]
            assert any(words.startswith(f"Declined by <Ann>{told} · ") for words in shown), shown
