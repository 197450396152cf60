"""Judges how a history ended: what agents and people were told must follow from what is stored, and from nothing else.

The rule: it only compares. What should have happened is what the pure machine makes of the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sayso import errors, machine, model
from sayso.machine import events, outcomes, rounds, schedule
from sayso.stores import Query, Row, Store, whole_log

# Entries that no change of a ticket goes with.
_NOTES = (
    events.AnswerRefused,
    events.UseRefused,
    events.Delivered,
    events.Reminded,
    events.Revoked,
    events.GrantEnded,
    events.Revealed,
)
# What may happen to a decided ticket.
_AFTER = events.Used | events.Redeemed | events.Stopped | events.Resumed | events.Held | events.Erased
_AT_FIRST = {
    "answers": (),
    "taken": None,
    "undelivered": (),
    "delayed": (),
    "fell_back": (),
    "decision": None,
    "used_at": None,
    "viewed_at": None,
    "used_for": None,
    "redeemed_at": None,
    "stopped": None,
    "held": False,
    "minted": 0,
    "bound_until": None,
    "gone": (),
    "review": None,
    "stage": 0,
    "stage_at": None,
}


@dataclass
class Witnessed:
    """What the service said to the outside, before and after every crash."""

    asked: dict[str, str] = field(default_factory=dict[str, str])
    """Requests that were acknowledged to an agent: id and digest."""
    pressed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Presses that were acknowledged to a person: request id and account."""
    decided: dict[str, model.Decision] = field(default_factory=dict[str, model.Decision])
    """Decisions as the agents got them."""


@dataclass(frozen=True)
class Stored:
    """What is in the database at the end."""

    tickets: Mapping[str, model.Ticket]
    rows: Mapping[str, Sequence[Row]]


async def read(store: Store) -> Stored:
    """All of a small store."""
    tickets = {ticket.id: ticket for ticket in await store.list(Query(limit=10_000))}
    return Stored(tickets, {id: [row async for row in whole_log(store, id)] for id in tickets})


def violations(seen: Witnessed, stored: Stored) -> list[str]:
    """Everything that is wrong, in words; empty if all promises were kept."""
    return [*_lost(seen, stored), *(wrong for id in stored.tickets for wrong in _unfounded(id, stored))]


def _lost(seen: Witnessed, stored: Stored) -> Iterator[str]:
    for id, digest in seen.asked.items():
        if id not in stored.tickets or stored.tickets[id].digest != digest:
            yield f"{id}: it was acknowledged, and is not stored as it was asked"
    answers = Counter(_answers(stored))
    for id, account in seen.pressed:
        if not answers[id, account]:
            yield f"{id}: a press of {account} was acknowledged, and neither counted nor refused"
    for id, decision in seen.decided.items():
        if id not in stored.tickets or not _is_told(decision, stored.tickets[id]):
            yield f"{id}: the agent was told {decision.outcome}, and that is not what is stored"


def _planned_at_first(ticket: model.Ticket) -> dict[str, object]:
    added = [*(one.places for one in ticket.escalated), *(one.places for one in ticket.fell_back)]
    direct = ticket.reach.direct if ticket.reach else ()
    new = {place for places in added for place in places} | {one.place for one in direct}
    plan = schedule.plan(ticket.policy, ticket.created_at, ticket.bound_until or ticket.expires_at, ticket.reach)
    route = tuple(place for place in ticket.route if place not in new)
    attending = rounds.begun(ticket.reach, ticket.created_at)
    return {"plan": plan, "attending": attending, "escalated": (), "reminded": 0, "passed": (), "route": route}


def _is_told(decision: model.Decision, ticket: model.Ticket) -> bool:
    kept = ticket.decision
    if ticket.erased_at is None or kept is None:
        return _outcome(kept) == _outcome(decision)
    # what was said is gone, and not who said it
    return (kept.outcome, kept.by, kept.decided_at) == (decision.outcome, decision.by, decision.decided_at)


def _outcome(decision: model.Decision | None) -> model.JsonObject | None:
    """What was decided; whether it is used by now is another fact."""
    return decision.model_dump(exclude={"used_at", "void", "model_text", "receipt"}) if decision else None


def _answers(stored: Stored) -> Iterator[tuple[str, str]]:
    for id, rows in stored.rows.items():
        for row in rows:
            if isinstance(row.entry, events.Answered | events.AnswerRefused):
                yield id, row.entry.by.account


def _unfounded(id: str, stored: Stored) -> Iterator[str]:
    ticket = stored.tickets[id]
    changes = [row for row in stored.rows[id] if not isinstance(row.entry, _NOTES)]
    if [row.version for row in changes] != list(range(1, ticket.version + 1)):
        yield f"{id}: version {ticket.version} follows from rows of versions {[row.version for row in changes]}"
    if ticket.erased_at is not None:
        # what was answered is gone, so that nothing can follow from it
        return
    at_first = {"expires_at": ticket.bound_until or ticket.expires_at, **_AT_FIRST, **_planned_at_first(ticket)}
    replayed = ticket.model_copy(update={"version": 1, **at_first})
    if (ruled := outcomes.ruled(replayed, ticket.created_at)) is not None:
        # a rule of the operator's decides when it is asked, so that nothing is planned
        replayed = _signed(replayed.model_copy(update={"decision": ruled, "plan": ()}), ticket)
    deciding = 0
    for row in changes:
        if isinstance(row.entry, events.Opened):
            continue
        assert not isinstance(row.entry, _NOTES)
        try:
            replayed = _signed(machine.step(replayed, row.entry).ticket, ticket)
        except (errors.Refused, errors.AlreadyUsed, errors.NotUsable) as refused:
            yield f"{id}: the log has an answer that had to be refused: {refused}"
        deciding += replayed.decision is not None and not isinstance(row.entry, _AFTER)
    if deciding > 1:
        yield f"{id}: {deciding} rows of the log decide it"
    if replayed != ticket:
        yield f"{id}: the ticket is not what the rules make of its log: {_differing(replayed, ticket)}"


def _differing(one: model.Ticket, other: model.Ticket) -> str:
    names = sorted(type(one).model_fields)
    return ", ".join(name for name in names if getattr(one, name) != getattr(other, name))


def _signed(replayed: model.Ticket, ticket: model.Ticket) -> model.Ticket:
    """The replayed ticket with the receipt that was stored: the rules sign nothing, and ask whether there is one."""
    decided, stored = replayed.decision, ticket.decision
    if decided is None or stored is None or decided.receipt == stored.receipt or not decided.allowed:
        return replayed
    return replayed.model_copy(update={"decision": decided.model_copy(update={"receipt": stored.receipt})})
