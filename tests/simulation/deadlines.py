"""When something must happen to a request, as anybody could read it off the request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sayso import model
from tests.simulation.world import START


def wakes(ticket: model.Ticket) -> Iterator[datetime]:
    """Its deadline, and what comes before."""
    if ticket.stopped is None:
        yield ticket.expires_at
        yield from (one.at for one in ticket.plan)
        yield from ([ticket.taken.until] if ticket.taken else [])


def shown_since(ticket: model.Ticket) -> float:
    """Since when it may be seen, in seconds of the run: what is gathered is shown later, each stage by itself."""
    later = (ticket.reach and ticket.reach.shown_at) or ticket.created_at
    return (max(later, ticket.stage_at or later) - START).total_seconds()


def due(ticket: model.Ticket, at: datetime) -> frozenset[object]:
    """What is planned for no later than this moment: each by what it does, for whom, and which one it is."""
    return frozenset((one.does, one.number, one.stage, one.need, one.to) for one in ticket.plan if one.at <= at)
