"""How a card says what is risky: above everything else, with the words that triggered it, and once more at a press.

The rule: what the service finds beats what the agent says, and neither lowers the other.
An agent's own risk is its claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sayso import model
from sayso.cards import buttons, card, masked
from sayso.content import risk, text, wording

Trusted = text.Trusted

_SHOWN = 5
_SAID: Mapping[model.Risk, text.Trusted] = {
    "low": Trusted("low risk"),
    "medium": Trusted("medium risk"),
    "high": Trusted("high risk"),
}


@dataclass(frozen=True, slots=True)
class Risks:
    """What a card says about one request."""

    level: model.Risk | None
    """The highest of all."""
    parts: tuple[card.Risk, ...]
    words: text.Trusted
    """What the service found and what the agent says, without any words of the input."""


def of(ticket: model.Ticket) -> Risks:
    """The risks of a request: those that the service finds first, then the agent's claim."""
    return _said(ticket.request, masked.marks_of(ticket))


def _said(request: model.Request, found: Sequence[risk.Mark]) -> Risks:
    claim = request.risk
    parts = [card.Risk((Trusted(f"{mark.words}: "), text.line(mark.trigger)), mark.level) for mark in found[:_SHOWN]]
    if len(found) > _SHOWN:
        parts.append(card.Risk((Trusted(wording.counted(len(found) - _SHOWN, "more finding")),), found[_SHOWN].level))
    said = list(dict.fromkeys(mark.words for mark in found))
    # a low risk that the agent claims stands among the other facts: up here it would speak for a yes
    if claim in ("medium", "high"):
        parts.append(card.Risk((Trusted("The agent says: "), _SAID[claim]), claim))
        said.append(f"The agent says: {_SAID[claim]}")
    return Risks(risk.level_of(request, found), tuple(parts), Trusted(". ".join(said)))


def facts(ticket: model.Ticket) -> Iterable[tuple[card.Inline, card.Inline]]:
    """The agent's claim as a fact, if it does not stand above."""
    claim = ticket.request.risk
    if claim == "low" or (claim and ticket.decision is not None):
        yield Trusted("Risk, as the agent says"), Trusted(claim)


def allows_at_once(row: buttons.Row) -> bool:
    """Whether one press on this button is an allow: only such a press is asked about again."""
    return row.window is None and row.answer is not None and row.answer.verdict == "allow"


def second_press(row: buttons.Row, risks: Risks) -> card.Confirm | None:
    """What is asked before a press on this button counts, if it allows something of high risk at once."""
    return _confirm(row, risks) if allows_at_once(row) else None


def before_allow(request: model.Request, said: model.Answer) -> card.Confirm | None:
    """The same before a whole answer that was typed; None if it is no allow, or of no high risk as it would run."""
    if request.kind != "permission" or said.verdict != "allow":
        return None
    ran = request if said.input is None else request.model_copy(update={"input": said.input})
    return _confirm(buttons.row_of("allow", request.kind), _said(ran, risk.marks_of(ran)))


def _confirm(row: buttons.Row, risks: Risks) -> card.Confirm | None:
    if risks.level != "high":
        return None
    return card.Confirm(Trusted("High risk"), Trusted(f"{risks.words}. {row.label}?"), Trusted(row.label))
