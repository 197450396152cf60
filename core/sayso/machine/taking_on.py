"""Somebody takes a request on, or puts it off for themselves. Pure.

The rule: neither answers anything. Who may answer, how many must, and the deadline stay as they are. Nor does it end
in silence: what nobody answers in half of the time that was left is put to the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sayso import attention, errors, model, policies
from sayso.machine import approvers, events, holding, outcomes, rounds, schedule, silence

Made = tuple[model.Ticket, tuple[events.Effect, ...]]
# Of a snooze; whoever wants less sets a timer of their own.
_SHORTEST = timedelta(seconds=60)


def claimed(ticket: model.Ticket, event: events.Claimed) -> Made:
    """The ticket once somebody looks after it, also in the place of somebody else.

    Raises:
        NotAllowed: they may not answer it.
        Refused: they have answered it, or it is not their turn.
    """
    _check(ticket, event.by)
    attending, by = ticket.attending or attention.Attending(), event.by
    if not approvers.is_awaited(ticket, by):
        if any(one.person == by.id for one in approvers.latest(ticket)):
            raise errors.Refused("you have answered this already: it waits for others")
        raise errors.Refused("it is not your turn", hint="whoever can allow it now can take it on")
    every, needs = range(len(approvers.open_needs(ticket))), approvers.kinds(ticket, by)
    if any(one.person == by.id for one in attending.claims):
        return ticket, ()
    claim = attention.Claim(
        at=event.at, person=by.id, name=by.name, via=by.account, needs=() if len(needs) == len(every) else needs
    )
    others = tuple(_left(attending.claims, needs, every))
    lapses = _lapses(ticket, event.at, needs)
    plan = tuple(sorted((*rounds.without(ticket.plan, needs), *lapses), key=lambda one: one.at))
    return _changed(ticket, attending.model_copy(update={"claim": claim, "also": others}), plan)


def _left(claims: Sequence[attention.Claim], taken: Sequence[int], every: Sequence[int]) -> Iterator[attention.Claim]:
    """What is left of these claims once somebody else has taken some kinds of places on."""
    for one in claims:
        if left := tuple(need for need in one.needs or every if need not in taken):
            yield one.model_copy(update={"needs": left})


def _lapses(ticket: model.Ticket, at: datetime, needs: Sequence[int]) -> Iterator[policies.Planned]:
    """When a claim of this moment ends, if no answer follows it."""
    due = silence.after(ticket.policy, schedule.half_way(ticket, at))
    stage = ticket.stage if ticket.policy.stages else None
    if due is not None and due < schedule.ends(ticket):
        for need in needs:
            yield policies.Planned(at=due, does="turn", need=need, stage=stage)


def snoozed(ticket: model.Ticket, event: events.Snoozed) -> Made:
    """The ticket once somebody has put it off for themselves.

    Raises:
        NotAllowed: they may not answer it.
        Refused: it would be too short, or beyond the deadline.
    """
    _check(ticket, event.by)
    if event.until < event.at + _SHORTEST:
        raise errors.Refused("that is over in less than a minute", hint="put it off for a minute or longer")
    if event.until >= schedule.ends(ticket):
        raise errors.Refused("it would expire meanwhile", hint="a snooze never moves the deadline: choose less")
    attending, by = ticket.attending or attention.Attending(), event.by
    others = tuple(one for one in attending.snoozed if one.person != by.id)
    one = attention.Snooze(at=event.at, person=by.id, name=by.name, via=by.account, until=event.until)
    # of all that was planned for them alone only this is left
    kept = (old for old in ticket.plan if old.to != by.id)
    reminder = policies.Planned(at=event.until, does="remind", to=by.id)
    plan = tuple(sorted((*kept, reminder), key=lambda one: one.at))
    return _changed(ticket, attending.model_copy(update={"snoozed": (*others, one)}), plan)


def answered(before: model.Ticket, ticket: model.Ticket, person: str) -> Made:
    """The ticket after an answer that decides nothing: whoever was to look after it has done so."""
    if ticket.attending is None:
        return ticket, outcomes.redraws(ticket)
    at, free, were_free = ticket.answers[-1].at, rounds.free_needs(ticket), rounds.free_needs(before)
    every = range(len(approvers.open_needs(ticket)))
    # of these kinds of places whoever was asked has answered, or one that was taken is free again
    over = [need for need in every if rounds.whose(before, need) == person or (need in free and need not in were_free)]
    waiting = [need for need in rounds.waiting(ticket) if need in over]
    ticket = _free(ticket, over, [need for need in every if need not in free])
    if not waiting:
        return ticket, outcomes.redraws(ticket)
    handed = ticket.model_copy(update={"reminded": ticket.reminded + 1})
    for need in waiting:
        handed = rounds.handed_over(handed, at, need)
    handed = schedule.heard_later(handed, at)
    return handed, tuple(schedule.effects(ticket, handed, "next", at))


def _free(ticket: model.Ticket, over: Sequence[int], full: Sequence[int]) -> model.Ticket:
    """The ticket without the claims and turns that are over, and without turns for places that are taken."""
    attending = ticket.attending or attention.Attending()
    for need in over:
        attending = rounds.without_claim(attending, need)
    plan = rounds.without(ticket.plan, (*over, *full))
    return ticket.model_copy(update={"attending": attending, "plan": plan})


def _check(ticket: model.Ticket, by: model.Person) -> None:
    if refused := approvers.refused(ticket, by):
        raise refused
    holding.check(ticket)


def _changed(ticket: model.Ticket, attending: attention.Attending, plan: tuple[policies.Planned, ...]) -> Made:
    facts = {"attending": attending, "plan": plan, "version": ticket.version + 1}
    changed = ticket.model_copy(update=facts)
    return changed, outcomes.redraws(changed)
