"""Names are listed in one way, wherever people and models read them."""

from __future__ import annotations

import pytest

from sayso import errors, model
from sayso.cards import board, card, history, telling
from sayso.content import wording
from sayso.machine import who
from sayso.testing.samples import after, opened, permission, said


@pytest.mark.parametrize(
    ("names", "listed"), [("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcd", "a, b, c and d")]
)
def test_names_stand_in_a_row(names: str, listed: str) -> None:
    assert wording.in_a_row([*names]) == listed
    assert wording.in_a_row([*names], "or") == listed.replace("and", "or")
    assert who.in_words([*names]) == (listed.replace("and", "or") or "nobody")


def test_three_who_allowed_it_are_listed_the_same_for_people_and_for_the_model() -> None:
    needs = tuple(model.Need(who=(name,)) for name in ("ann", "bob", "cid"))
    asked = opened(permission(tool="deploy"), needs=needs)
    assert board.still_needed(asked) == "1 of ann, 1 of bob and 1 of cid"
    ticket = after(asked, *(said(one, verdict="allow") for one in ("ann", "bob", "cid")))
    assert ticket.decision is not None
    assert "allowed by ann, bob and cid" in wording.for_model(ticket, ticket.decision)
    assert wording.names(ticket.decision) == "Ann, Bob and Cid"
    spans = history.outcome_spans(ticket, ticket.decision)
    assert "".join(map(card.words_of, spans)).startswith("Allowed by Ann, Bob and Cid")
    late = telling.refusal(errors.AlreadyDecided(ticket), "chat:T/zoe")
    assert "allowed by ann, bob and cid" in "".join(card.pieces(late))
