"""A request is put to one person first, then to the next, until somebody takes it on; then to everybody. Pure.

The rule: it changes who is mentioned and written to, and never who may answer. Each kind of place that is free at the
open stage has a round of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sayso import attention, model, policies
from sayso.machine import escalation, open_time, places, silence


def begun(reach: attention.Reach | None, at: datetime) -> attention.Attending | None:
    """To whom a new request is put; None if to everybody."""
    first = [one for one in reach.rounds if one.stage == 0] if reach else []
    asked = tuple(attention.Asked(at=at, person=one.people[0], need=one.need) for one in first)
    return attention.Attending(asked=asked) if asked else None


def planned(policy: model.Policy, reach: attention.Reach | None, at: datetime) -> Iterator[policies.Planned]:
    """When a request that is put to somebody now is put to the next one."""
    for number, one in enumerate((one for one in reach.rounds if one.stage == 0) if reach else (), start=1):
        yield from _again(policy, at, number, (0, one.need))


def turned(ticket: model.Ticket, at: datetime) -> model.Ticket:
    """The ticket whose stage was opened now: put to the first ones of that stage, and nobody looks after it so far."""
    if ticket.attending is not None and ticket.attending.claims:
        free = ticket.attending.model_copy(update={"claim": None, "also": ()})
        ticket = ticket.model_copy(update={"attending": free})
    for one in ticket.reach.rounds if ticket.reach else ():
        if one.stage == ticket.stage:
            ticket = handed_over(ticket, at, one.need)
    return ticket


def current(ticket: model.Ticket) -> tuple[str, ...]:
    """Who alone is mentioned now, by names of the policy: for each place whoever has it, or may have it.

    Nobody means everybody.
    """
    attending = ticket.attending
    if attending is None or not (attending.claims or attending.asked):
        return ()
    needs = _needs(ticket)
    free = [(needs[number], whose(ticket, number)) for number in free_needs(ticket)]
    if all(person is None for _, person in free):
        return ()
    return tuple(dict.fromkeys(name for need, person in free for name in ((person,) if person else need.who)))


def newest(ticket: model.Ticket) -> tuple[str, ...]:
    """Those to whom it was put last, all at the same moment, for places that are still free; names of the policy."""
    here, needs = _all_asked(ticket), _needs(ticket)
    free = set(free_needs(ticket)) if here else set[int]()
    last = [one for one in here if one.at == here[-1].at and one.need in free]
    return tuple(dict.fromkeys(name for one in last for name in ((one.person,) if one.person else needs[one.need].who)))


def whose(ticket: model.Ticket, need: int) -> str | None:
    """Who looks after a kind of place: whoever has taken it on, or to whom it was put last. None is everybody."""
    attending = ticket.attending or attention.Attending()
    if claim := next((one for one in attending.claims if one.covers(need)), None):
        return claim.person
    asked = _asked(ticket, need)
    # whoever an escalation brings in must hear of it
    brought_in = any(one.stage == ticket.stage for one in ticket.escalated)
    return asked[-1].person if asked and not brought_in else None


def free_needs(ticket: model.Ticket) -> Sequence[int]:
    """The numbers of the kinds of places of the open stage that have a free one."""
    if len(_needs(ticket)) == 1:
        return (0,)
    stages = places.board(ticket).stages
    return [number for number, seats in enumerate(stages[min(ticket.stage, len(stages) - 1)]) if seats.missing]


def following(ticket: model.Ticket, need: int = 0, at: datetime | None = None) -> str | None:
    """To whom it is put next, of those who may hear of it at this moment; None is everybody."""
    known = ticket.attending or attention.Attending()
    left_out = {name for one in places.latest(ticket) for name in (one.person, one.human)}
    left_out |= {one.person for one in known.claims}
    left_out |= {name for other in free_needs(ticket) if other != need and (name := whose(ticket, other))}
    left_out |= silence.silent(ticket, at) if at else set[str]()
    order, asked = _order(ticket, need), _asked(ticket, need)
    done = 0 if not asked else order.index(asked[-1].person) + 1 if asked[-1].person in order else len(order)
    return next((name for name in order[done:] if name not in left_out), None)


def waiting(ticket: model.Ticket) -> Sequence[int]:
    """The kinds of places that are put to one person, with others who come after them."""
    return [need for need, person in put_to(ticket).items() if person is not None]


def put_to(ticket: model.Ticket) -> dict[int, str | None]:
    """To whom each kind of place that is free was put last; None is everybody."""
    asked = {one.need: one.person for one in _all_asked(ticket)}
    return {need: asked[need] for need in free_needs(ticket) if need in asked} if asked else {}


def handed_over(ticket: model.Ticket, at: datetime, need: int) -> model.Ticket:
    """The ticket once a place is put to the next person, or to everybody; `version` and `reminded` stay."""
    person = following(ticket, need, at)
    attending = without_claim(ticket.attending or attention.Attending(), need)
    asked = (*attending.asked, attention.Asked(at=at, person=person, stage=ticket.stage, need=need))
    plan = without(ticket.plan, (need,))
    if person is not None:
        again = _again(ticket.policy, at, len(asked), (ticket.stage, need))
        plan = tuple(sorted((*plan, *again), key=lambda one: one.at))
    facts = {"attending": attending.model_copy(update={"asked": asked}), "plan": plan}
    changed = ticket.model_copy(update=facts)
    return changed.model_copy(update={"route": (*ticket.route, *written_to(changed, person, at))})


def without(plan: tuple[policies.Planned, ...], needs: Sequence[int]) -> tuple[policies.Planned, ...]:
    """What is planned, but for the next turn of these kinds of places."""
    return tuple(one for one in plan if one.does != "turn" or one.need not in needs)


def without_claim(attending: attention.Attending, need: int) -> attention.Attending:
    """Who looks after it, once nobody has taken this kind of place on."""
    kept = [one for one in attending.claims if not one.covers(need)]
    return attending.model_copy(update={"claim": kept[-1] if kept else None, "also": tuple(kept[:-1])})


def written_to(ticket: model.Ticket, person: str | None, at: datetime) -> Iterator[model.Place]:
    """The direct messages that are not written yet and may be now: to this person, or to everybody."""
    if ticket.reach is None or silence.is_quiet(ticket.policy, at):
        return
    alone = silence.silent(ticket, at)
    for one in ticket.reach.direct:
        here = one.stage == ticket.stage and person in (None, one.person) and _is_asked(ticket, one.person)
        if here and one.person not in alone and one.place not in ticket.route:
            yield one.place


def _is_asked(ticket: model.Ticket, person: str) -> bool:
    """Whether it was put to this person by now, or to everybody of a kind of place that they may fill."""
    rounds = [one for one in ticket.reach.rounds if one.stage == ticket.stage] if ticket.reach else []
    theirs = [one for one in rounds if person in one.people] or rounds
    asked = [one for some in theirs for one in _asked(ticket, some.need)]
    return not rounds or any(one.person in (None, person) for one in asked)


def _needs(ticket: model.Ticket) -> Sequence[model.Need]:
    stages = escalation.needs(ticket)
    return stages[min(ticket.stage, len(stages) - 1)]


def _order(ticket: model.Ticket, need: int) -> tuple[str, ...]:
    rounds = ticket.reach.rounds if ticket.reach else ()
    return next((one.people for one in rounds if (one.stage, one.need) == (ticket.stage, need)), ())


def _all_asked(ticket: model.Ticket) -> Sequence[attention.Asked]:
    return [one for one in ticket.attending.asked if one.stage == ticket.stage] if ticket.attending else []


def _asked(ticket: model.Ticket, need: int) -> Sequence[attention.Asked]:
    return [one for one in _all_asked(ticket) if one.need == need]


def _again(policy: model.Policy, at: datetime, number: int, where: tuple[int, int]) -> Iterator[policies.Planned]:
    start, (stage, need) = silence.after(policy, at), where
    due = open_time.after(policy, start, policy.claim_in) if start else None
    if due is not None:
        # what a stage plans goes with it
        yield policies.Planned(at=due, does="turn", number=number, need=need, stage=stage if policy.stages else None)
