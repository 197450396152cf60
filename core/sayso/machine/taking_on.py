"""Somebody takes a request on, or puts it off for themselves. Pure.

The rule: neither answers anything. Who may answer, how many must, and the deadline stay as they are.
"""

from __future__ import annotations

from datetime import timedelta

from sayso import attention, errors, model, policies
from sayso.machine import approvers, events, holding, outcomes, rounds, schedule

Made = tuple[model.Ticket, tuple[events.Effect, ...]]
# Of a snooze; whoever wants less sets a timer of their own.
_SHORTEST = timedelta(seconds=60)


def claimed(ticket: model.Ticket, event: events.Claimed) -> Made:
    """The ticket once somebody looks after it, also in the place of somebody else. Raises `NotAllowed`."""
    _check(ticket, event.by)
    attending = ticket.attending or attention.Attending()
    if attending.claim and attending.claim.person == event.by.id:
        return ticket, ()
    by = event.by
    claim = attention.Claim(at=event.at, person=by.id, name=by.name, via=by.account)
    return _changed(ticket, attending.model_copy(update={"claim": claim}), rounds.without(ticket.plan))


def snoozed(ticket: model.Ticket, event: events.Snoozed) -> Made:
    """The ticket once somebody has put it off for themselves.

    Raises:
        NotAllowed: they may not answer it.
        Refused: it would be too short, or beyond the deadline.
    """
    _check(ticket, event.by)
    if event.until < event.at + _SHORTEST:
        raise errors.Refused("that is over in less than a minute")
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
    if ticket.attending is None or rounds.current(before) != person:
        return ticket, outcomes.redraws(ticket)
    at = ticket.answers[-1].at
    if not rounds.is_waiting(ticket):
        free = ticket.attending.model_copy(update={"claim": None})
        return (changed := ticket.model_copy(update={"attending": free})), outcomes.redraws(changed)
    handed = rounds.handed_over(ticket, at).model_copy(update={"reminded": ticket.reminded + 1})
    handed = schedule.heard_later(handed, at)
    return handed, tuple(schedule.effects(ticket, handed, "next", at))


def _check(ticket: model.Ticket, by: model.Person) -> None:
    if refused := approvers.refused(ticket, by):
        raise refused
    holding.check(ticket)


def _changed(ticket: model.Ticket, attending: attention.Attending, plan: tuple[policies.Planned, ...]) -> Made:
    facts = {"attending": attending, "plan": plan, "version": ticket.version + 1}
    changed = ticket.model_copy(update=facts)
    return changed, outcomes.redraws(changed)
