"""Asks every rota of the settings who is on call, as the service would at the next answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from sayso import errors
from sayso.desk.admission import rotas
from sayso.machine import people
from sayso_bots.commands.doctor.finding import Finding
from sayso_bots.settings import environment, on_call, schema, toml

# Seconds for one rota.
_WITHIN = 15.0
_UNLINKED = 'give them an entry: [people.NAME] email = "…", the address in the rota'


async def look(given: environment.Environment, chosen: schema.Settings) -> AsyncGenerator[Finding]:
    """Who is on call for each group now, or why nobody can tell."""
    directory = toml.directory(chosen)
    for name, rota in on_call.open_rotas(given, chosen).items():
        yield await _ask(f"groups.{name}.on_call", rota, directory)


async def _ask(key: str, rota: rotas.Rota, directory: people.Directory) -> Finding:
    try:
        async with asyncio.timeout(_WITHIN):
            shift = await rota.on_call()
    except TimeoutError:
        return Finding(key, False, "could not find out who is on call: no answer in time", "run it again in a minute")
    except ImportError as error:
        return Finding(key, False, f"a package is missing: {error}", "see docs/settings.md")
    except errors.ChannelError as error:
        return Finding(key, False, f"could not find out who is on call: {error.message}", error.hint)
    known, strangers = shift.of(directory), shift.strangers(directory)
    said = f"on call now: {', '.join(known)}" if known else "nobody whom the settings know is on call now"
    if strangers:
        return Finding(key, True, f"{said}; and {strangers} whom they do not know", _UNLINKED, warn=True)
    return Finding(key, True, said, warn=not known)
