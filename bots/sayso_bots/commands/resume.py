"""`sayso resume`: lifts what `sayso stop` stopped."""

from __future__ import annotations

import asyncio

import click

from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.command("resume", epilog="\b\nExample:\n  sayso resume\n  sayso resume --agent release-bot")
@click.option("--agent", metavar="NAME", help="Lift the stop of this agent; without it, the stop of everything.")
@click.option("--json", "as_json", is_flag=True, help="Print the stops that still stand as JSON.")
def command(agent: str | None, as_json: bool) -> None:
    """Lift a stop. What was open goes on, with as much time as it had."""
    asyncio.run(_resume(agent, as_json))


async def _resume(agent: str | None, as_json: bool) -> None:
    async with access.connect(environment.read(), any_settings=True) as desk:
        stops = await desk.resume(agent)
        with output.of(f"the stop of {agent or 'everything'} is lifted"):
            output.print_stops(stops, as_json=as_json)
