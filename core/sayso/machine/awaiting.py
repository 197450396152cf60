"""What whoever waits for a decision needs of a ticket: a part of it, which is read in a third of the time. Pure."""

from __future__ import annotations

from datetime import datetime

from sayso import attention, model, parts, policies


class Awaited(parts.Frozen):
    """A ticket without what was asked, under which policy, and what people said."""

    version: int
    key: str | None = None
    route: tuple[model.Place, ...]
    created_at: datetime
    expires_at: datetime
    undelivered: tuple[model.Place, ...] = ()
    delayed: tuple[attention.Trouble, ...] = ()
    reach: attention.Reach | None = None
    plan: tuple[policies.Planned, ...] = ()
    taken: model.Taken | None = None
    stopped: model.Standstill | None = None
    decision: model.Decision | None = None


def may_be_void(decision: model.Decision, at: datetime) -> bool:
    """Whether an allow may be void at this moment; of older ones only the whole ticket tells."""
    return decision.allowed and (decision.valid_until is None or at >= decision.valid_until)
