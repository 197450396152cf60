"""What follows from an event that neither answers nor closes a request. Pure."""

from __future__ import annotations

from typing import assert_never

from sayso import model
from sayso.machine import delivery, events, passing, schedule, taking_on

Noticed = (
    events.Lost
    | events.Delayed
    | events.Reached
    | events.Due
    | events.Passed
    | events.Claimed
    | events.Snoozed
    | events.Viewed
)
Made = tuple[model.Ticket, tuple[events.Effect, ...]]


def noticed(ticket: model.Ticket, event: Noticed) -> Made:
    """The ticket after *event*, and what must be done. Raises as `passing` and `taking_on`."""
    match event:
        case events.Lost():
            return delivery.taken_away(ticket, event)
        case events.Delayed():
            return _shown(ticket, delivery.delayed(ticket, event))
        case events.Reached():
            return _shown(ticket, delivery.reached(ticket, event))
        case events.Due():
            return schedule.act(ticket, event.at) or (ticket, ())
        case events.Passed():
            return passing.passed(ticket, event)
        case events.Claimed():
            return taking_on.claimed(ticket, event)
        case events.Snoozed():
            return taking_on.snoozed(ticket, event)
        case events.Viewed():
            return _viewed(ticket, event), ()
        case _:
            assert_never(event)


def _viewed(ticket: model.Ticket, event: events.Viewed) -> model.Ticket:
    # the first time alone: nobody's card changes by it
    if ticket.viewed_at is not None:
        return ticket
    return ticket.model_copy(update={"viewed_at": event.at, "version": ticket.version + 1})


def _shown(before: model.Ticket, after: model.Ticket | None) -> Made:
    return (before, ()) if after is None else (after, delivery.effects(before, after))
