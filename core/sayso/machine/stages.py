"""One stage after another: which one is open, since when, and where it is shown to those whose turn it is. Pure."""

from __future__ import annotations

from datetime import datetime

from sayso import model
from sayso.machine import events


def turned(ticket: model.Ticket, stage: int, at: datetime) -> model.Ticket:
    """The ticket with this stage open; a place of an earlier one that became free again opens that one."""
    if stage == ticket.stage:
        return ticket
    route = tuple(dict.fromkeys((*ticket.route, *_places_of(ticket, stage))))
    return ticket.model_copy(update={"stage": stage, "stage_at": at, "route": route})


def announcements(before: model.Ticket, after: model.Ticket) -> tuple[events.Announce, ...]:
    """The card for places that came with the stage."""
    return tuple(events.Announce(place=place) for place in after.route if place not in before.route)


def _places_of(ticket: model.Ticket, stage: int) -> tuple[model.Place, ...]:
    return ticket.stage_routes[stage] if stage < len(ticket.stage_routes) else ()
