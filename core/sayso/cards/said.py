"""What was said to a request, as parts of its card: the decision, an answer that was taken, and values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from sayso import model
from sayso.cards import buttons, card, phrases
from sayso.content import fields, text, wording

Trusted = text.Trusted

# Keys are the agent's; more or longer ones than these are shown as one JSON text, where they cannot pose as labels.
MOST_KEYS = 12
LONGEST_KEY = 60


def value_text(value: Any) -> str:
    """An argument as it is shown: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def input_parts(arguments: Mapping[str, Any], heading: str, role: card.Role) -> Iterable[card.Code]:
    """A tool input, one box for each argument, so that line breaks are line breaks."""
    if len(arguments) > MOST_KEYS or any(len(key) > LONGEST_KEY or not key for key in arguments):
        yield card.Code((Trusted(heading),), text.literal(value_text(dict(arguments)), code=True), role=role)
        return
    for key, value in arguments.items():
        kind = "" if isinstance(value, str) else " (JSON)"
        shown = text.literal(value_text(value), code=True)
        yield card.Code((Trusted(f"{heading}{kind} · "), text.line(key)), shown, role=role)


_RESTORED = "It is from before an older copy of the database was put back, and is void"


def outcome(ticket: model.Ticket) -> Iterable[card.Part]:
    """What was decided, by whom, and what follows."""
    decision = ticket.decision
    if decision is None:
        return
    row = phrases.outcome_row(ticket.request.kind, decision)
    done = row.done if row else phrases.outcome_words(ticket.request.kind, decision)
    spans: list[card.Inline] = [Trusted(done)]
    for index, one in enumerate(decision.by):
        spans += [Trusted(" by " if index == 0 else " and "), text.line(one.name)]
        spans += [Trusted(" ("), text.line(one.person), Trusted(")")] if one.person != one.name else []
    spans += [Trusted(row.then)] if row and row.then else []
    yield card.Line((*spans, Trusted(" · "), card.Moment(decision.decided_at)), strong=True)
    if decision.used_at:
        yield card.Line((Trusted("Used · "), card.Moment(decision.used_at)))
    elif decision.void:
        yield card.Line((Trusted(_RESTORED if ticket.held else "It was not used in time, and is void"),))
    if decision.reason:
        yield card.Code((Trusted("Reason"),), text.literal(decision.reason), role="reason")
    if decision.outcome == "allowed" and wording.is_edited(ticket, decision):
        yield from input_parts(decision.input or {}, "Runs instead, as edited", "edited")
    yield from _granted(ticket.request, decision.grant)
    yield from _answer(decision)


def held(ticket: model.Ticket) -> Iterable[card.Part]:
    """Why nobody can answer now."""
    if ticket.held and ticket.decision is None:
        yield card.Line((Trusted("Held: an older copy of the database was put back"),), strong=True)
        yield card.Note((Trusted("It may have been decided already. The operator lets it go on, or withdraws it."),))


def taken(ticket: model.Ticket) -> Iterable[card.Part]:
    """Whose answer was taken, and when it is delivered."""
    if ticket.taken is None:
        return
    given, until = ticket.taken.given, card.Moment(ticket.taken.until)
    yield card.Line(
        (Trusted("Taken as the answer of "), text.line(given.name), Trusted(" · delivered at "), until), strong=True
    )
    answer = given.answer
    values = dict(answer.values or {})
    said = [answer.reason, answer.text, *_listed(values.pop(fields.ANSWER, None))]
    yield from (card.Code((Trusted("Answer"),), text.literal(one), role="answer") for one in said if one)
    yield from input_parts(values, "Answer", "answer") if values else ()
    if answer.verdict:
        yield card.Line((Trusted("They allow it" if answer.verdict == "allow" else "They do not allow it"),))
    if answer.input is not None:
        yield from input_parts(answer.input, "Runs instead, as edited", "edited")


def _listed(value: Any) -> list[str]:
    return list(cast(list[str], value)) if isinstance(value, list) else [value] if value else []


def _granted(request: model.Request, grant: str | None) -> Iterable[card.Part]:
    if grant is not None and grant in request.grant_names:
        yield card.Line(granted(request, grant))


def granted(request: model.Request, grant: str) -> tuple[card.Inline, ...]:
    """What was given beyond this one call."""
    row = buttons.row_for(request.kind, "allow", grant)
    effects = [offer.effect for offer in request.offers if offer.name == grant]
    return (Trusted(f"{row.done}{row.then}: "), text.line(effects[0])) if effects else (Trusted(row.done),)


def given(request: model.Request, answer: model.Answer, by: model.Person) -> tuple[card.Inline, ...]:
    """What somebody did, as a row of the history: in the words of the button that they pressed."""
    row = buttons.row_for(request.kind, answer.verdict, answer.grant)
    spans: list[card.Inline] = [Trusted(f"{row.done} by "), *person(by), Trusted(row.then)]
    for offer in request.offers:
        spans += [Trusted(": "), text.line(offer.effect)] if offer.name == answer.grant else []
    spans += [Trusted(", with an edited input")] if answer.input is not None else []
    reason = answer.text if answer.verdict == "respond" else answer.reason
    spans += [Trusted(": "), text.line(reason)] if reason else []
    return tuple(span for span in spans if span != "")


def person(by: model.Person) -> tuple[card.Inline, ...]:
    """Who it was, and by which account."""
    return (text.line(by.id), Trusted(" ("), text.line(by.account), Trusted(")"))


def _answer(decision: model.Decision) -> Iterable[card.Part]:
    if decision.text is not None:
        yield card.Code((Trusted("Answer"),), text.literal(decision.text), role="answer")
    for choice in decision.choices or ():
        yield card.Code((Trusted("Answer"),), text.line(choice), role="answer")
    if decision.values is not None:
        yield from input_parts(decision.values, "Answer", "answer")
