"""`sayso reload`: a running service takes up its settings as they are on disk now."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import socket
import sys
from collections.abc import Sequence

import click

from sayso import errors
from sayso.clock import SystemClock
from sayso.desk.upkeep import reloads
from sayso.stores import Store
from sayso_bots.service import database
from sayso_bots.settings import environment
from sayso_bots.terminal import output

# Seconds that a copy may take; it looks once a second.
_WITHIN = 10.0
_EVERY = 0.1


@click.command("reload", epilog="\b\nExample:\n  sayso reload && sayso doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Let the service take up sayso.toml as it is now, without a restart; exits with 2 if it is refused.

    The whole file is checked first: a wrong one changes nothing. Open requests keep their policy. Every copy of the
    service over this database does it, each with its own file. A SIGHUP does the same for one.
    """
    number, found = asyncio.run(_reload(environment.read()))
    said = [output.make_safe(f"{one.copy}: {_said(one, number)}") for one in found]
    with output.of("; ".join(said)):
        output.print_json([_as_json(one, number) for one in found]) if as_json else click.echo("\n".join(said))
    sys.exit(2 if any(one.refused or one.heard < number for one in found) else 0)


async def _reload(given: environment.Environment) -> tuple[int, Sequence[reloads.Stand]]:
    """The number of the change, and how each copy stands to it."""
    if given.url:
        said = "settings are read again on the machine of the service"
        hint = "run it there without SAYSO_URL, or send the service a SIGHUP"
        raise errors.InvalidSettings(said, field="SAYSO_URL", hint=hint)
    async with database.connect(given) as store:
        number = await reloads.ask(store, f"{getpass.getuser()} on {socket.gethostname()}, by sayso reload")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WITHIN):
                while True:
                    if await _have_all_heard(store, number):
                        break
                    await asyncio.sleep(_EVERY)
        found = await reloads.stands(store, SystemClock().now())
    if not found:
        hint = "a service reads its settings at its start; look whether one runs over this database"
        raise errors.InvalidSettings("no service runs here", field="SAYSO_DATABASE_URL", hint=hint)
    return number, found


async def _have_all_heard(store: Store, number: int) -> bool:
    """Whether there is nobody to wait for."""
    return all(one.heard >= number for one in await reloads.stands(store, SystemClock().now()))


def _said(one: reloads.Stand, number: int) -> str:
    if one.heard < number:
        return "has not answered; it may have ended a moment ago"
    if one.refused:
        return one.warning
    taken = f"taken up: {', '.join(one.changed)}" if one.changed else "nothing changed that can be taken up"
    return f"{taken}; {one.warning}" if one.warning else taken


def _as_json(one: reloads.Stand, number: int) -> dict[str, object]:
    return {
        "copy": one.copy,
        "taken_up": one.heard >= number and not one.refused,
        "since": one.since.isoformat(),
        "changed": one.changed,
        "refused": one.refused or None,
        "restart": one.restart,
    }
