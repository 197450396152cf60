"""What was asked before, for rules to be tried on: read from the database here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from sayso import errors, model
from sayso.rules.replaying import Past
from sayso.stores import Query, Store
from sayso_bots.settings import environment

_PAGE = 500


def check_here(given: environment.Environment) -> None:
    """Refuse to look at what is kept elsewhere. Raises `InvalidSettings`."""
    if given.url:
        hint = "run it where the database is, without SAYSO_URL: with SAYSO_DATABASE_URL"
        raise errors.InvalidSettings("requests of a service are not replayed from here", field="SAYSO_URL", hint=hint)


async def newest_first(store: Store, since: datetime) -> AsyncIterator[Past]:
    """What was asked since then."""
    query = Query(limit=_PAGE)
    while found := await store.list(query):
        for ticket in found:
            if ticket.created_at < since:
                return
            yield of(ticket)
        query = Query(limit=_PAGE, before=(found[-1].created_at, found[-1].id))


def of(ticket: model.Ticket) -> Past:
    """What rules look at of a request."""
    decision = ticket.decision
    outcome = decision.outcome if decision else None
    by = [one.via for one in decision.by] if decision else []
    by_people = bool(by) and not any(via.startswith("key:") for via in by)
    return Past(ticket.id, ticket.request, ticket.owner, ticket.created_at, ticket.ruled, outcome, by_people)
