"""One stage after another: which one is open, since when, and where it is shown to those whose turn it is. Pure."""

from __future__ import annotations

from datetime import datetime

from sayso import model
from sayso.machine import rounds, schedule


def turned(ticket: model.Ticket, stage: int, at: datetime) -> model.Ticket:
    """The ticket with this stage open; a place of an earlier one that became free again opens that one."""
    if stage == ticket.stage:
        return ticket
    route = tuple(dict.fromkeys((*ticket.route, *_places_of(ticket, stage))))
    facts = {"stage": stage, "stage_at": at, "route": route, "reminded": ticket.reminded + 1}
    turned = rounds.turned(ticket.model_copy(update={**facts, "plan": schedule.turned(ticket, stage, at)}), at)
    return schedule.heard_later(turned, at, _places_of(ticket, stage))


def _places_of(ticket: model.Ticket, stage: int) -> tuple[model.Place, ...]:
    return ticket.stage_routes[stage] if stage < len(ticket.stage_routes) else ()
