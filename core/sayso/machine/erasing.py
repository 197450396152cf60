"""What stays of a request whose content is erased: who asked, who decided what and when, and the digests. Pure."""

from __future__ import annotations

from datetime import datetime

from sayso import errors, model
from sayso.machine import events, outcomes

TOLD = "What was asked and answered here was erased since."
"""What a model is told in place of it."""


def erased(ticket: model.Ticket, event: events.Erased) -> model.Ticket:
    """The ticket without what anybody wrote in it; the same one if that was done before.

    Raises:
        Refused: it is not decided, or its allow can still be used.
    """
    if ticket.erased_at is not None:
        return ticket
    decision = ticket.decision
    if decision is None or may_still_run(ticket, event.at):
        hint = "cancel it"
        if decision is not None and decision.allowed:
            hint = f"its allow can be used until {outcomes.valid_until(ticket, decision):%Y-%m-%d %H:%M} UTC"
        raise errors.Refused(f"request {ticket.id} is not over yet, so nothing of it is erased", hint=hint)
    bare = {"input": None, "reason": None, "question": None, "text": None, "choices": None, "values": None}
    # an allow that nobody used is void by now, and stays so
    void = decision.outcome == "allowed" and decision.used_at is None
    facts = {
        "request": _request(ticket.request),
        "answers": tuple(one.model_copy(update={"answer": _answer(one.answer)}) for one in ticket.answers),
        "decision": decision.model_copy(
            update={**bare, "void": void, "receipt": None, "input_digest": None, "model_text": TOLD}
        ),
        "asked_back": None,
        "remembered": None,
        "erased_at": event.at,
        # without it none of the hashes that stay says what was there
        "salt": None,
        "version": ticket.version + 1,
    }
    return ticket.model_copy(update=facts)


def may_still_run(ticket: model.Ticket, at: datetime) -> bool:
    """Whether somebody may use its allow yet, or is asked."""
    read = outcomes.read(ticket, at).decision
    return read is None or read.allowed


def kept(entry: events.Entry) -> events.Entry:
    """What stays of a row of the log; the same row where it holds nothing that anybody wrote."""
    match entry:
        case events.Answered():
            return entry.model_copy(update={"answer": _answer(entry.answer), "salt": None})
        case events.Cancelled():
            return entry.model_copy(update={"reason": None})
        case _:
            return entry


def _request(request: model.Request) -> model.Request:
    """The kind, the tool, and what says where it belongs."""
    source = model.Source(agent=request.source.agent, session=request.source.session)
    return model.Request(
        id=request.id,
        kind=request.kind,
        tool=request.tool,
        source=source,
        risk=request.risk,
        priority=request.priority,
        policy=request.policy,
        route=request.route,
        expires_in=request.expires_in,
        supersedes=request.supersedes,
    )


def _answer(answer: model.Answer) -> model.Answer:
    return model.Answer(verdict=answer.verdict, grant=answer.grant, break_glass=answer.break_glass)
