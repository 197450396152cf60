"""`sayso list`: what was asked, newest first; of what waits, what is urgent comes before."""

from __future__ import annotations

import asyncio
from typing import get_args

import click

from sayso import model
from sayso.machine import priorities
from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.command("list", epilog="\b\nExample:\n  sayso list --state pending --json")
@click.option("--state", type=click.Choice(get_args(model.State)), help="Only these.")
@click.option("--session", help="Only of this agent session.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(state: model.State | None, session: str | None, limit: int, as_json: bool) -> None:
    """Requests, newest first; of what waits, what is urgent comes before."""
    asyncio.run(_list(state, session, limit, as_json))


async def _list(state: model.State | None, session: str | None, limit: int, as_json: bool) -> None:
    async with access.connect(environment.read()) as desk:
        found = await desk.list(state=state, session=session, limit=limit)
    found = sorted(found, key=lambda one: priorities.rank(one) if one.decision is None else 3)
    if as_json:
        output.print_json([output.document_of(ticket) for ticket in found])
        return
    rows = [
        (one.id, one.request.kind, one.request.tool or one.request.title or "", output.state_of(one)) for one in found
    ]
    output.print_table(("id", "kind", "about", "state"), rows, foreign=2)
