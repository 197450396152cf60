"""`sayso cancel`: withdraws a request."""

from __future__ import annotations

import asyncio

import click

from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.command("cancel", epilog='\b\nExample:\n  sayso cancel deploy-42 --reason "the build failed"')
@click.argument("id")
@click.option("--reason", help="Why; people and the agent read it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(id: str, reason: str | None, as_json: bool) -> None:
    """Withdraw a request; one that is decided stays as it is."""
    asyncio.run(_cancel(id, reason, as_json))


async def _cancel(id: str, reason: str | None, as_json: bool) -> None:
    async with access.connect(environment.read(), any_settings=True) as desk:
        ticket = await desk.cancel((await access.find(desk, id)).id, reason=reason)
    output.print_state(ticket, as_json=as_json)
