"""`sayso show`: one request, and what became of it."""

from __future__ import annotations

import asyncio
import json

import click

from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.command("show", epilog="\b\nExample:\n  sayso show deploy-42 --log")
@click.argument("id")
@click.option("--log", "with_log", is_flag=True, help="All that happened to it, as well.")
@click.option("--reveal", is_flag=True, help="With its secrets, which is put on record.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(id: str, with_log: bool, reveal: bool, as_json: bool) -> None:
    """One request, whole, with the ways to answer it."""
    asyncio.run(_show(id, with_log, reveal, as_json))


async def _show(id: str, with_log: bool, reveal: bool, as_json: bool) -> None:
    async with access.connect(environment.read(), any_settings=True) as desk:
        ticket = await access.find(desk, id)
        ticket = await desk.reveal(ticket.id) if reveal else ticket
        rows = await desk.log(ticket.id) if with_log else ()
        seen = ticket if reveal else access.shown(desk, ticket)
        told = [row.entry if as_json else access.shown_entry(desk, row.entry) for row in rows]
    entries = [entry.model_dump(mode="json", exclude_none=True) for entry in told]
    if as_json:
        output.print_json(output.document_of(ticket) | ({"log": entries} if with_log else {}))
        return
    output.print_card(seen, access.directory_of(desk))
    for entry in entries:
        what, at = entry.pop("type"), entry.pop("at")
        output.say(f"{at}  {what}  {json.dumps(entry) if entry else ''}".rstrip())
