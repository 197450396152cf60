"""Sentences about a request that the service itself says: to the model, to the late clicker, on the card.

Only ids appear in them, never display names or agent text, so nobody can speak through them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sayso import errors, model
from sayso.content import digest

TRY_AGAIN = "This was not counted: something is down at the moment. Please try again."
NO_CONSENT = "Nobody has allowed this; do not work around it."
"""What a model is told wherever no decision came."""
_GONE = "This is not one of our buttons any more: its request is gone, or it was for other content."


def is_edited(ticket: model.Ticket, decision: model.Decision) -> bool:
    """Whether another input was allowed than the one asked for; true in place of 1 is another one."""
    asked = ticket.request.input or {}
    if ticket.answers and not any(one.answer.input is not None for one in ticket.answers):
        # what was asked for again is not kept as an edit
        return False
    if decision.input_digest is not None:
        return digest.of_call(ticket.request.tool or "", asked) != decision.input_digest
    return not digest.same(decision.input or {}, asked)


def before_use(ticket: model.Ticket, decision: model.Decision) -> model.Decision:
    """The decision as people gave it, for whoever has just used its allow."""
    given = decision.model_copy(update={"used_at": None})
    return given.model_copy(update={"model_text": for_model(ticket, given)})


def for_model(ticket: model.Ticket, decision: model.Decision) -> str:
    """One sentence that tells a model what was decided and what follows for it."""
    what = "The tool call" if ticket.request.kind == "permission" else "The question"
    because = f" Reason: {decision.reason}" if decision.reason else ""
    match decision.outcome:
        case "allowed" if decision.used_at is not None:
            used = f"{decision.used_at:%Y-%m-%d %H:%M:%S} UTC"
            return f"{what} was allowed by {people(decision)}, and the allow was used at {used}. Do not run it again."
        case "allowed" if decision.void and ticket.held:
            since = "before an older copy of the database was put back, so it may have run already"
            return f"{what} was allowed by {people(decision)} {since}. Do not run it now: look, and ask again."
        case "allowed" if decision.void:
            return f"{what} was allowed by {people(decision)}, but not run in time. Do not run it now: ask again."
        case "allowed":
            edited = is_edited(ticket, decision)
            with_input = ", with an edited input: use the edited input" if edited else ""
            return f"{what} was allowed by {people(decision)}{with_input}.{because}"
        case "denied":
            then = " End this run now." if decision.stop else ""
            if ticket.request.kind != "permission":
                return f"{what} was declined by {people(decision)}. Do not assume an answer.{then}{because}"
            return f"{what} was denied by {people(decision)}. Do not run it and do not work around it.{then}{because}"
        case "answered" if ticket.request.kind == "permission":
            return f"{what} was not run. {people(decision)} answered in its place: {decision.text}"
        case "answered":
            chosen = f": {listed(decision.choices)}" if decision.choices else ""
            return f"{what} was answered by {people(decision)}{chosen}."
        case "expired":
            return f"{what} got no answer in time. Silence is not consent: do not go ahead."
        case "cancelled":
            return f"{what} was withdrawn before anybody decided. Do not go ahead.{because}"
        case "superseded":
            return f"{what} was replaced by a newer request. Wait for the decision on that one."
        case "undeliverable":
            return f"{what} could not be shown to anybody, so nobody decided. Do not go ahead.{because}"


def listed(labels: Sequence[str]) -> str:
    """Labels for a model, each in quotes: one may hold a comma, and is still one."""
    return ", ".join(json.dumps(label, ensure_ascii=False) for label in labels)


def asked_before(decision: model.Decision) -> str:
    """What became of the same call when it was asked before; for the card on which it is asked again."""
    if decision.outcome != "allowed":
        return f"{verdict(decision)}."
    by = f"Allowed by {people(decision)}"
    if decision.used_at is None:
        return f"{by}, and not run in time."
    return f"{by}, and used at {decision.used_at:%Y-%m-%d %H:%M:%S} UTC: it may have run already."


def could_not_ask(error: Exception) -> str:
    """What a model reads about a call that nobody could be asked about. Of foreign errors nothing from the inside."""
    return f"sayso could not ask anybody: {failure(error)}. {NO_CONSENT}"


def failure(error: Exception) -> str:
    """An error and what to do about it. Of foreign errors nothing from the inside."""
    if not isinstance(error, errors.SaysoError):
        return "something failed that is written to the log"
    return f"{error} ({error.hint})" if error.hint else str(error)


def people(decision: model.Decision) -> str:
    """Who decided, by id."""
    return " and ".join(one.person for one in decision.by) or "nobody"


def verdict(decision: model.Decision) -> str:
    """What became of a request, in a word or two, for cards and lists."""
    if decision.stop:
        return "Denied, and the agent is to stop"
    return {
        "allowed": "Allowed",
        "denied": "Denied",
        "answered": "Answered",
        "expired": "Expired: nobody answered in time",
        "cancelled": "Withdrawn by the agent",
        "superseded": "Replaced by a newer request",
        "undeliverable": "Could not be delivered",
    }[decision.outcome]


def too_late(ticket: model.Ticket) -> str:
    """What a late clicker is told: that it is closed, by whom or by what, and when."""
    decision = ticket.decision
    if decision is None:
        return "This request is still open."
    by = f" by {people(decision)}" if decision.by else ""
    return f"Too late: {verdict(decision)[0].lower()}{verdict(decision)[1:]}{by} at {moment(decision)}."


def moment(decision: model.Decision) -> str:
    """When it was decided, in UTC, to the second."""
    return decision.decided_at.strftime("%Y-%m-%d %H:%M:%S UTC")


def beside(error: errors.InvalidAnswer, inputs: Collection[str]) -> dict[str, str]:
    """What is wrong, by the input where it is said: beside its own, and by the first one where it has none."""
    first = next(iter(inputs), None)
    placed: dict[str, str] = {}
    for name, said in (error.complaints or {error.field or "": told(error)}).items():
        where = name if name in inputs else first
        if where is not None:
            placed[where] = f"{placed[where]} {_sentence(said)}" if where in placed else _sentence(said)
    return placed


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:] + ("" if said.endswith((".", "?", "!")) else ".")


def told(error: errors.SaysoError) -> str:
    """What the person reads who met this error; the same on every chat."""
    match error:
        case errors.AlreadyDecided(ticket=ticket):
            return too_late(ticket)
        case errors.InvalidToken() | errors.NotFound():
            return _GONE
        case errors.Refused():
            said = error.message[:1].upper() + error.message[1:]
            return f"{said}. {error.hint}" if error.hint else f"{said}."
        case _:
            return TRY_AGAIN
