"""When an allow is used: once, in its time, and only as it was allowed. Pure."""

from __future__ import annotations

from sayso import errors, model
from sayso.content import binding, digest
from sayso.machine import events, holding, outcomes, standstill


def used(ticket: model.Ticket, event: events.Used) -> model.Ticket:
    """The ticket with its allow used; the same one where this attempt used it before. Raises as `machine.step`."""
    decision = ticket.decision
    if ticket.used_at is not None:
        if event.attempt is not None and event.attempt == ticket.used_for:
            return ticket
        raise errors.AlreadyUsed(ticket)
    if decision is None:
        raise errors.NotUsable(f"request {ticket.id} is not decided yet", field="id", hint="wait for the decision")
    if decision.outcome != "allowed":
        raise errors.NotUsable(f"request {ticket.id} was not allowed: it is {decision.outcome}", field="id")
    holding.check_use(ticket)
    standstill.check_use(ticket)
    ends = outcomes.valid_until(ticket, decision)
    if event.at >= ends:
        message = f"the allow of request {ticket.id} is void: it was not used before {ends:%Y-%m-%d %H:%M:%S} UTC"
        raise errors.NotUsable(message, field="id", hint="ask again under a new id")
    binding.check(ticket)
    if digest.of_call(ticket.request.tool or "", decision.input or {}) != decision.input_digest:
        raise errors.Altered(ticket)
    told = outcomes.told(ticket, decision.model_copy(update={"used_at": event.at}))
    facts = {"decision": told, "used_at": event.at, "used_for": event.attempt, "version": ticket.version + 1}
    return ticket.model_copy(update=facts)
