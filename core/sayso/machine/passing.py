"""Whoever may answer asks somebody else who may: it is on record, and that person is mentioned. Pure.

The rule: it changes neither who may answer nor how many must. Nobody is asked twice, and nobody who has answered.
"""

from __future__ import annotations

from collections.abc import Iterator

from sayso import errors, model, policies
from sayso.machine import approvers, events, holding, schedule, silence, standstill

# So many people are asked for one request at most: each of them gets a message.
_MOST = 20


def passed(ticket: model.Ticket, event: events.Passed) -> tuple[model.Ticket, tuple[events.Effect, ...]]:
    """The ticket after somebody asked somebody else, and what must be done.

    Raises:
        NotAllowed: whoever asks may not answer it.
        Refused: whom they ask may not answer it, has answered, or was asked before.
    """
    if refused := approvers.refused(ticket, event.by):
        raise refused
    holding.check(ticket)
    standstill.check(ticket, model.Answer())
    if (why := _why_not(ticket, event)) is not None:
        raise errors.Refused(why)
    asked = policies.PassedOn(at=event.at, by=event.by.id, name=event.by.name, via=event.by.account, to=event.to.id)
    route = (*ticket.route, event.place) if event.place and event.place not in ticket.route else ticket.route
    facts = {"passed": (*ticket.passed, asked), "route": route, "reminded": ticket.reminded + 1}
    changed = ticket.model_copy(update={**facts, "version": ticket.version + 1})
    ends = silence.until(changed, asked.to, event.at)
    if ends is not None:
        later = policies.Planned(at=ends, does="open", to=asked.to)
        plan = tuple(sorted((*changed.plan, later), key=lambda one: one.at))
        changed = changed.model_copy(update={"plan": plan})
    return changed, tuple(_effects(ticket, changed, quiet=ends is not None))


def could_answer(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether it would be of use to ask this person: their turn, and nothing said yet."""
    return approvers.is_awaited(ticket, person) and person.id not in {one.to for one in ticket.passed}


def _why_not(ticket: model.Ticket, event: events.Passed) -> str | None:
    if event.to.id == event.by.id:
        return "you cannot ask yourself"
    if not approvers.is_awaited(ticket, event.to):
        return f"{event.to.id} may not answer this, has answered it, or it is not their turn"
    if not could_answer(ticket, event.to):
        return f"{event.to.id} was asked to answer this already"
    return "nobody else is asked for this request any more" if len(ticket.passed) >= _MOST else None


def _effects(before: model.Ticket, after: model.Ticket, *, quiet: bool) -> Iterator[events.Effect]:
    asked = after.passed[-1]
    for effect in schedule.effects(before, after, "asked", asked.at):
        if not isinstance(effect, events.Remind):
            yield effect
        elif not quiet:
            yield effect.model_copy(update={"to": asked.to})
