"""Sentences about a request that the service says to people: what became of it, and why something did not count. Pure.

Only ids appear in them, never display names or agent text, so nobody can speak through them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import assert_never

from sayso import errors, model
from sayso.cards import buttons
from sayso.content import wording

_UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"))
TRY_AGAIN = "This was not counted: something is down at the moment. Please try again."
WHO_ARE_YOU = "Could not find out who you are, so nothing was counted. Please try again in a minute."
_GONE = "This is not one of our buttons any more: its request is gone, or it was for other content."
_CLOSED: Mapping[model.Outcome, str] = {
    "expired": "Expired: no decision in time",
    "cancelled": "Withdrawn before it was decided",
    "superseded": "Replaced by a newer request",
    "undeliverable": "Could not be delivered",
}


def outcome_row(kind: model.Kind, decision: model.Decision) -> buttons.Row | None:
    """The button that people pressed for this outcome; None if nobody did."""
    match decision.outcome:
        case "allowed":
            return buttons.row_for(
                kind, "allow", decision.grant, glass=decision.break_glass, standing=decision.standing
            )
        case "denied":
            asks_back = bool(decision.question) and not decision.stop
            return buttons.row_for(kind, "stop" if decision.stop else "deny", asks_back=asks_back)
        case "answered":
            return buttons.row_for(kind, "respond" if kind == "permission" else None)
        case "expired" | "cancelled" | "superseded" | "undeliverable":
            return None
        case _:
            assert_never(decision.outcome)


def outcome_words(kind: model.Kind, decision: model.Decision, by: str = "") -> str:
    """What became of a request, in a few words, for cards and lists; *by* says who did it."""
    row = outcome_row(kind, decision)
    return _CLOSED.get(decision.outcome, "") if row is None else f"{row.done}{by}{row.then}"


def too_late(ticket: model.Ticket) -> str:
    """Say to a late clicker that it is closed, by whom or by what, and when."""
    decision = ticket.decision
    if decision is None:
        return "This request is still open."
    words = outcome_words(ticket.request.kind, decision, wording.by_whom(decision))
    return f"Too late: {words[0].lower()}{words[1:]} at {moment(decision)}."


def moment(decision: model.Decision) -> str:
    """When it was decided, in UTC, to the second."""
    return decision.decided_at.strftime("%Y-%m-%d %H:%M:%S UTC")


def asked_before(decision: model.Decision) -> str:
    """What became of the same call when it was asked before; for the card on which it is asked again."""
    if decision.outcome != "allowed":
        return f"{outcome_words('permission', decision)}."
    by = f"Allowed by {wording.people(decision)}"
    if decision.used_at is None:
        return f"{by}, and not run in time."
    return f"{by}, and used at {decision.used_at:%Y-%m-%d %H:%M:%S} UTC: it may have run already."


def beside(error: errors.InvalidAnswer, inputs: Collection[str]) -> dict[str, str]:
    """What is wrong, by the input beside which it is said: its own, or the first one if it has none."""
    first = next(iter(inputs), None)
    placed: dict[str, str] = {}
    for name, complaint in (error.complaints or {error.field or "": explain(error)}).items():
        target = name if name in inputs else first
        if target is not None:
            said = sentence(complaint)
            placed[target] = f"{placed[target]} {said}" if target in placed else said
    return placed


def sentence(message: str) -> str:
    """A message with a capital letter and a full stop."""
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?", "!")) else ".")


def explain(error: errors.SaysoError) -> str:
    """Say to the person who met this error what it means; the same on every chat."""
    match error:
        case errors.AlreadyDecided(ticket=ticket):
            return too_late(ticket)
        case errors.InvalidToken() | errors.NotFound():
            return _GONE
        case errors.Refused() | errors.InvalidRequest():
            return " ".join(map(sentence, filter(None, (error.message, error.hint))))
        case errors.UnknownPerson():
            return WHO_ARE_YOU
        case _:
            return TRY_AGAIN


def stopped(stop: model.Stop) -> str:
    """What is stopped, by whom and since when; without the reason, which is somebody's own words."""
    what = f"The agent {stop.agent}" if stop.agent else "Everything"
    return f"{what} was stopped by {stop.by} at {stop.at:%Y-%m-%d %H:%M:%S} UTC"


def duration(time: timedelta) -> str:
    """A length of time as people say it, rounded down."""
    seconds = max(0, int(time.total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return "less than a minute"
