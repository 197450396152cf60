"""`sayso policy list`: what each policy and rule says, and how much it decided."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import click

from sayso.desk.answering import overview
from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.command("list", epilog="\b\nExample:\n  sayso policy list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """What each policy and rule says, and how much it decided in the last 30 days."""
    found = asyncio.run(_all())
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    for line in _lines(found):
        output.say(line)


async def _all() -> overview.Policies:
    async with access.connect(environment.read()) as desk:
        return await desk.policies()


def _lines(found: overview.Policies) -> Iterator[str]:
    for one in found.policies:
        yield f"{one.name}{' (where nothing else is said)' if one.name == found.default else ''}{_did(one.decided)}"
        wide = max((len(said.about) for said in one.says), default=0)
        yield from (f"  {said.about:<{wide}}  {said.words}" for said in one.says)
    for rule in found.rules:
        under = f", under {rule.policy}" if rule.policy else ""
        watched = ", only watched" if rule.observed else ""
        said = f": {rule.reason}" if rule.reason else ""
        yield f"rule {rule.id}: {rule.effect}{under}{watched}{_did(rule.decided)}{said}"


def _did(count: int | None) -> str:
    return "" if count is None else f" · {count:,} in {overview.DAYS} days"
