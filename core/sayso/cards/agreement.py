"""What a policy says, in short sentences: who, how many, by when, and what else it takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from sayso import model, policies
from sayso.cards import phrases
from sayso.machine import people, schedule, who

_VERDICTS = {"allow": "an allow", "deny": "a denial", "both": "every answer"}


class Said(NamedTuple):
    """One thing that it says. Names in it are the operator's, and are shown as text."""

    about: str
    words: str


def lines(policy: model.Policy, directory: people.Directory = people.NOBODY_KNOWN) -> Iterator[Said]:
    """All that it says."""
    stages = policy.needs_by_stage
    for number, needs in enumerate(stages, 1):
        yield Said(f"Stage {number}" if len(stages) > 1 else "Who", _needs(needs, directory))
    if policy.veto > 1:
        yield Said("Denied by", f"{policy.veto} people")
    if policy.self_approval:
        yield Said("Own requests", "whoever it is asked for may allow it, too")
    open_time = " of open time" if policy.clock else ""
    yield Said("Expires", f"after {_time(schedule.lives(policy))}{open_time}, which is a denial")
    if policy.remind:
        yield Said("Reminds", f"after {', '.join(map(_time, policy.remind))}")
    for step in policy.escalate:
        yield Said("Escalates", _step(step, directory))
    yield Said("An allow", f"is good for {_time(policy.valid_for)}")
    yield from _wanted(policy)
    if glass := policy.break_glass:
        review = who.in_words(glass.review, directory)
        yield Said("Emergency", f"{who.in_words(glass.who, directory)} may break the glass; reviewed by {review}")
    if policy.grants is not None:
        yield Said("Grants", f"an allow may cover more for {_time(policy.grants)}")


def _needs(needs: tuple[policies.Need, ...], directory: people.Directory) -> str:
    return " and ".join(_need(need, directory) for need in needs)


def _need(need: policies.Need, directory: people.Directory) -> str:
    whom = who.in_words(need.who, directory)
    return whom if need.count == 1 else f"{need.count} of {whom}"


def _step(step: policies.Escalation, directory: people.Directory) -> str:
    whom = f" to {who.in_words(step.brings_in, directory)}" if step.brings_in else ""
    only = " alone" if step.replace else ""
    shown = f", shown at {', '.join(step.route)}" if step.route else ""
    return f"after {_time(step.after)}{whom}{only}{shown}"


def _wanted(policy: model.Policy) -> Iterator[Said]:
    if policy.reason is not None:
        yield Said("Reason", f"must be given with {_VERDICTS[policy.reason]}")
    if isinstance(policy.confirm, str):
        yield Said("To allow", f"the value of {policy.confirm} is typed")
    elif policy.confirm is not None:
        yield Said("To allow", f"it is read for {_time(policy.confirm)} first")


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else phrases.duration(timedelta(seconds=seconds))
