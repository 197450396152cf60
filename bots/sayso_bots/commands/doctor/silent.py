"""Policies whose requests can expire before anybody hears of them: their quiet hours are longer than they wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sayso
from sayso import attention, model
from sayso.machine import schedule
from sayso_bots.commands.doctor.finding import Finding

# Weeks repeat; a holiday beside a weekend is within this.
_LOOK_AHEAD = timedelta(days=60)


def look(setup: sayso.Setup, now: datetime) -> Iterator[Finding]:
    """One finding for each such policy, with a moment at which it happens."""
    for name, policy in setup.policies.items():
        if policy.quiet is not None and (found := _first(policy, policy.quiet, now)):
            asked, expires, heard = (f"{one:%a %Y-%m-%d %H:%M} UTC" for one in found)
            said = f"what is asked at {asked} expires at {expires}; nobody is mentioned before {heard}"
            hint = "a longer expires_in, a clock, shorter quiet hours, or an urgent priority for what cannot wait"
            yield Finding(f"policies.{name}.quiet", True, said, hint, warn=True)


def _first(policy: model.Policy, quiet: attention.Quiet, now: datetime) -> tuple[datetime, datetime, datetime] | None:
    """When something is asked as quiet hours begin, when it expires, and when they end: the first time."""
    at = now
    while at < now + _LOOK_AHEAD:
        begins = quiet.calendar.next(at, is_open=quiet.inside)
        ends = begins and quiet.ends(begins)
        if begins is None or ends is None:
            return None
        expires = schedule.after(policy, begins, schedule.lives(policy))
        if expires is not None and expires <= ends:
            return begins, expires, ends
        at = ends
    return None
