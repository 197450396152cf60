"""Moments in the time of a policy's clock. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso import model


def after(policy: model.Policy, start: datetime, seconds: float) -> datetime | None:
    """The moment so many seconds after *start*, in the time of the policy's clock; None if it stands still."""
    passed = timedelta(seconds=seconds)
    return start + passed if policy.clock is None else policy.clock.add(start, passed)
