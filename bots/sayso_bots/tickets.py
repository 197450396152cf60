"""`sayso list`, `show` and `cancel`: what was asked, and what became of it."""

from __future__ import annotations

import asyncio
import json
from typing import get_args

import click

from sayso import model
from sayso_bots import door, environment, output


@click.command("list", epilog="\b\nExample:\n  sayso list --state pending --json")
@click.option("--state", type=click.Choice(get_args(model.State)), help="Only these.")
@click.option("--session", help="Only of this agent session.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(state: model.State | None, session: str | None, limit: int, as_json: bool) -> None:
    """Requests, newest first."""
    asyncio.run(_list(state, session, limit, as_json))


@click.command("show", epilog="\b\nExample:\n  sayso show deploy-42 --log")
@click.argument("id")
@click.option("--log", "with_log", is_flag=True, help="All that happened to it, as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_(id: str, with_log: bool, as_json: bool) -> None:
    """One request, whole, with the ways to answer it."""
    asyncio.run(_show(id, with_log, as_json))


@click.command("cancel", epilog='\b\nExample:\n  sayso cancel deploy-42 --reason "the build failed"')
@click.argument("id")
@click.option("--reason", help="Why; people and the agent read it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cancel_(id: str, reason: str | None, as_json: bool) -> None:
    """Withdraw a request; one that is decided stays as it is."""
    asyncio.run(_cancel(id, reason, as_json))


async def _list(state: model.State | None, session: str | None, limit: int, as_json: bool) -> None:
    async with door.opened(environment.read()) as desk:
        found = await desk.list(state=state, session=session, limit=limit)
    if as_json:
        output.as_json([output.ticket_json(ticket) for ticket in found])
        return
    rows = [
        (one.id, one.request.kind, one.request.tool or one.request.title or "", output.state_of(one)) for one in found
    ]
    output.table(("id", "kind", "about", "state"), rows, foreign=2)


async def _show(id: str, with_log: bool, as_json: bool) -> None:
    async with door.opened(environment.read()) as desk:
        ticket = await door.find(desk, id)
        rows = await desk.log(ticket.id) if with_log else ()
    entries = [row.entry.model_dump(mode="json", exclude_none=True) for row in rows]
    if as_json:
        output.as_json(output.ticket_json(ticket) | ({"log": entries} if with_log else {}))
        return
    output.card(ticket)
    for entry in entries:
        what, at = entry.pop("type"), entry.pop("at")
        output.say(f"{at}  {what}  {json.dumps(entry) if entry else ''}".rstrip())


async def _cancel(id: str, reason: str | None, as_json: bool) -> None:
    async with door.opened(environment.read()) as desk:
        ticket = await desk.cancel((await door.find(desk, id)).id, reason=reason)
    output.as_json(output.ticket_json(ticket)) if as_json else output.say(f"{ticket.id}: {output.state_of(ticket)}")
