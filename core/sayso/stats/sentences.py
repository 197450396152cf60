"""The numbers of a period in sentences: the same at a terminal and in a chat. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sayso.content import wording
from sayso.stats import figures

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Hours that are named.
_BUSY = 3


def summary(found: figures.Figures) -> Iterator[str]:
    """What the whole period comes to."""
    newest = "" if found.whole else f" (the newest {found.requests:,}; there were more)"
    yield f"{wording.counted(found.requests, 'request')} decided{newest}: {counts(found.outcomes) or 'none'}"
    yield f"decided by people: {within(found.to_decision)}"
    yield f"first seen: {within(found.to_view)}"
    yield f"first answer: {within(found.to_answer)}"
    yield f"decided by a rule, without anybody: {found.by_nobody:,}"
    yield f"answers of one person on one day: {found.prompts_per_day:.1f}"
    if found.to_decision_open.count:
        yield f"decided by people, in open hours: {within(found.to_decision_open)}"
    allowed, quick = sum(one.allowed for one in found.reviewers), sum(one.quick for one in found.reviewers)
    if allowed:
        yield f"allowed within 2 s: {quick:,} of {allowed:,} ({quick / allowed:.0%})"


def tables(found: figures.Figures) -> Iterator[tuple[str, tuple[figures.Named, ...]]]:
    """What was counted by name, each with what it is by; those of which there is nothing are left out."""
    counted = {
        "tool": found.tools,
        "agent": found.agents,
        "rule": found.rules,
        "policy": found.policies,
        "place": found.places,
    }
    return ((by, named) for by, named in counted.items() if named)


def busiest(found: figures.Figures) -> str:
    """The hours in which most was asked; nothing if nothing was."""
    counted = [(count, day, hour) for day, hours in enumerate(found.hours) for hour, count in enumerate(hours) if count]
    most = sorted(counted, key=lambda one: (-one[0], one[1:]))[:_BUSY]
    told = ", ".join(f"{_DAYS[day]} {hour:02}:00 ({count:,})" for count, day, hour in most)
    return f"busiest hours, in UTC: {told}" if told else ""


def within(spread: figures.Spread) -> str:
    """How long it took."""
    return f"half within {figures.told(spread.p50)}, 19 of 20 within {figures.told(spread.p95)}"


def counts(outcomes: Mapping[str, int]) -> str:
    """How often each outcome came, the most frequent first."""
    most = sorted(outcomes.items(), key=lambda item: -item[1])
    return ", ".join(f"{count:,} {outcome}" for outcome, count in most)


def habit(one: figures.Reviewer) -> str:
    """How one person answered."""
    quick = f", {one.quick} within 2 s ({one.quick / one.allowed:.0%})" if one.allowed else ""
    answers = wording.counted(one.answers, "answer")
    return f"{answers}, {one.per_day:.1f} a day, {one.allowed:,} allowed{quick}, {one.longest_run:,} in a row"


def watched(found: figures.Figures) -> Iterator[tuple[str, str]]:
    """Each rule that only observes, with how often it would have counted, and what people decided then."""
    became = {one.name: counts(one.outcomes) for one in found.watched}
    for rule, times in found.would_have.items():
        known = f" ({became[rule]})" if became.get(rule) else ""
        yield rule, f"would have counted {wording.counted(times, 'time')}{known}"
