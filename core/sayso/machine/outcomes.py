"""What a decision says: its content, its words for the model, and how long an allow is good. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sayso import model
from sayso.content import digest, fields, wording
from sayso.machine import events

# The inbox shows what is stored, so nothing is ever posted to it, and it cannot be lost.
INBOX: model.Place = events.INBOX


def decided(
    ticket: model.Ticket, outcome: model.Outcome, at: datetime, by: tuple[model.Given, ...], reason: str | None
) -> model.Decision:
    """The decision that these answers, or what closed the ticket, come to."""
    made = model.Decision(
        id=ticket.id,
        outcome=outcome,
        digest=ticket.digest,
        by=tuple(map(_by, by)),
        decided_at=at,
        break_glass=any(one.answer.break_glass for one in by),
        valid_until=at + _good_for(ticket) if outcome == "allowed" else None,
        model_text="",
        **_content(ticket, outcome, by, reason),
    )
    return told(ticket, made)


def _by(one: model.Given) -> model.By:
    return model.By(person=one.person, name=one.name, via=one.via, at=one.at, delegate=one.delegate)


def ruled(ticket: model.Ticket, at: datetime) -> model.Decision | None:
    """The decision of the operator's rules alone; None if people are asked."""
    said = ticket.ruled
    if said is None or said.rule is None or said.effect == "ask":
        return None
    made = decided(ticket, "allowed" if said.effect == "allow" else "denied", at, (), said.reason)
    return told(ticket, made.model_copy(update={"rule": said.rule}))


def read(ticket: model.Ticket, at: datetime) -> model.Ticket:
    """The ticket as it reads at this moment: an allow that was not used in time is void."""
    decision = ticket.decision
    if decision is None or not decision.allowed or at < valid_until(ticket, decision):
        return ticket
    void = decision.model_copy(update={"void": True})
    return ticket.model_copy(update={"decision": told(ticket, void)})


def valid_until(ticket: model.Ticket, decision: model.Decision) -> datetime:
    """When an allow becomes void if nobody used it."""
    return decision.decided_at + _good_for(ticket)


def _good_for(ticket: model.Ticket) -> timedelta:
    return timedelta(seconds=ticket.policy.valid_for)


def told(ticket: model.Ticket, decision: model.Decision) -> model.Decision:
    """The decision, with its sentence for the model."""
    return decision.model_copy(update={"model_text": wording.for_model(ticket, decision)})


def _content(
    ticket: model.Ticket, outcome: model.Outcome, by: tuple[model.Given, ...], reason: str | None
) -> model.JsonObject:
    request, last = ticket.request, ticket.answers[-1].answer if by else model.Answer()
    reasons = [one.answer.reason for one in by if one.answer.reason]
    content: model.JsonObject = {"reason": "; ".join(reasons) or reason}
    if outcome == "denied":
        asked = [one.answer.question for one in by if one.answer.question]
        stop = any(one.answer.verdict == "stop" for one in by)
        return content | {"stop": stop, "question": "; ".join(asked) or None}
    if outcome == "answered" and request.kind == "permission":
        return content | {"text": last.text}
    if outcome == "allowed":
        used = last.input if last.input is not None else request.input or {}
        content |= {"input": used, "input_digest": digest.of_call(request.tool or "", used)}
        # a wider grant needs everybody who allowed to have given it
        content["standing"] = last.standing if len(by) == 1 else None
        content["grant"] = last.grant if all(one.answer.grant == last.grant for one in by) else None
    value: Any = (last.values or {}).get(fields.ANSWER)
    if request.kind == "question":
        content["text"] = value
    elif request.kind == "choice" and value is not None:
        content["choices"] = tuple(value) if request.multiple else (value,)
    elif request.kind == "form":
        content["values"] = last.values
    return content


def redraws(ticket: model.Ticket) -> tuple[events.Effect, ...]:
    """Its cards are brought up to date, and the notifications on people's devices."""
    kept = (place for place in ticket.route if place != INBOX and place not in ticket.undelivered)
    return (*(events.Redraw(place=place) for place in kept), *pushes(ticket))


def pushes(ticket: model.Ticket) -> tuple[events.Push, ...]:
    """People are told on their devices, where they asked for it."""
    # what is shown with others is told of with these
    after = ticket.reach.shown_at if ticket.reach else None
    return (events.Push(after=after),) if ticket.push else ()


def resumes(ticket: model.Ticket) -> tuple[events.Resume, ...]:
    """The decision is sent to the address that the request named."""
    return (events.Resume(),) if ticket.request.callback_url else ()


def tells(ticket: model.Ticket) -> tuple[events.Tell, ...]:
    """Who is told what became of it beside those who see its cards: the requester, unless they know it already."""
    decision = ticket.decision
    # who withdrew it, or asked it anew, knows that
    if decision is None or decision.outcome in ("cancelled", "superseded"):
        return ()
    if ticket.requester in {one.person for one in decision.by}:
        return ()
    return tuple(events.Tell(place=place) for place in ticket.tell)
