"""What a policy says, in short sentences: who, how many, by when, and what else it takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from sayso import model, parts, policies
from sayso.cards import phrases
from sayso.content import wording
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
    open_time = f" in which the calendar {policy.clock.name} is open" if policy.clock else ""
    yield Said("Expires", f"after {_time(schedule.lives(policy))}{open_time}, which is a denial")
    yield from _in_time(policy, directory)
    yield Said("An allow", f"is good for {_time(policy.valid_for)}")
    yield from _wanted(policy)
    if glass := policy.break_glass:
        review = who.in_words(glass.review, directory)
        yield Said("Emergency", f"{who.in_words(glass.who, directory)} may break the glass; reviewed by {review}")
    if policy.grants is not None:
        yield Said("Grants", f"an allow may cover more for {_time(policy.grants)}")
    if policy.reveal:
        yield Said("Secrets", f"are shown to {who.in_words(policy.reveal, directory)}, who ask for it")


def _in_time(policy: model.Policy, directory: people.Directory) -> Iterator[Said]:
    """Who hears of it, and when."""
    if policy.turns is not None:
        order = "in turn" if policy.turns == "round_robin" else "whoever was asked least recently first"
        yield Said("Asked", f"one after the other, {order}, each for {_time(policy.claim_in)}")
    if policy.notify != (parts.APPROVERS,):
        yield Said("Mentions", who.in_words(policy.notify, directory) if policy.notify else "nobody")
    if policy.digest is not None:
        yield Said("Gathers", f"what is of low risk for {_time(policy.digest)}, and shows it together")
    if policy.quiet is not None:
        state = "open" if policy.quiet.inside else "closed"
        said = f"while the calendar {policy.quiet.calendar.name} is {state}: whoever is meant hears of it at the end"
        yield Said("Quiet", said)
    if policy.remind:
        yield Said("Reminds", f"after {', '.join(map(_time, policy.remind))}")
    for step in policy.escalate:
        yield Said("Escalates", _step(step, directory))
    if policy.fallback:
        yield Said("Otherwise", f"shown at {', '.join(policy.fallback)}, if it can be shown nowhere else")


def _needs(needs: tuple[policies.Need, ...], directory: people.Directory) -> str:
    return wording.in_a_row([_need(need, directory) for need in needs])


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
