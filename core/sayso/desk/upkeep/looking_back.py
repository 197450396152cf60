"""What was asked before, as rules look at it: read page by page, the newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from sayso import model
from sayso.rules.replaying import Past
from sayso.stores import Query, Store

_PAGE = 500


async def newest_first(store: Store, since: datetime | None = None, query: Query | None = None) -> AsyncIterator[Past]:
    """What was asked since then, or ever."""
    async for ticket in tickets(store, since, query):
        yield of(ticket)


async def tickets(
    store: Store, since: datetime | None = None, query: Query | None = None
) -> AsyncIterator[model.Ticket]:
    """The same as tickets, of those that *query* names."""
    query = replace(query or Query(), limit=_PAGE)
    while found := await store.list(query):
        for ticket in found:
            if since is not None and ticket.created_at < since:
                return
            yield ticket
        query = replace(query, before=(found[-1].created_at, found[-1].id))


def of(ticket: model.Ticket) -> Past:
    """What rules look at of a request."""
    decision = ticket.decision
    outcome = decision.outcome if decision else None
    by = [one.via for one in decision.by] if decision else []
    by_people = bool(by) and not any(via.startswith("key:") for via in by)
    erased = ticket.erased_at is not None
    changed = decision is not None and outcome == "allowed" and decision.input != (ticket.request.input or {})
    return Past(
        id=ticket.id,
        request=ticket.request,
        owner=ticket.owner,
        at=ticket.created_at,
        ruled=ticket.ruled,
        outcome=outcome,
        # alone and in a hurry is not what people agree on
        by_people=by_people and not (decision and decision.break_glass),
        erased=erased,
        by=", ".join(one.name for one in decision.by) if decision else "",
        edited=changed and not erased,
    )
