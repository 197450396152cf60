"""How a card says what the service remembers: a denial of the same call, or of one nearly like it, first. Pure.

The rule: nothing is said of a decided request. An earlier allow is told in small print: it must not press for a yes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sayso import model
from sayso.cards import card
from sayso.content import text

Trusted = text.Trusted

_LONGEST_REASON = 200


def parts_of(ticket: model.Ticket) -> Iterable[card.Part]:
    """What was decided before on the same call, and what risky its agent was allowed lately; while it is open."""
    remembered = ticket.remembered
    if remembered is None or ticket.decision is not None:
        return
    if remembered.last == "denied" and remembered.at is not None:
        words = _denied("this before", remembered.by, remembered.at, remembered.reason)
        yield card.Line(tuple(words), strong=True)
    elif like := remembered.like:
        yield card.Line(tuple(_denied("nearly this before", like.by, like.at, like.reason)), strong=True)
        if like.said:
            yield card.Note((Trusted("Denied was: "), text.line(like.said)))
    if counted := _counted(remembered):
        yield card.Note((counted,))
    for one in remembered.risky:
        moment = card.Moment(one.at, relative=True)
        said = (Trusted(f"This agent was allowed before · {one.words}: "), text.line(one.trigger), Trusted(" · "))
        yield card.Note((*said, moment))


def _denied(what: str, by: str, at: datetime, reason: str | None) -> Iterable[card.Inline]:
    yield from (text.line(by), Trusted(f" denied {what} · "), card.Moment(at, relative=True))
    if reason:
        more = "…" if len(reason) > _LONGEST_REASON else ""
        yield from (Trusted(": "), text.line(reason[:_LONGEST_REASON] + more))


def _counted(remembered: model.Remembered) -> text.Trusted | None:
    """How often the same call was decided, in a sentence."""
    if not remembered.allowed:
        return None if remembered.denied < 2 else Trusted(f"Denied {times(remembered.denied)} in the last 7 days")
    never = "never denied" if not remembered.denied else f"denied {times(remembered.denied)}"
    return Trusted(f"Allowed {times(remembered.allowed)} in the last 7 days, {never}")


def times(count: int) -> str:
    """A number of times; more than twenty are not counted."""
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times{' or more' if count >= 20 else ''}"
