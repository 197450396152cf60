"""What a notification says of a request, and a screen reader of its buttons: no text of an agent stands in it. Pure.

The rule: the name of the key was given by the operator. Of the agent's own words only the name of a tool is repeated,
and only if it is a plain one: one short word, without a sign that a platform could read as markup or as a link.
"""

from __future__ import annotations

import re

from sayso import model
from sayso.cards import naming, phrases
from sayso.content import text
from sayso.machine import schedule

_PLAIN_TOOL = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")


def subject_of(ticket: model.Ticket) -> text.Trusted:
    """Who asks for what."""
    if ticket.reviews is not None:
        return text.Trusted("Sayso asks for a review")
    if naming.suggests(ticket):
        return text.Trusted("Sayso suggests a rule")
    asker = naming.given_name(ticket.owner)
    named = ticket.owner != naming.EMBEDDED and isinstance(asker, str)
    return text.Trusted(f"{asker if named else 'An agent'} {_asks(ticket.request)}")


def summary_of(ticket: model.Ticket, level: model.Risk | None) -> text.Trusted:
    """The same with how risky it is and until when it can be answered, or what became of it."""
    subject, decision = subject_of(ticket), ticket.decision
    if decision is not None:
        return text.Trusted(f"{subject}. {phrases.outcome_words(ticket.request.kind, decision)}.")
    risk = f" · {level} risk" if level in ("medium", "high") else ""
    priority = " · urgent" if ticket.ruled and ticket.ruled.priority == "urgent" else ""
    before = _before(ticket.remembered) if ticket.remembered else ""
    if ticket.stopped is not None:
        return text.Trusted(f"{subject}{priority}{before}{risk} · stopped")
    return text.Trusted(f"{subject}{priority}{before}{risk} · until {schedule.ends(ticket):%Y-%m-%d %H:%M} UTC")


def _before(remembered: model.Remembered) -> str:
    if remembered.last == "denied":
        return " · denied before"
    return " · nearly the same was denied before" if remembered.like else ""


def _asks(request: model.Request) -> str:
    if request.kind == "permission":
        tool = request.tool or ""
        return f"asks to run {tool if _PLAIN_TOOL.fullmatch(tool) else 'a tool'}"
    return _ASKS[request.kind]


_ASKS: dict[model.Kind, str] = {
    "question": "has a question",
    "choice": "asks you to choose",
    "form": "asks you to fill in a form",
}
