"""What a stop means for a request: nothing is allowed, no allow is used, and no time runs until it is lifted. Pure.

The rule: what stands in the store decides, whoever sees it first. A request is brought in line before anything else
happens to it, so a copy of the service that heard nothing of a stop allows nothing either.
"""

from __future__ import annotations

from datetime import datetime

from sayso import errors, model
from sayso.machine import events, schedule

_NOES = frozenset({"deny", "stop"})


def in_line(ticket: model.Ticket, stop: model.Stop | None, at: datetime) -> events.Stopped | events.Resumed | None:
    """What has to happen to the ticket first, where *stop* is what stands for its agent now; None if nothing has to."""
    now = ticket.stopped.stop if ticket.stopped else None
    if stop == now or not _concerns(ticket):
        return None
    return events.Resumed(at=at) if stop is None else events.Stopped(at=at, stop=stop)


def stopped(ticket: model.Ticket, event: events.Stopped) -> model.Ticket | None:
    """The ticket under a stop; None where nothing changes. An answer that was taken is dropped: the world changed."""
    if not _concerns(ticket) or (ticket.stopped and ticket.stopped.stop == event.stop):
        return None
    # of two stops one after the other the second one goes on counting
    since = ticket.stopped.since if ticket.stopped else max(event.stop.at, ticket.created_at)
    still = model.Standstill(stop=event.stop, since=since)
    return ticket.model_copy(update={"stopped": still, "taken": None, "version": ticket.version + 1})


def resumed(ticket: model.Ticket, event: events.Resumed) -> model.Ticket | None:
    """The ticket once it goes on, with its deadline as far away as it was; None where it was not stopped.

    An allow is void when it would have been: it does not get older than its policy says.
    """
    if ticket.stopped is None:
        return None
    facts: dict[str, object] = {"stopped": None, "version": ticket.version + 1}
    if ticket.decision is None:
        facts["expires_at"] = schedule.put_off(ticket, ticket.expires_at, ticket.stopped.since, event.at)
        facts["bound_until"] = ticket.bound_until or ticket.expires_at
        facts["plan"] = schedule.plan_later(ticket, ticket.stopped.since, event.at)
    return ticket.model_copy(update=facts)


def check(ticket: model.Ticket, answer: model.Answer) -> None:
    """Refuse all but a denial while it is stopped. Raises `Refused`."""
    if ticket.stopped is not None and answer.verdict not in _NOES:
        raise errors.Refused(f"{_said(ticket.stopped.stop)}: it can only be denied now", hint=_HINT)


def check_use(ticket: model.Ticket) -> None:
    """Refuse the use of an allow while it is stopped. Raises `NotUsable`."""
    if ticket.stopped is not None:
        message = f"{_said(ticket.stopped.stop)}: the allow of request {ticket.id} cannot be used now"
        raise errors.NotUsable(message, field="id", hint="do not run it; use it again once the stop is lifted")


_HINT = "whoever may stop lifts it: sayso resume, /sayso resume, or the inbox"


def _said(stop: model.Stop) -> str:
    what = f"the agent {stop.agent}" if stop.agent else "everything"
    return f"{stop.name} has stopped {what}"


def _concerns(ticket: model.Ticket) -> bool:
    """Whether a stop changes anything for it: it is open, or an allow or its receipt can still be used."""
    decision = ticket.decision
    if decision is None:
        return True
    receipt = decision.receipt is not None and ticket.redeemed_at is None
    return decision.outcome == "allowed" and (ticket.used_at is None or receipt)
