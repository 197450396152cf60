"""What a card tells of a request that is over or about to be: who did what, and what follows."""

from datetime import timedelta

import pytest

from sayso import asking, errors, model
from sayso.cards import card, draw, history, phrases, submission
from sayso.content import text, wording
from sayso.machine import events
from sayso.testing.samples import DEPLOY, MINT, NOW, after, opened, said

LATER = NOW + timedelta(minutes=5)


def told(*parts: card.Part) -> list[str]:
    """The parts as words, without the moments."""
    lines: list[str] = []
    for part in parts:
        spans = part.text if isinstance(part, card.Line) else (part.text,) if isinstance(part, card.Code) else ()
        words = [span.text if isinstance(span, text.Foreign) else span for span in spans if not is_moment(span)]
        lines.append("".join(map(str, words)))
    return lines


def is_moment(span: object) -> bool:
    return isinstance(span, card.Moment)


def test_a_card_says_what_became_of_an_allow() -> None:
    allowed = after(opened(), said(verdict="allow"))
    assert told(*history.outcome_parts(allowed)) == ["Allowed by Ann · "]
    used = after(allowed, events.Used(at=LATER, by="agent"))
    assert told(*history.outcome_parts(used)) == ["Allowed by Ann · ", "Used · "]
    assert allowed.decision is not None
    void = allowed.model_copy(update={"decision": allowed.decision.model_copy(update={"void": True})})
    assert told(*history.outcome_parts(void))[1:] == ["It was not used in time, and is void"]
    assert told(*history.outcome_parts(void.model_copy(update={"held": True})))[1:] == [
        "It is from before an older copy of the database was put back, and is void"
    ]


def test_a_taken_answer_is_shown_with_all_that_it_does_until_it_counts() -> None:
    edited = said(verdict="allow", input={"command": "make test"}).model_copy(update={"grace": 10.0})
    taken = after(opened(), edited)
    assert taken.taken is not None
    lines = told(*history.taken_parts(taken))
    assert lines[:2] == ["Taken as the answer of Ann · delivered at ", "Allowed"]
    assert "make test" in "".join(lines[2:])
    assert list(history.taken_parts(opened())) == []


def test_who_comes_too_late_to_what_is_open_is_told_that_it_is_open() -> None:
    assert phrases.too_late(opened()) == "This request is still open."


def test_a_complaint_that_belongs_to_no_input_stands_beside_the_first_one_if_there_is_one() -> None:
    wrong = errors.InvalidAnswer("please give a number", field="amount")
    assert phrases.beside(wrong, ["reason"]) == {"reason": "Please give a number."}
    assert phrases.beside(wrong, []) == {}


def test_an_allow_of_an_older_version_is_edited_if_its_input_is_another_one() -> None:
    allowed = after(opened(), said(verdict="allow")).model_copy(update={"answers": ()})
    assert allowed.decision is not None
    older = allowed.decision.model_copy(update={"input_digest": None})
    assert not wording.is_edited(allowed, older.model_copy(update={"input": DEPLOY}))
    assert wording.is_edited(allowed, older.model_copy(update={"input": {"command": "make test"}}))


def test_a_grant_that_the_agent_did_not_offer_is_refused() -> None:
    offer = model.Offer(name="s0", kind="rule", effect="adds a rule")
    ticket = opened(asking.Permission(tool="Bash", input=DEPLOY, offers=[offer]))
    assert submission._grant_of(ticket, 0) == "s0"
    with pytest.raises(errors.InvalidAnswer, match="no such offer"):
        submission._grant_of(ticket, 1)


def test_what_was_answered_stands_below_what_was_asked_as_people_say_it() -> None:
    fields = [
        model.Field(name="notify", label="Tell them", kind="boolean"),
        model.Field(name="n", label="Count", kind="number"),
    ]
    ticket = after(opened(asking.Form("Refund", fields)), said(values={"notify": True, "n": 10}))
    shown = ["".join(card.pieces(part)) for part in draw.card_of(ticket, MINT).parts]
    assert shown[1].startswith("Answered by Ann")
    assert shown[2:5] == ["Refund", "Answer · Tell themyes", "Answer · Count10"]
    assert not any(one.startswith("To fill in") for one in shown)
