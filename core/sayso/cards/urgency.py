"""How a card and a list say how urgent a request is: by a rule, or as its agent claims. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sayso import model
from sayso.cards import card, naming
from sayso.content import text
from sayso.machine import priorities

Trusted = text.Trusted

_RULED: Mapping[model.Priority, text.Trusted] = {"urgent": Trusted("Urgent"), "low": Trusted("Can wait")}
_CLAIMED: Mapping[model.Priority, text.Trusted] = {
    "urgent": Trusted("The agent says that it is urgent"),
    "low": Trusted("The agent says that it can wait"),
}


def lines(ticket: model.Ticket) -> Iterable[card.Line]:
    """One line on an open card; none of what is neither urgent nor low."""
    if ticket.decision is not None:
        return
    said = _RULED.get(priorities.ruled(ticket) or "normal")
    if said and ticket.ruled and ticket.ruled.rule:
        yield card.Line((said, Trusted(", as the rule "), naming.given_name(ticket.ruled.rule), Trusted(" says")))
    elif words(ticket):
        yield card.Line((_CLAIMED[priorities.of(ticket)],))


def words(ticket: model.Ticket) -> str:
    """The same in a list, in a word; empty if there is nothing to say."""
    priority = priorities.of(ticket)
    if priority == "normal" or ticket.decision is not None:
        return ""
    word = "urgent" if priority == "urgent" else "can wait"
    return word if priorities.ruled(ticket) else f"{word}, the agent says"
