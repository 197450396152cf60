"""Calls that an agent makes together: which they are, and what becomes of the others if one of a whole cannot run.

The rule: of those of which all are allowed or none, the end of one is the end of all, in the same commit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sayso import machine, model
from sayso.machine import events
from sayso.stores import Commit, Query, Store

# Calls of one turn are asked within this time of each other.
_APART, _PAGE = timedelta(minutes=10), 100


def is_whole(ticket: model.Ticket) -> bool:
    """Whether a request is decided together with others only."""
    return ticket.request.batch is not None and ticket.request.batch.whole


async def said(store: Store, ticket: model.Ticket) -> list[model.Ticket]:
    """All requests of the batch that an agent named, decided or not, in the order in which they were asked."""
    named = ticket.request.batch
    session, owner = ticket.request.source.session, ticket.owner
    found: list[model.Ticket] = []
    before, first = ticket.created_at + _APART, ticket.created_at - _APART
    query = Query(owner=owner, session=session, before=(before, ""), limit=_PAGE)
    while page := await store.list(query):
        found += [one for one in page if named and one.request.batch and one.request.batch.id == named.id]
        if page[-1].created_at < first:
            break
        query = replace(query, before=(page[-1].created_at, page[-1].id))
    # a new key of the same name is another agent
    alike = (one for one in found if (one.owner, one.key, one.request.source.session) == (owner, ticket.key, session))
    return sorted(alike, key=lambda one: (one.created_at, one.id))


async def members(store: Store, ticket: model.Ticket) -> list[model.Ticket]:
    """Those that are decided together: the first ones, as many as their agent announced."""
    found, named = await said(store, ticket), ticket.request.batch
    return found[: named.size] if named else found


async def closing(store: Store, closed: model.Ticket) -> list[Commit]:
    """The end of the others, with one that was closed just now and not allowed; none where each stands alone."""
    decision = closed.decision
    if decision is None or decision.allowed or not is_whole(closed):
        return []
    reason = f"it is decided together with another call, which was {_ENDS.get(decision.outcome, decision.outcome)}"
    ends: list[Commit] = []
    named, there = closed.request.batch, await said(store, closed)
    # one that is denied as it is asked is not there yet
    others = there if any(one.id == closed.id for one in there) else [*there, closed]
    together = others[: named.size] if named else others
    for one in together if any(one.id == closed.id for one in together) else ():
        if one.id != closed.id and one.decision is None:
            event = events.Cancelled(at=decision.decided_at, by=one.owner, reason=reason)
            step = machine.step(one, event)
            ends.append((step, event))
    return ends


_ENDS = {
    "expired": "not answered in time",
    "cancelled": "withdrawn",
    "superseded": "replaced by a newer one",
    "undeliverable": "not shown to anybody",
}
