"""Requests of low risk are gathered, and shown together every so often, where their policy says so.

The rule: what may be risky, or is urgent, is shown at once; and whoever answers has half of the time at least.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sayso import aside, attention, machine, model
from sayso.content import requests, risk
from sayso.machine import schedule, silence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def apply(request: model.Request, terms: machine.Terms, at: datetime) -> machine.Terms:
    """The terms with the moment at which it is shown; the same where that is at once."""
    ruled = terms.ruled
    if terms.policy.digest is None or (ruled and (ruled.effect != "ask" or ruled.priority == "urgent")):
        return terms
    marks = await aside.run_large(requests.is_large(request), risk.marks_of, request)
    # nobody knows what stands behind the end of what was read
    unread = any(mark.name == risk.LONG for mark in marks)
    if unread or risk.level_of(request, marks) in ("medium", "high"):
        return terms
    moment = shown_at(request, terms.policy, at)
    reach = terms.reach or attention.Reach()
    return replace(terms, reach=reach.model_copy(update={"shown_at": moment}))


def shown_at(request: model.Request, policy: model.Policy, at: datetime) -> datetime:
    """When a request that is asked now is shown: with all others of its policy, or earlier for its deadline."""
    every = timedelta(seconds=policy.digest or 0)
    gathered = _EPOCH + ((at - _EPOCH) // every + 1) * every
    half = at + (schedule.deadline(request, policy, at) - at) / 2
    return min(silence.after(policy, gathered) or gathered, half)
