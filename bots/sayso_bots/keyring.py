"""`sayso keys`: who may use the service, as agent, approver or operator. A key is shown once and kept as a hash."""

from __future__ import annotations

import asyncio
from typing import get_args

import click

from sayso import clock, keys, opening
from sayso_bots import door, environment, output, settings


@click.group("keys", epilog="\b\nExample:\n  sayso keys add release-bot --role agent")
def keys_() -> None:
    """Keys to the service, in the database here."""


@keys_.command(epilog="\b\nExample:\n  sayso keys add ann-laptop --role approver --person ann")
@click.argument("name")
@click.option("--role", type=click.Choice(get_args(keys.Role)), required=True)
@click.option("--person", help="Of [people]: an approver key answers as them, an agent key asks on their behalf.")
@click.option("--json", "as_json", is_flag=True)
def add(name: str, role: str, person: str | None, as_json: bool) -> None:
    """Make a key and print it, this once."""
    asyncio.run(_add(name, role, person, as_json))


@keys_.command("list", epilog="\b\nExample:\n  sayso keys list --json")
@click.option("--json", "as_json", is_flag=True)
def listing(as_json: bool) -> None:
    """All keys, without their secrets."""
    asyncio.run(_list(as_json))


@keys_.command(epilog="\b\nExample:\n  sayso keys revoke release-bot")
@click.argument("name")
def revoke(name: str) -> None:
    """Make a key useless at once."""
    asyncio.run(_revoke(name))


@keys_.command("callback", epilog="\b\nExample:\n  sayso keys callback")
def callback_key() -> None:
    """Print the secret by which receivers check that a callback comes from this service."""
    asyncio.run(_callback())


async def _callback() -> None:
    # aiohttp comes with it
    from sayso_bots import service
    from sayso_http import callback

    async with door.database(environment.read()) as kept:
        click.echo(callback.secret_text(service.callback_secret(await opening.mint(kept))))


async def _add(name: str, role: str, person: str | None, as_json: bool) -> None:
    given = environment.read()
    known = settings.load(given.config).people
    if person is not None and person not in known:
        raise click.UsageError(f"nobody in sayso.toml is called {person!r}; add [people.{person}]")
    async with door.database(given) as kept:
        secret = await keys.Keys(kept).add(name, role, clock.SystemClock().now(), person)
    if as_json:
        output.as_json({"name": name, "role": role, "person": person, "key": secret})
        return
    click.echo(secret)
    click.echo("Shown this once. Give it as SAYSO_KEY, with SAYSO_URL.", err=True)


async def _list(as_json: bool) -> None:
    async with door.database(environment.read()) as kept:
        found = await keys.Keys(kept).list()
    rows = [(key.name, key.role, key.person or "", key.created_at.isoformat()) for key in found]
    heads = ("name", "role", "person", "created_at")
    if as_json:
        output.as_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        output.table(heads, rows)


async def _revoke(name: str) -> None:
    async with door.database(environment.read()) as kept:
        await keys.Keys(kept).revoke(name)
    click.echo(f"{name}: revoked")
