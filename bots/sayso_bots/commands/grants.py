"""`sayso grants`: what people allowed for a while, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from sayso.desk.admission import granting
from sayso.rules import written
from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.group("grants", epilog="\b\nExample:\n  sayso grants list")
def command() -> None:
    """What people allowed for a while: the same call again, or a tool of one session."""


@command.command("list", epilog="\b\nExample:\n  sayso grants list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listing(as_json: bool) -> None:
    """The grants that hold, newest first."""
    _print(asyncio.run(_list()), as_json=as_json)


@command.command("end", epilog="\b\nExample:\n  sayso grants end 5f2c9a0b1d3e")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print the grants that are left, as JSON.")
def end(id: str, as_json: bool) -> None:
    """End a grant: what comes after this is asked again."""
    left = asyncio.run(_end(id))
    with output.of(f"the grant {id} has ended"):
        _print(left, as_json=as_json)


async def _list() -> Sequence[granting.Grant]:
    async with access.connect(environment.read()) as desk:
        return await desk.grants()


async def _end(id: str) -> Sequence[granting.Grant]:
    async with access.connect(environment.read()) as desk:
        return await desk.end_grant(id)


def _print(grants: Sequence[granting.Grant], *, as_json: bool) -> None:
    if as_json:
        output.print_json([grant.model_dump(mode="json") for grant in grants])
        return
    rows = [
        (one.id, one.agent, one.tool, _covers(one), one.by, f"{one.until:%Y-%m-%d %H:%M} UTC", one.request)
        for one in grants
    ]
    if rows:
        output.print_table(("id", "agent", "tool", "covers", "by", "until", "request"), rows)
    else:
        output.say("no grants")


def _covers(grant: granting.Grant) -> str:
    if grant.match is not None:
        return f"match = {written.toml(grant.match)}"
    if grant.like is not None:
        return "; ".join(f"{one.name}: {one.words}" for one in grant.like.free)
    return "this call" if grant.standing == "call" else f"session {grant.session}"
