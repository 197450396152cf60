"""`sayso link`: a new sign-in link to the inbox of a running service, without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click

from sayso import errors
from sayso_bots.service import address, database, listening
from sayso_bots.settings import environment, schema, tables, toml
from sayso_bots.terminal import output


@click.command("link", epilog="\b\nExample:\n  sayso link ann")
@click.argument("person", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print person and link as JSON.")
def command(person: str | None, as_json: bool) -> None:
    """Print a link that signs PERSON in to the inbox; it works once, within 15 minutes.

    PERSON is a name of [people] in sayso.toml; without one it is the owner of the service. Run it in the folder of the
    service, or with its SAYSO_DATABASE_URL: whoever can write its database is trusted with it.
    """
    asyncio.run(_link(person, as_json))


async def _link(person: str | None, as_json: bool) -> None:
    # aiohttp comes with it
    import sayso_web

    given = environment.read()
    chosen = _settings(given, person)
    name = person or chosen.service.owner or "owner"
    async with database.connect(given) as store:
        base = await address.find(store) or listening.names_of(given.host, given.port, chosen.service).url
        link = await sayso_web.Sessions(store).link(name, base)
    output.print_json({"person": name, "link": link}) if as_json else click.echo(link)


def _settings(given: environment.Environment, person: str | None) -> schema.Settings:
    """The settings; where they are refused, those by default for a *person* whom they name all the same.

    Nobody else: whoever is signed in under another name would be one more person.
    """
    try:
        chosen = toml.load(given.config)
    except errors.InvalidSettings as error:
        named = tables.read(given.config).get("people")
        if not isinstance(named, Mapping) or person not in named:
            raise
        output.say_refused(error)
        return schema.Settings()
    if person is not None and person not in chosen.people:
        raise click.UsageError(f"nobody in sayso.toml is called {person!r}; add [people.{person}]")
    return chosen
