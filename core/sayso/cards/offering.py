"""When a button is on a card of its kinds. Pure."""

from __future__ import annotations

from collections.abc import Callable

from sayso import model
from sayso.machine import approvers, demands, scopes


def always(ticket: model.Ticket) -> bool:
    """On every card."""
    return True


def grants(grant: model.Grant) -> Callable[[model.Ticket], bool]:
    """If the agent can honour this wider grant."""
    return lambda ticket: grant in ticket.request.grants


def stands(kind: model.Standing) -> Callable[[model.Ticket], bool]:
    """If an allow of the request can cover others for a while."""
    return lambda ticket: scopes.may(ticket, kind)


def takes(verdict: model.FurtherVerdict) -> Callable[[model.Ticket], bool]:
    """If the agent takes this further verdict."""
    return lambda ticket: verdict in ticket.request.verdicts


def at_once(ticket: model.Ticket) -> bool:
    """If one press may allow it."""
    return not ticket.request.confirm


def after_a_look(ticket: model.Ticket) -> bool:
    """If it must be looked at as a whole first."""
    return ticket.request.confirm


def can_be_edited(ticket: model.Ticket) -> bool:
    """If another input may run in its place."""
    return bool(ticket.request.input) and ticket.request.editable and ticket.policy.most_needed == 1


def may_be_silent(ticket: model.Ticket) -> bool:
    """If a denial may be given without a reason."""
    # where a denial needs a reason, the plain button asks for it
    return not demands.wants_reason(ticket, "deny")


def takes_words(ticket: model.Ticket) -> bool:
    """If an answer beside the options counts."""
    return ticket.request.other


def names_more(ticket: model.Ticket) -> bool:
    """If its policy names more than one person at this stage, as far as can be told without knowing its groups."""
    found = approvers.named(ticket)
    return len(found) > 1 or any(name.startswith("group:") for name in found)


def takes_turns(ticket: model.Ticket) -> bool:
    """If it is put to one person after the other."""
    return ticket.reach is not None and bool(ticket.reach.turns)


def reminds(ticket: model.Ticket) -> bool:
    """If people are reminded, so that somebody may want to put it off."""
    return bool(ticket.policy.remind) or any(stage.remind for stage in ticket.policy.stages) or takes_turns(ticket)
