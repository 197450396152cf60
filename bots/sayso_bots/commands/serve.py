"""`sayso serve`: the service in the foreground, until it is told to stop or cannot go on."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from sayso import errors
from sayso.stores import sqlite_file
from sayso_bots.settings import environment, schema, toml
from sayso_bots.terminal import logs

if TYPE_CHECKING:
    from sayso_bots.service import service

log = logging.getLogger(__name__)


@click.command("serve", epilog="\b\nExample:\n  SAYSO_PORT=9000 sayso serve")
@click.option("--host", help="Where to listen, in place of SAYSO_HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="In place of SAYSO_PORT; 0 takes a free one.")
@click.option("--log-level", type=click.Choice(environment.LOG_LEVELS), help="In place of SAYSO_LOG_LEVEL.")
@click.option("--log-format", type=click.Choice(environment.LOG_FORMATS), help="In place of SAYSO_LOG_FORMAT.")
@click.option("--hitl-port", type=click.IntRange(0, 65535), help="Also take hooks of the dashboard, at this port.")
def command(
    host: str | None, port: int | None, log_level: str | None, log_format: str | None, hitl_port: int | None
) -> None:
    """Run the service: inbox, HTTP API, Claude Code hooks, and the chat that is configured.

    Everything is set by sayso.toml and the environment; `sayso doctor` looks at both.
    """
    said = {"host": host, "port": port, "log_level": log_level, "log_format": log_format}
    changed: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    given = dataclasses.replace(environment.read(), **changed)
    logs.start(given)
    try:
        asyncio.run(_serve(given, toml.load(given.config), hitl_port))
    except errors.SaysoError as error:
        if given.log_format != "json":
            raise
        # whoever collects these lines reads no others
        context = {"error": error.message, "field": error.field, "hint": error.hint}
        log.error("it does not start, or cannot go on", extra=context)
        sys.exit(2)
    except Exception:
        if given.log_format != "json":
            raise
        log.exception("it does not start, or cannot go on")
        sys.exit(2)


async def _serve(given: environment.Environment, chosen: schema.Settings, hitl_port: int | None) -> None:
    # aiohttp and the adapters are slow to import, and no other command needs them
    from sayso_bots.service import checks, dashboard, database, lifetime, listening, service, supervisor

    for name, check in checks.ALL.items():
        found = await check(given, chosen)
        if isinstance(found, checks.Fault):
            log.warning("a check at the start", extra={"check": name, "said": found.said, "hint": found.hint})
    # before it is opened: what SQLite makes beside it is as open as the file itself
    if (path := database.file_of(given.database)) and sqlite_file.close_to_others(path):
        log.warning("the database is its owner's alone from now on", extra={"path": str(path)})
    stopped = lifetime.watch_signals()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening.bind(given.host, given.port))
        hitl = None if hitl_port is None else stack.enter_context(dashboard.bind(hitl_port))
        async with service.run(given, chosen, listener, hitl) as running:
            lifetime.watch_hang_up(stopped, running.reload)
            await _greet(running, given, chosen, f"http://localhost:{hitl.getsockname()[1]}" if hitl else None)
            # what has been made so far stays: no pause to look through it
            gc.freeze()
            supervisor.tell("READY=1")
            beating = asyncio.create_task(supervisor.beat())
            stack.callback(beating.cancel)
            await lifetime.wait_for_stop(stopped, running.failed)
            supervisor.tell("STOPPING=1")
            if given.log_format == "json":
                log.info("stopping")
            else:
                click.echo("sayso stops: no new calls, finishing what is under way", err=True)
            await running.leaving.begin(chosen.service.drain)


async def _greet(
    running: service.Service, given: environment.Environment, chosen: schema.Settings, hooks: str | None
) -> None:
    """Say where it listens, what survives, and how to sign in."""
    from sayso_bots.service import database, service

    kept = service.describe_durability(running.desk.store.durability)
    if given.log_format == "json":
        # collected by whatever runs it, and kept: no place for a link that signs somebody in
        log.info("listening", extra={"url": running.url, "database": kept, "chat": running.chat, "hooks": hooks})
        return
    click.echo(f"sayso listens on {running.url}")
    click.echo(f"  database  {kept}")
    if path := database.file_of(given.database):
        click.echo(f"            in {path}")
    click.echo(f"  chat      {running.chat}")
    if hooks:
        click.echo(f"  hooks     {hooks} for those of the dashboard")
    click.echo(f"  sign in   {await running.link(chosen.service.owner or 'owner')}  (once, within 15 minutes)")
    click.echo("            later with an approver's key: sayso keys add NAME --role approver")
