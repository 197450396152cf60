"""Whom an escalation brings in, and where: its people fill the places of the stage at which it happened. Pure.

The rule: it changes who may fill a place, and never how many places there are. Whoever sits, stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from sayso import model, policies

Stages = tuple[tuple[model.Need, ...], ...]


def needs(ticket: model.Ticket) -> Stages:
    """What is needed in each stage, with those who may fill its places now."""
    return _with(ticket, keep=False)


def ever(ticket: model.Ticket) -> Stages:
    """The same with all who could fill a place since it was asked: of them are those who sit."""
    return _with(ticket, keep=True)


def happens(ticket: model.Ticket, numbers: Sequence[int], ticked: policies.Escalated) -> model.Ticket:
    """The ticket after these escalations of its policy; *ticked* is what they have in common."""
    done, route = list(ticket.escalated), ticket.route
    for number in numbers:
        wanted = dict.fromkeys(ticket.policy.escalate[number].route)
        new = tuple(place for place in wanted if place not in route)
        done.append(ticked.model_copy(update={"number": number, "places": new}))
        route += new
    return ticket.model_copy(update={"escalated": tuple(done), "route": route})


def last(ticket: model.Ticket) -> model.Escalation | None:
    """The latest step that concerns the stage that is open."""
    here = [one for one in ticket.escalated if one.stage == ticket.stage]
    return ticket.policy.escalate[here[-1].number] if here else None


def _with(ticket: model.Ticket, *, keep: bool) -> Stages:
    stages = ticket.policy.needs_by_stage
    for done in ticket.escalated:
        step = ticket.policy.escalate[done.number]
        if step.brings_in:
            widened = tuple(_widened(need, step, keep=keep) for need in stages[done.stage])
            stages = (*stages[: done.stage], widened, *stages[done.stage + 1 :])
    return stages


def _widened(need: model.Need, step: model.Escalation, *, keep: bool) -> model.Need:
    before = () if step.replace and not keep else need.who
    return need.model_copy(update={"who": tuple(dict.fromkeys([*before, *step.brings_in]))})
