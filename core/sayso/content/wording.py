"""Sentences about a request that the service says to a model.

Only ids appear in them, never display names or agent text, so nobody can speak through them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import assert_never

from sayso import errors, model
from sayso.content import digest, text

NO_CONSENT = "Nobody has allowed this; do not work around it."
"""What a model is told wherever no decision came."""


def is_edited(ticket: model.Ticket, decision: model.Decision) -> bool:
    """Whether another input was allowed than the one asked for; true in place of 1 is another one."""
    if ticket.erased_at is not None:
        return False
    asked = ticket.request.input or {}
    if ticket.answers and not any(one.answer.input is not None for one in ticket.answers):
        # what was asked for again is not kept as an edit
        return False
    if decision.input_digest is not None and digest.of_call(ticket.request.tool or "", asked) == decision.input_digest:
        return False
    return not digest.same(decision.input or {}, asked)


def before_use(ticket: model.Ticket, decision: model.Decision) -> model.Decision:
    """The decision as people gave it, for the caller who has just used its allow."""
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
            glass = ", who broke the glass; others review it" if decision.break_glass else ""
            return f"{what} was allowed by {people(decision)}{with_input}{glass}.{because}"
        case "denied":
            then = " End this run now." if decision.stop else _asks_back(decision)
            if ticket.request.kind != "permission":
                return f"{what} was declined by {people(decision)}. Do not assume an answer.{then}{because}"
            return f"{what} was denied by {people(decision)}. Do not run it and do not work around it.{then}{because}"
        case "answered" if ticket.request.kind == "permission":
            return f"{what} was not run. {people(decision)} answered in its place: {decision.text}"
        case "answered":
            chosen = f": {listed(decision.choices)}" if decision.choices else ""
            return f"{what} was answered by {people(decision)}{chosen}."
        case "expired":
            although = f", although it was {escalated(ticket)}" if ticket.escalated else ""
            short = "was not allowed by enough people" if ticket.answers else "got no answer"
            return f"{what} {short} in time{although}. Silence is not consent: do not go ahead."
        case "cancelled":
            return f"{what} was withdrawn before anybody decided. Do not go ahead.{because}"
        case "superseded":
            return f"{what} was replaced by a newer request. Wait for the decision on that one."
        case "undeliverable":
            return f"{what} could not be shown to anybody, so nobody decided. Do not go ahead.{because}"
        case _:
            assert_never(decision.outcome)


def escalated(ticket: model.Ticket) -> str:
    """To whom it was escalated last, and when."""
    last = ticket.escalated[-1]
    step = ticket.policy.escalate[last.number]
    whom = ", ".join(map(_whom, step.brings_in or step.route))
    return f"escalated to {whom} at {last.at:%Y-%m-%d %H:%M} UTC"


def _whom(name: str) -> str:
    kind, _, called = name.partition(":")
    return {"group": called, "oncall": f"whoever is on call for {called}"}.get(kind, name)


def _asks_back(decision: model.Decision) -> str:
    if not decision.question:
        return ""
    asks = f"{decision.by[0].person} asks" if len(decision.by) == 1 else "They ask"
    return f" {asks} back: {decision.question} Answer that in the body of your next request."


def listed(labels: Sequence[str]) -> str:
    """Labels for a model, each in quotes: one may hold a comma, and is still one."""
    return ", ".join(json.dumps(label, ensure_ascii=False) for label in labels)


def could_not_ask(error: Exception) -> str:
    """What a model reads about a call that nobody could be asked about. Of foreign errors nothing from the inside."""
    return f"sayso could not ask anybody: {failure(error)}. {NO_CONSENT}"


def failure(error: Exception) -> str:
    """An error and what to do about it. Of foreign errors nothing from the inside."""
    if not isinstance(error, errors.SaysoError):
        return "something failed that is written to the log"
    return f"{error} ({error.hint})" if error.hint else str(error)


def of_error(error: BaseException) -> str:
    """What an error says, or what it is: that something took too long has no words."""
    return str(error) or type(error).__name__


def by_whom(decision: model.Decision) -> str:
    """` by` and who decided; nothing where nobody and no rule did."""
    return f" by {people(decision)}" if decision.by or decision.rule else ""


def people(decision: model.Decision) -> str:
    """Who decided, by id; or which rule."""
    rule = f"the rule {decision.rule!r}" if decision.rule else "nobody"
    return in_a_row([who(one) for one in decision.by]) or rule


def names(decision: model.Decision) -> str:
    """Who decided, as platforms call them; nothing where nobody did."""
    return in_a_row([one.name for one in decision.by])


def counted(count: float, one: str, several: str = "") -> str:
    """So many of them, as people say it: `1 row`, `2 rows`, `1,000 rows`."""
    shown = f"{count:,.0f}" if count % 1 == 0 else f"{count:g}"
    return f"{shown} {one if count == 1 else several or f'{one}s'}"


def people_counted(count: int) -> str:
    """So many people."""
    return counted(count, "person", "people")


def time(seconds: float) -> str:
    """So much time, as settings write it: `90m`, `8h`, `1d`; in the largest unit of which it is a whole number."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:.15g}s"


def within(seconds: float) -> str:
    """So much time to wait, as people say it, and never less than it is: `45 seconds`, `3 minutes`, `5 hours`."""
    for unit, size in (("hour", 3_600), ("minute", 60)):
        if seconds > 2 * size:
            return counted(math.ceil(seconds / size), unit)
    return counted(math.ceil(seconds), "second")


def so_far(count: int, needed: str, did: str) -> str:
    """How many of those who must have done it, as people say it: `1 of 2 has allowed it`, `2 of 3 have allowed it`."""
    return f"{count} of {needed} {'has' if count == 1 else 'have'} {did}"


def all_of(count: int) -> str:
    """So many that are decided at once: `all 3`; of the only one `it`."""
    return "it" if count == 1 else f"all {count}"


def in_a_row(names: Sequence[str], last: str = "and") -> str:
    """Names as people list them: `bob, ann and cid`."""
    return "".join([f"{between(at, len(names), last)}{name}" for at, name in enumerate(names)])


def between(at: int, count: int, last: str = "and") -> text.Trusted:
    """What stands before one of so many names, for whoever writes them one by one."""
    if at == 0:
        return text.Trusted("")
    return text.Trusted(f" {last} " if at == count - 1 else ", ")


def who(one: model.By) -> str:
    """One who decided, by id, with the one for whom they did it."""
    return f"{one.delegate} (for {one.person})" if one.delegate else one.person
