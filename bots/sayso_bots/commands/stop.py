"""`sayso stop`: stops everything, or one agent, until `sayso resume`."""

from __future__ import annotations

import asyncio

import click

from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.command(
    "stop",
    epilog='\b\nExample:\n  sayso stop --reason "a key leaked"\n  sayso stop --agent release-bot\n  sayso stop --list',
)
@click.option("--agent", metavar="NAME", help="Only the agent with the key of this name.")
@click.option("--reason", help="Why; people read it on every open card.")
@click.option("--list", "only_listed", is_flag=True, help="Stop nothing; print what is stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print all stops as JSON.")
def command(agent: str | None, reason: str | None, only_listed: bool, as_json: bool) -> None:
    """Stop everything: nothing is allowed or used, and no time runs, until `sayso resume`."""
    if only_listed and (agent is not None or reason is not None):
        raise click.UsageError("--list stops nothing: leave --agent and --reason out")
    asyncio.run(_list(as_json) if only_listed else _stop(agent, reason, as_json))


async def _stop(agent: str | None, reason: str | None, as_json: bool) -> None:
    async with access.connect(environment.read(), any_settings=True) as desk:
        stops = await desk.stop(agent, reason)
        with output.of(f"{agent or 'everything'} is stopped"):
            output.print_stops(stops, as_json=as_json)


async def _list(as_json: bool) -> None:
    async with access.connect(environment.read(), any_settings=True) as desk:
        output.print_stops(await desk.stops(), as_json=as_json)
