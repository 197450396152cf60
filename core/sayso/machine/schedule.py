"""When time acts on a request: its deadline, in open time if its policy has a clock. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso import errors, model

# Used where neither the request nor its policy says how long to wait, in seconds.
DEFAULT_EXPIRES_IN = 3600.0


def deadline(request: model.Request, policy: model.Policy, at: datetime) -> datetime:
    """When a request that is asked now expires.

    Raises:
        InvalidRequest: the calendar of its policy is not open for so long any more.
    """
    # what an agent can wait is real time; what people get is open time
    asked = [] if request.expires_in is None else [at + timedelta(seconds=request.expires_in)]
    if asked and policy.expires_in is None:
        return asked[0]
    ends = after(policy, at, policy.expires_in or DEFAULT_EXPIRES_IN)
    if ends is None:
        hint = "its operator gives it open hours, or another clock"
        raise errors.InvalidRequest("nobody is there: the clock of its policy stands still", field="policy", hint=hint)
    return min([*asked, ends])


def after(policy: model.Policy, start: datetime, seconds: float) -> datetime | None:
    """The moment so many seconds after *start*, in the time of the policy's clock; None if it stands still."""
    passed = timedelta(seconds=seconds)
    return start + passed if policy.clock is None else policy.clock.add(start, passed)


def put_off(ticket: model.Ticket, moment: datetime, since: datetime, until: datetime) -> datetime:
    """A moment of the ticket's time, later by as much as its time stood still between *since* and *until*."""
    clock, request = ticket.policy.clock, ticket.request
    bound = ticket.bound_until or ticket.expires_at
    own = request.expires_in is not None and bound == ticket.created_at + timedelta(seconds=request.expires_in)
    # open time stood still only while it would have run; the agent's own limit is real time
    passed = None if clock is None or own else clock.add(moment, clock.between(since, until))
    return moment + (until - since) if passed is None else passed


def check(policy: model.Policy, name: str, at: datetime) -> None:
    """Refuse a policy whose times can never come.

    Raises:
        InvalidSettings: `field` is the key of the policy.
    """
    lives = policy.expires_in or DEFAULT_EXPIRES_IN
    if policy.clock is not None and after(policy, at, lives) is None:
        key = f"policies.{name}.clock"
        message = f"{key}: the calendar {policy.clock.name!r} is not open for the {lives:g} seconds of a request"
        raise errors.InvalidSettings(message, field=key, hint="give it more days, hours or dates")
