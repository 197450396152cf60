"""When an allow is used: once, in its time, and only as it was allowed. Pure."""

from __future__ import annotations

from datetime import datetime

from sayso import errors, model
from sayso.content import binding, digest
from sayso.machine import events, holding, outcomes, standstill


def used(ticket: model.Ticket, event: events.Used) -> model.Ticket:
    """The ticket with its allow used; the same one where this attempt used it before. Raises as `machine.step`."""
    if ticket.used_at is not None:
        if event.attempt is not None and event.attempt == ticket.used_for:
            return ticket
        raise errors.AlreadyUsed(ticket)
    _check(ticket, event.at)
    return _as_used(ticket, event.at, event.attempt)


def redeemed(ticket: model.Ticket, event: events.Redeemed) -> model.Ticket:
    """The ticket with its receipt used. That uses the allow, too, if nobody did; raises as `machine.step`.

    Whoever used the allow before may show its receipt once: it is the same run, on its way to where it happens.
    """
    if ticket.redeemed_at is not None:
        # what its receipt was used for is what counts here
        raise errors.AlreadyUsed(ticket.model_copy(update={"used_at": ticket.redeemed_at}))
    _check(ticket, event.at)
    used = ticket if ticket.used_at else _as_used(ticket, event.at, None)
    return used.model_copy(update={"redeemed_at": event.at, "version": ticket.version + 1})


def _check(ticket: model.Ticket, at: datetime) -> None:
    """Refuse what may not run at this moment, whether it was used or not."""
    decision = ticket.decision
    if decision is None:
        raise errors.NotUsable(f"request {ticket.id} is not decided yet", field="id", hint="wait for the decision")
    if decision.outcome != "allowed":
        said = f"request {ticket.id} was not allowed: it is {decision.outcome}"
        raise errors.NotUsable(said, field="id", hint="do not run it: use a request only if its decision is allowed")
    if ticket.erased_at is not None:
        raise errors.NotUsable(f"the content of request {ticket.id} was erased", field="id", hint="ask again")
    holding.check_use(ticket)
    standstill.check_use(ticket)
    ends = outcomes.valid_until(ticket, decision)
    if at >= ends:
        message = f"the allow of request {ticket.id} is void: it was not used before {ends:%Y-%m-%d %H:%M:%S} UTC"
        raise errors.NotUsable(message, field="id", hint="ask again under a new id")
    binding.check(ticket)
    if digest.of_call(ticket.request.tool or "", decision.input or {}) != decision.input_digest:
        raise errors.Altered(ticket)


def _as_used(ticket: model.Ticket, at: datetime, attempt: str | None) -> model.Ticket:
    assert ticket.decision is not None
    told = outcomes.told(ticket, ticket.decision.model_copy(update={"used_at": at}))
    facts = {"decision": told, "used_at": at, "used_for": attempt, "version": ticket.version + 1}
    return ticket.model_copy(update=facts)
