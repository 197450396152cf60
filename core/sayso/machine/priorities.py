"""How urgent a request is: as a rule of the operator says, and as its agent says of itself. Pure.

The rule: what an agent says puts its request first in lists and stands on its card as its words; it changes nothing
else. Only a rule makes that people are mentioned, written to or left alone.
"""

from __future__ import annotations

from sayso import model, parts

_RANKS: dict[model.Priority, int] = {"urgent": 0, "normal": 1, "low": 2}
# Reminders of what is urgent come in this part of the time.
_SOONER = 0.5


def ruled(ticket: model.Ticket) -> model.Priority | None:
    """What a rule says; None if none says anything."""
    return ticket.ruled.priority if ticket.ruled else None


def of(ticket: model.Ticket) -> model.Priority:
    """What a rule says, else what the agent says."""
    return ruled(ticket) or ticket.request.priority or "normal"


def rank(ticket: model.Ticket) -> int:
    """Where it stands in a list: what is urgent comes first."""
    return _RANKS[of(ticket)]


def applied(policy: model.Policy, priority: model.Priority | None) -> model.Policy:
    """The policy for a request of this priority: whom it mentions, and when it reminds."""
    if priority == "low":
        return policy.model_copy(update={"notify": ()})
    if priority != "urgent":
        return policy
    stages = tuple(stage.model_copy(update={"remind": _sooner(stage.remind)}) for stage in policy.stages)
    facts = {
        "notify": policy.notify or (parts.APPROVERS,),
        "remind": _sooner(policy.remind),
        "stages": stages,
        "quiet": None,
    }
    return policy.model_copy(update=facts)


def _sooner(times: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(one * _SOONER for one in times)
