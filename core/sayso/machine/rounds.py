"""A request is put to one person first, then to the next, until somebody takes it on; then to everybody. Pure.

The rule: it changes who is mentioned and written to, and never who may answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sayso import attention, model, policies
from sayso.machine import open_time, places, silence


def begun(reach: attention.Reach | None, at: datetime) -> attention.Attending | None:
    """To whom a new request is put; None if to everybody."""
    if reach is None or not reach.turns:
        return None
    return attention.Attending(asked=(attention.Asked(at=at, person=reach.turns[0]),))


def planned(policy: model.Policy, reach: attention.Reach | None, at: datetime) -> Iterator[policies.Planned]:
    """When a request that is put to somebody now is put to the next one."""
    if reach is not None and reach.turns:
        yield from _again(policy, at, 1)


def current(ticket: model.Ticket) -> str | None:
    """Who alone is mentioned now: whoever has taken it on, or to whom it was put last. None is everybody."""
    attending = ticket.attending
    if attending is None:
        return None
    if attending.claim is not None:
        return attending.claim.person
    # whoever an escalation brings in must hear of it
    return attending.asked[-1].person if attending.asked and not ticket.escalated else None


def following(ticket: model.Ticket, at: datetime | None = None) -> str | None:
    """To whom it is put next, of those who may hear of it at this moment; None is everybody."""
    turns = ticket.reach.turns if ticket.reach else ()
    left_out = {one.person for one in places.latest(ticket)} | (silence.silent(ticket, at) if at else set[str]())
    known = ticket.attending.asked if ticket.attending else ()
    done = turns.index(known[-1].person) + 1 if known and known[-1].person in turns else len(turns)
    return next((name for name in turns[done:] if name not in left_out), None)


def is_waiting(ticket: model.Ticket) -> bool:
    """Whether it is put to one person, and others come after them."""
    asked = ticket.attending.asked if ticket.attending else ()
    return bool(asked) and asked[-1].person is not None


def handed_over(ticket: model.Ticket, at: datetime) -> model.Ticket:
    """The ticket once it is put to the next person, or to everybody; `version` and `reminded` stay."""
    attending, person = ticket.attending or attention.Attending(), following(ticket, at)
    asked = (*attending.asked, attention.Asked(at=at, person=person))
    plan = without(ticket.plan)
    if person is not None:
        plan = tuple(sorted((*plan, *_again(ticket.policy, at, len(asked))), key=lambda one: one.at))
    facts = {"attending": attending.model_copy(update={"asked": asked, "claim": None}), "plan": plan}
    changed = ticket.model_copy(update=facts)
    return changed.model_copy(update={"route": (*ticket.route, *written_to(changed, person, at))})


def without(plan: tuple[policies.Planned, ...]) -> tuple[policies.Planned, ...]:
    """What is planned, but for the next turn."""
    return tuple(one for one in plan if one.does != "turn")


def written_to(ticket: model.Ticket, person: str | None, at: datetime) -> Iterator[model.Place]:
    """The direct messages that are not written yet and may be now: to this person, or to everybody."""
    attending, reach = ticket.attending, ticket.reach
    if reach is None or silence.is_quiet(ticket.policy, at):
        return
    alone = silence.silent(ticket, at)
    asked = {one.person for one in attending.asked} if attending else set[str | None]()
    for one in reach.direct:
        in_turn = not reach.turns or None in asked or one.person in asked
        if in_turn and one.person not in alone and person in (None, one.person) and one.place not in ticket.route:
            yield one.place


def _again(policy: model.Policy, at: datetime, number: int) -> Iterator[policies.Planned]:
    start = silence.after(policy, at)
    due = open_time.after(policy, start, policy.claim_in) if start else None
    if due is not None:
        yield policies.Planned(at=due, does="turn", number=number)
