"""What a card and a reminder say of somebody who asked somebody else. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sayso import model
from sayso.cards import card, naming
from sayso.content import text

Trusted = text.Trusted


def lines(ticket: model.Ticket) -> Iterable[card.Line]:
    """Who asked whom, while it is open."""
    if ticket.decision is None and ticket.passed:
        last = ticket.passed[-1]
        spans: list[card.Inline] = [text.line(last.name), Trusted(" asked ")]
        for index, one in enumerate(one for one in ticket.passed if one.by == last.by):
            spans += [*([Trusted(", ")] if index else []), naming.given_name(one.to)]
        yield card.Line((*spans, Trusted(" to answer this")))


def asks(ticket: model.Ticket, to: str) -> tuple[card.Inline, ...]:
    """Who asked this person."""
    one = next((one for one in reversed(ticket.passed) if one.to == to), None)
    return () if one is None else (text.line(one.name), Trusted(" asks you to answer this"))
