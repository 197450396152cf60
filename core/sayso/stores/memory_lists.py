"""Lists of tickets that are kept in this process; what `lists` says in SQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime

from sayso import machine, model
from sayso.stores.protocol import Query


def page(query: Query, tickets: Iterable[model.Ticket]) -> Sequence[model.Ticket]:
    """Those of a list, in its order."""
    wanted = {"state": query.state, "owner": query.owner, "session": query.session}
    found = [
        ticket
        for ticket in tickets
        if all(value is None or value == _facts(ticket)[name] for name, value in wanted.items())
        and _comes_after(query, ticket)
        and ticket.id.startswith(query.prefix or "")
        and _is_for(query, ticket)
    ]
    return _within(
        query.most_bytes, sorted(found, key=_end if query.soonest else _age, reverse=not query.soonest)[: query.limit]
    )


def _facts(ticket: model.Ticket) -> dict[str, str | None]:
    return {"state": ticket.state, "owner": ticket.owner, "session": ticket.request.source.session}


def _within(most: int | None, tickets: Sequence[model.Ticket]) -> Sequence[model.Ticket]:
    if most is None:
        return tickets
    sizes = itertools.accumulate(len(ticket.model_dump_json(exclude_defaults=True).encode()) for ticket in tickets[:-1])
    return [ticket for ticket, before in zip(tickets, (0, *sizes), strict=False) if before < most]


def _is_for(query: Query, ticket: model.Ticket) -> bool:
    if query.audiences is None or machine.audience(ticket) in query.audiences:
        return True
    return query.requester is not None and ticket.requester == query.requester


def _comes_after(query: Query, ticket: model.Ticket) -> bool:
    if query.before is None:
        return True
    return _end(ticket) > query.before if query.soonest else _age(ticket) < query.before


def _end(ticket: model.Ticket) -> tuple[datetime, str]:
    return ticket.expires_at, ticket.id


def _age(ticket: model.Ticket) -> tuple[datetime, str]:
    return ticket.created_at, ticket.id
