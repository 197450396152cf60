"""`sayso stats`: how long people took, what they decided, and who decides by habit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from sayso import stats
from sayso_bots.settings import durations, environment
from sayso_bots.terminal import access, output

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Hours that are named.
_BUSY = 3
_DAY = 86_400
_HEADS = ("requests", "half decided within", "19 of 20 within", "outcomes")


@click.command("stats", epilog="\b\nExample:\n  sayso stats --since 7d")
@click.option("--since", default="30d", show_default=True, help="How far back, as 12h or 7d; at most 366d.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(since: str, as_json: bool) -> None:
    """Numbers of the last days, of the requests that are decided."""
    found = asyncio.run(_read(durations.period(since, "--since") / _DAY))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    for line in _summary(found):
        output.say(line)
    for title, named in (
        ("tool", found.tools),
        ("agent", found.agents),
        ("rule", found.rules),
        ("policy", found.policies),
        ("place", found.places),
    ):
        if named:
            rows = [(one.name, str(one.requests), *_times(one.to_decision), _counts(one.outcomes)) for one in named]
            output.say("")
            output.print_table((title, *_HEADS), rows)
    if found.reviewers:
        output.say("")
        output.print_table(
            ("person", "answers", "allowed", "within 2 s", "a day", "allows in a row"), _reviewers(found.reviewers)
        )
    if busy := _busiest(found):
        output.say("")
        output.say(busy)
    became = {one.name: _counts(one.outcomes) for one in found.watched}
    for rule, times in found.would_have.items():
        known = f" ({became[rule]})" if became.get(rule) else ""
        output.say(f"a rule that only observes would have counted {times} time{'s' * (times != 1)}{known}: {rule}")


async def _read(days: float) -> stats.Figures:
    async with access.connect(environment.read()) as desk:
        return await desk.stats(days)


def _summary(found: stats.Figures) -> Sequence[str]:
    newest = "" if found.whole else f" (the newest {found.requests:,}; there were more)"
    lines = [
        f"{found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC",
        f"{found.requests:,} requests decided{newest}: {_counts(found.outcomes) or 'none'}",
        f"decided by people: {_within(found.to_decision)}",
        f"first seen: {_within(found.to_view)}",
        f"first answer: {_within(found.to_answer)}",
        f"decided by a rule, without anybody: {found.by_nobody:,}",
        f"answers of one person on one day: {found.prompts_per_day:.1f}",
    ]
    if found.to_decision_open.count:
        lines.append(f"decided by people, in open hours: {_within(found.to_decision_open)}")
    allowed, quick = sum(one.allowed for one in found.reviewers), sum(one.quick for one in found.reviewers)
    if allowed:
        lines.append(f"allowed within 2 s: {quick:,} of {allowed:,} ({quick / allowed:.0%})")
    return lines


def _within(spread: stats.Spread) -> str:
    half, most = _times(spread)
    return f"half within {half}, 19 of 20 within {most}"


def _busiest(found: stats.Figures) -> str:
    """The hours in which most was asked; nothing if nothing was."""
    counted = [(count, day, hour) for day, hours in enumerate(found.hours) for hour, count in enumerate(hours) if count]
    most = sorted(counted, key=lambda one: (-one[0], one[1:]))[:_BUSY]
    told = ", ".join(f"{_DAYS[day]} {hour:02}:00 ({count:,})" for count, day, hour in most)
    return f"busiest hours, in UTC: {told}" if told else ""


def _times(spread: stats.Spread) -> tuple[str, str]:
    return stats.told(spread.p50), stats.told(spread.p95)


def _counts(outcomes: dict[str, int]) -> str:
    most = sorted(outcomes.items(), key=lambda item: -item[1])
    return ", ".join(f"{count:,} {outcome}" for outcome, count in most)


def _reviewers(people: Sequence[stats.Reviewer]) -> Sequence[Sequence[str]]:
    return [
        (
            one.person,
            str(one.answers),
            str(one.allowed),
            f"{one.quick} ({one.quick / one.allowed:.0%})" if one.allowed else "0",
            f"{one.per_day:.1f}",
            str(one.longest_run),
        )
        for one in people
    ]
