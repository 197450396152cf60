"""`sayso keys`: who may use the service, as agent, approver or operator. A key is shown once and kept as a hash."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import get_args

import click

from sayso import clock, stats
from sayso.chat import plugin
from sayso.content import wording
from sayso.desk import keys, token_secret
from sayso.desk import setup as setups
from sayso_bots.service import database
from sayso_bots.settings import durations, environment, reach, toml
from sayso_bots.terminal import output


@click.group("keys", epilog="\b\nExample:\n  sayso keys add release-bot --role agent")
def command() -> None:
    """Keys to the service, in the database here."""


@command.command(
    epilog="\b\nExample:\n  sayso keys add ann-laptop --role approver --person ann\n"
    "  sayso keys add bot --role agent --policy production --route 'slack:#prod'"
)
@click.argument("name")
@click.option("--role", type=click.Choice(get_args(keys.Role)), required=True)
@click.option("--person", help="Of [people]: an approver key answers as them, an agent key asks on their behalf.")
@click.option("--policy", help="Of [policies]: all that this key asks is asked under it; a request cannot choose.")
@click.option("--route", multiple=True, help="All that this key asks goes there; may be given more than once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(name: str, role: str, person: str | None, policy: str | None, route: tuple[str, ...], as_json: bool) -> None:
    """Make a key and print it, this once."""
    asyncio.run(_add(name, role, person, as_json, policy=policy, route=route))


@command.command("list", epilog="\b\nExample:\n  sayso keys list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listing(as_json: bool) -> None:
    """All keys, without their secrets."""
    asyncio.run(_list(as_json))


@command.command(epilog="\b\nExample:\n  sayso keys revoke release-bot")
@click.argument("name")
def revoke(name: str) -> None:
    """Make a key useless at once, and withdraw what it asked."""
    asyncio.run(_revoke(name))


@command.command(epilog="\b\nExample:\n  sayso keys rotate release-bot --overlap 1d")
@click.argument("name")
@click.option(
    "--overlap", default="1d", show_default=True, help="How long the old one is good as well; 0 ends it at once."
)
def rotate(name: str, overlap: str) -> None:
    """Make another secret for a key and print it, this once; what was asked with the old one stays."""
    asyncio.run(_rotate(name, durations.span(overlap, "--overlap")))


@command.command("secret", epilog="\b\nExample:\n  sayso keys secret --overlap 7d")
@click.option("--overlap", default="7d", show_default=True, help="How long what the old one signed counts as well.")
def secret_of_service(overlap: str) -> None:
    """Change the secret that signs buttons and callbacks, where the database keeps it.

    With SAYSO_SECRET it is the way from the database to the environment: what the one in the database signed goes on
    counting for so long.
    """
    asyncio.run(_change_secret(durations.span(overlap, "--overlap")))


@command.command("callback", epilog="\b\nExample:\n  sayso keys callback")
def callback_key() -> None:
    """Print the secret by which receivers check that a callback comes from this service."""
    asyncio.run(_callback())


@command.command("signing", epilog="\b\nExample:\n  sayso keys signing\n  sayso keys signing --new")
@click.option("--new", is_flag=True, help="Print a new private key, for SAYSO_SIGNING_KEY, and change nothing.")
def signing_keys(new: bool) -> None:
    """Print the public keys by which seals and receipts are checked, as a JSON Web Key Set."""
    if new:
        import sayso_signing

        click.echo(sayso_signing.new_key())
        said = (
            "Shown this once. Put it in front: SAYSO_SIGNING_KEY=new,old; leave out the old one when its time is over."
        )
        click.echo(said, err=True)
    else:
        asyncio.run(_signing())


async def _rotate(name: str, overlap: float) -> None:
    async with database.connect(environment.read()) as store:
        secret = await keys.Keys(store).rotate(name, timedelta(seconds=overlap))
    _print_secret(name, secret)
    said = (
        f"the one of before is good for {stats.told(overlap)} more" if overlap else "the one of before is good no more"
    )
    click.echo(f"Shown this once; {said}.", err=True)


async def _change_secret(overlap: float) -> None:
    async with database.connect(environment.read()) as store:
        await token_secret.rotate(store, timedelta(seconds=overlap), clock.SystemClock().now())
    with output.of("the secret is changed; start every copy of the service anew now, one after the other"):
        click.echo(f"changed; what the one of before signed counts for {stats.told(overlap)} more")
        click.echo("start every copy of the service anew now, one after the other")


async def _signing() -> None:
    from sayso_bots.service import signing

    given = environment.read()
    async with database.connect(given) as store:
        output.print_json(signing.keyring(given, await token_secret.mint(store)).jwks)


async def _callback() -> None:
    # aiohttp comes with it
    from sayso_bots.service import service
    from sayso_http import callback

    async with database.connect(environment.read()) as store:
        click.echo(callback.secret_text(service.derive_callback_secrets(await token_secret.mint(store))[0]))


async def _add(
    name: str, role: str, person: str | None, as_json: bool, *, policy: str | None, route: tuple[str, ...]
) -> None:
    given = environment.read()
    chosen = toml.load(given.config)
    if person is not None and person not in chosen.people:
        raise click.UsageError(f"nobody in sayso.toml is called {person!r}; add [people.{person}]")
    made = toml.setup(chosen, [chat.name for chat in plugin.installed()])
    known = made.policies
    reach.check_chats(route)
    setups.check_route(made, route, policy or made.policy, "--route")
    if policy is not None and policy not in known:
        raise click.UsageError(f"there is no policy {policy!r} in sayso.toml; there are: {', '.join(known)}")
    async with database.connect(given) as store:
        chain, now = keys.Keys(store), clock.SystemClock().now()
        secret = await chain.add(name, role, now, person, policy=policy, route=route)
    if as_json:
        bound = {"policy": policy, "route": list(route)}
        document = {"name": name, "role": role, "person": person, **bound, "key": secret}
        _print_secret(name, json.dumps(document, indent=2))
        return
    _print_secret(name, secret)
    click.echo("Shown this once. Give it as SAYSO_KEY, with SAYSO_URL.", err=True)


def _print_secret(name: str, secret: str) -> None:
    with output.of(
        f"the key {name} has a new secret, which is lost; another one: sayso keys rotate {name} --overlap 0"
    ):
        click.echo(secret)


async def _list(as_json: bool) -> None:
    async with database.connect(environment.read()) as store:
        found = await keys.Keys(store).list()
    heads = ("name", "role", "person", "policy", "route", "created_at", "until")
    rows = [(*_row(key), key.until.isoformat() if key.until else "") for key in found]
    if as_json:
        output.print_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        output.print_table(heads, rows)


def _row(key: keys.Key) -> tuple[str, ...]:
    return key.name, key.role, key.person or "", key.policy or "", " ".join(key.route), key.created_at.isoformat()


async def _revoke(name: str) -> None:
    async with database.connect(environment.read()) as store:
        withdrawn = await keys.Keys(store).revoke(name)
    said = f"{name}: revoked" + (f"; {wording.counted(withdrawn, 'open request')} withdrawn" if withdrawn else "")
    with output.of(said):
        click.echo(said)
