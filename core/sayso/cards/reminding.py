"""What people are told below a card that waits: that it is escalated, what is missing, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sayso import model
from sayso.cards import attended, board, card, naming, passed_on
from sayso.content import text
from sayso.machine import escalation, events, people, schedule

Trusted = text.Trusted


def said(ticket: model.Ticket, directory: people.Directory, effect: events.Remind) -> card.Line:
    """The words of a reminder; whom it mentions stands before them."""
    so_far = next(iter(board.lines(ticket, directory)), None)
    spans = [*_because(ticket, effect), *([Trusted(" · "), *so_far.text] if so_far else [])]
    return card.Line((*spans, Trusted(" · expires "), card.Moment(schedule.ends(ticket), relative=True)))


def _because(ticket: model.Ticket, effect: events.Remind) -> tuple[card.Inline, ...]:
    if effect.why == "opened":
        return (Trusted("The quiet hours are over: this waits for an answer"),)
    if effect.why == "later":
        return (Trusted("You had put this off until now: it waits for an answer"),)
    if effect.to is not None:
        return passed_on.asks(ticket, effect.to)
    if effect.why == "next":
        return (Trusted("It is put to you now: this waits for an answer"),)
    if effect.why == "turned":
        return (Trusted("It is your turn: this waits for an answer"),)
    if effect.why == "escalated" and (step := escalation.last(ticket)):
        return (Trusted("Escalated to "), *names_of(step), Trusted(": this waits for an answer"))
    return (Trusted("Reminder: this waits for an answer"),)


def lines(ticket: model.Ticket) -> Iterable[card.Line]:
    """To whom it was escalated, and what time does next; nothing if it only expires."""
    if ticket.decision is not None or ticket.stopped is not None:
        return
    if step := escalation.last(ticket):
        yield card.Line(
            (Trusted("Escalated to "), *names_of(step), Trusted(" · "), card.Moment(ticket.escalated[-1].at))
        )
    yield from attended.lines(ticket)
    yield from passed_on.lines(ticket)
    if spans := tuple(_coming(ticket)):
        yield card.Line(spans)


def _coming(ticket: model.Ticket) -> Iterable[card.Inline]:
    planned = [one for one in ticket.plan if one.at < schedule.ends(ticket)]
    remind = next((one for one in planned if one.does == "remind" and one.to is None), None)
    escalate = next((one for one in planned if one.does == "escalate"), None)
    if remind is not None:
        yield from (Trusted("Next reminder "), card.Moment(remind.at, relative=True))
    if escalate is not None:
        step = ticket.policy.escalate[escalate.number]
        yield Trusted(" · goes to " if remind is not None else "Goes to ")
        yield from (*names_of(step), Trusted(" "), card.Moment(escalate.at, relative=True))


def names_of(step: model.Escalation) -> tuple[card.Inline, ...]:
    """To whom an escalation goes, or where."""
    spans: list[card.Inline] = []
    for index, name in enumerate(step.brings_in or step.route):
        spans += [Trusted(", ")] if index else []
        rota = name.removeprefix(people.ON_CALL)
        spans += [Trusted("whoever is on call for ")] if rota != name else []
        spans.append(naming.given_name(rota.removeprefix("group:")))
    return tuple(spans)
