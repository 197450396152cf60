"""`sayso stats`: how long people took, what they decided, and who decides by habit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from sayso import stats
from sayso.stats import sentences
from sayso_bots.settings import durations, environment
from sayso_bots.terminal import access, output

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
    output.say(f"{found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC")
    for line in sentences.summary(found):
        output.say(line)
    for title, named in sentences.tables(found):
        rows = [
            (one.name, str(one.requests), *_times(one.to_decision), sentences.counts(one.outcomes)) for one in named
        ]
        output.say("")
        output.print_table((title, *_HEADS), rows)
    if found.reviewers:
        output.say("")
        output.print_table(
            ("person", "answers", "allowed", "within 2 s", "a day", "allows in a row"), _reviewers(found.reviewers)
        )
    if busy := sentences.busiest(found):
        output.say("")
        output.say(busy)
    for rule, said in sentences.watched(found):
        output.say(f"a rule that only observes {said}: {rule}")


async def _read(days: float) -> stats.Figures:
    async with access.connect(environment.read()) as desk:
        return await desk.stats(days)


def _times(spread: stats.Spread) -> tuple[str, str]:
    return stats.told(spread.p50), stats.told(spread.p95)


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
