"""When something must happen to a request, as anybody could read it off the request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sayso import model


def wakes(ticket: model.Ticket) -> Iterator[datetime]:
    """Its deadline, and what comes before."""
    if ticket.stopped is None:
        yield ticket.expires_at
        yield from (one.at for one in ticket.plan)
        yield from ([ticket.taken.until] if ticket.taken else [])


def route_since(ticket: model.Ticket) -> datetime:
    """Since when it is to be shown at all these places."""
    later = (*(one.at for one in ticket.escalated), *(one.at for one in ticket.fell_back))
    return max(ticket.created_at, ticket.stage_at or ticket.created_at, *later)
