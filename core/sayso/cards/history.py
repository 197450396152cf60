"""What people did about a request: as parts of its card, and as rows of its history. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from sayso import model
from sayso.cards import arguments, buttons, card, naming, phrases, prose, values
from sayso.content import fields, text, wording

Trusted = text.Trusted

MOST_PEOPLE = 8
"""Of those who decided; the log names all of them."""

_LONGEST_REASON = 200
_RESTORED = "It is from before an older copy of the database was put back, and is void"


def outcome_parts(ticket: model.Ticket) -> Iterable[card.Part]:
    """What was decided, by whom, and what follows."""
    decision = ticket.decision
    if decision is None:
        return
    spans = outcome_spans(ticket, decision)
    yield card.Line((*spans, Trusted(" · "), card.Moment(decision.decided_at)), strong=True)
    if told := told_line(decision):
        yield told
    if ticket.erased_at:
        yield card.Line((Trusted("What was asked and answered was erased · "), card.Moment(ticket.erased_at)))
    if decision.used_at:
        yield card.Line((Trusted("Used · "), card.Moment(decision.used_at)))
    elif decision.void:
        yield card.Line((Trusted(_RESTORED if ticket.held else "It was not used in time, and is void"),))
    if decision.reason:
        yield card.Code((Trusted("Reason"),), text.literal(decision.reason), role="reason")
    if decision.question:
        yield card.Code((Trusted("Question"),), text.literal(decision.question), role="question")
    yield from _edited_parts(ticket)
    yield from _answer_parts(ticket, decision)


def outcome_spans(ticket: model.Ticket, decision: model.Decision) -> list[card.Inline]:
    """What was decided, by whom, and what goes with it."""
    row = phrases.outcome_row(ticket.request.kind, decision)
    done = row.done if row else phrases.outcome_words(ticket.request.kind, decision)
    spans: list[card.Inline] = [Trusted(done)]
    more = max(0, len(decision.by) - MOST_PEOPLE)
    shown = decision.by[:MOST_PEOPLE]
    for index, one in enumerate(shown):
        spans += [wording.between(index, len(shown) + bool(more)) or Trusted(" by "), text.line(one.name)]
        spans += who_else(one)
    spans += [Trusted(f" and {more} more")] if more else []
    spans += [Trusted(" by the rule "), naming.given_name(decision.rule)] if decision.rule else []
    return [*spans, *_more(ticket.request, row, decision.grant)]


def who_else(one: model.By | model.Given) -> tuple[card.Inline, ...]:
    """What goes behind a name as a platform has it: the name in the settings, and for whom they stood in."""
    person = one.delegate or one.person
    spans: tuple[card.Inline, ...] = ()
    if person.casefold() != one.name.casefold():
        spans = (Trusted(" ("), text.line(person), Trusted(")"))
    return (*spans, Trusted(" for "), text.line(one.person)) if one.delegate else spans


def told_line(decision: model.Decision) -> card.Line | None:
    """What the agent was told of a request that no person decided."""
    if decision.by or decision.outcome in ("allowed", "denied", "answered"):
        return None
    return card.Line((Trusted("The agent was told: "), text.line(decision.model_text)))


def asked_back_parts(ticket: model.Ticket) -> Iterable[card.Part]:
    """What the agent was asked back before, and the words with which this request answers it."""
    asked, body = ticket.asked_back, ticket.request.body
    if asked is None:
        return
    yield card.Line((text.line(asked.name), Trusted(" asked: "), text.line(asked.question)))
    # above what will run, since it is the answer to a person; still in the frame of the agent's words
    yield card.Says(prose.parse(body)) if body else card.Note((Trusted("The agent does not answer that."),))


def held_parts(ticket: model.Ticket) -> Iterable[card.Part]:
    """Why nobody can answer now."""
    if ticket.held and ticket.decision is None:
        yield card.Line((Trusted("Held: an older copy of the database was put back"),), strong=True)
        yield card.Note((Trusted("It may have been decided already. The operator lets it go on, or withdraws it."),))


def stopped_parts(ticket: model.Ticket) -> Iterable[card.Part]:
    """Who stopped it, and what that means."""
    if ticket.stopped is None or ticket.decision is not None:
        return
    stop = ticket.stopped.stop
    yield stop_line(stop, (Trusted("This agent"),) if stop.agent else None)
    yield card.Note((Trusted("It can be denied, and not allowed. Its time stands still until the stop is lifted."),))


def stop_line(stop: model.Stop, agent: tuple[card.Inline, ...] | None = None) -> card.Line:
    """What was stopped, by whom, when and why."""
    named = agent or (Trusted("The agent "), text.line(stop.agent or ""))
    what = named if stop.agent else (Trusted("Everything"),)
    because = (Trusted(": "), text.line(stop.reason[:_LONGEST_REASON])) if stop.reason else ()
    by = (Trusted(" was stopped by "), text.line(stop.name), Trusted(" · "), card.Moment(stop.at))
    return card.Line((*what, *by, *because), strong=True)


def taken_parts(ticket: model.Ticket) -> Iterable[card.Part]:
    """Whose answer was taken, and when it is delivered."""
    if ticket.taken is None:
        return
    given, until = ticket.taken.given, card.Moment(ticket.taken.until)
    yield card.Line(
        (Trusted("Taken as the answer of "), text.line(given.name), Trusted(" · delivered at "), until), strong=True
    )
    answer = given.answer
    if answer.verdict:
        row = buttons.row_for(ticket.request.kind, answer.verdict, answer.grant, standing=answer.standing)
        yield card.Line((Trusted(row.done), *_more(ticket.request, row, answer.grant)))
    filled = dict(answer.values or {})
    said = [answer.reason, answer.text, *_texts(filled.pop(fields.ANSWER, None))]
    yield from (card.Code((Trusted("Answer"),), text.literal(one), role="answer") for one in said if one)
    yield from values.parts_of(filled, "Answer", "answer") if filled else ()
    yield from _edited_parts(ticket)


def edited_input(ticket: model.Ticket) -> model.JsonObject | None:
    """What runs, or will run, in place of what was asked; None if nobody changed it."""
    decision = ticket.decision
    if decision is None:
        return ticket.taken.given.answer.input if ticket.taken else None
    return decision.input if decision.outcome == "allowed" and wording.is_edited(ticket, decision) else None


def _edited_parts(ticket: model.Ticket) -> Iterable[card.Part]:
    runs = edited_input(ticket)
    return () if runs is None else arguments.edited_parts(ticket.request.input or {}, runs)


def _texts(value: Any) -> list[str]:
    return list(cast(list[str], value)) if isinstance(value, list) else [value] if value else []


def _more(request: model.Request, row: buttons.Row | None, grant: str | None) -> list[card.Inline]:
    """What goes with what was done, and the offer that was taken along."""
    spans: list[card.Inline] = [Trusted(row.then)] if row and row.then else []
    for offer in request.offers:
        spans += [Trusted(": "), text.line(offer.effect)] if offer.name == grant else []
    return spans


def tell_answer(request: model.Request, answer: model.Answer, by: model.Person) -> tuple[card.Inline, ...]:
    """What somebody did, as a row of the history: in the words of the button that they pressed."""
    row = buttons.row_for(
        request.kind,
        answer.verdict,
        answer.grant,
        asks_back=answer.question is not None,
        glass=bool(answer.break_glass),
        standing=answer.standing,
    )
    spans: list[card.Inline] = [Trusted(f"{row.done} by "), *tell_person(by), *_more(request, row, answer.grant)]
    spans += [Trusted(", with an edited input")] if answer.input is not None else []
    said = (answer.text if answer.verdict == "respond" else None, answer.reason, answer.question)
    spans += [span for words in said if words for span in (Trusted(": "), text.line(words))]
    return tuple(spans)


def tell_person(by: model.Person) -> tuple[card.Inline, ...]:
    """Who it was, and by which account."""
    account = (Trusted(" ("), text.line(by.account), Trusted(")"))
    if by.delegate:
        return (text.line(by.delegate), *account, Trusted(" for "), text.line(by.id))
    return (text.line(by.id), *account)


def _answer_parts(ticket: model.Ticket, decision: model.Decision) -> Iterable[card.Part]:
    if decision.text is not None:
        yield card.Code((Trusted("Answer"),), text.literal(decision.text), role="answer")
    for choice in decision.choices or ():
        yield card.Code((Trusted("Answer"),), text.line(choice), role="answer")
    if decision.values is not None:
        labels = {field.name: field.label for field in fields.of_request(ticket.request)}
        yield from values.parts_of(decision.values, "Answer", "answer", labels)
