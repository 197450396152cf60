"""`sayso purge`: erases what is older than the settings say, and what nobody needs any more."""

from __future__ import annotations

import asyncio
import getpass
from dataclasses import asdict, replace

import click

from sayso import clock, errors
from sayso.content import wording
from sayso.desk.upkeep import purging
from sayso_bots.service import database
from sayso_bots.settings import durations, environment, toml
from sayso_bots.terminal import output


@click.command("purge", epilog="\b\nExample:\n  sayso purge --content 90d\n  sayso purge deploy-42")
@click.argument("ids", nargs=-1, metavar="[ID…]")
@click.option("--content", metavar="TIME", help="Erase content that was decided so long ago, in place of the settings.")
@click.option("--traces", metavar="TIME", help="Forget where cards stand that were decided so long ago, likewise.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(ids: tuple[str, ...], content: str | None, traces: str | None, as_json: bool) -> None:
    """Erase the content of old requests, as `[retention]` says, and remove what is over. A service does so hourly.

    With IDs it erases the content of these requests at once, and nothing else: what was asked or answered by mistake.
    They must be over. What a chat shows of them is deleted there.

    Who asked, who decided what and when stays, and `sayso audit verify` says how much was erased. It works in small
    steps beside a running service, and goes on where it was if it is cut short.
    """
    if ids and (content or traces):
        hint = "name the requests, or say how old they are"
        raise errors.InvalidRequest("--content and --traces are not for requests that are named", field="ID", hint=hint)
    done = asyncio.run(_purge(ids, content, traces))
    did = (done.erased, "request", "erased"), (done.traces, "trace", "forgotten"), (done.records, "record", "removed")
    said = ", ".join(f"{wording.counted(count, of)} {what}" for count, of, what in did)
    with output.of(said):
        output.print_json(asdict(done)) if as_json else click.echo(said)
    if as_json:
        return
    for id in dict.fromkeys(done.unreadable):
        output.say(f"{id} cannot be read, so nothing of it was touched", err=True)
    for id in dict.fromkeys(done.occupied):
        output.say(f"{id} is held by somebody else, so it is left to the next purge", err=True)


async def _purge(ids: tuple[str, ...], content: str | None, traces: str | None) -> purging.Purged:
    given = environment.read()
    if ids:
        async with database.connect(given) as store:
            return await purging.purge_these(store, clock.SystemClock(), ids, getpass.getuser())
    wanted = toml.kept(toml.load(given.config).retention)
    for name, time in (("content", content), ("traces", traces)):
        if time is not None:
            wanted = replace(wanted, **{name: _seconds(name, time)})
    async with database.connect(given) as store:
        return await purging.purge(store, clock.SystemClock(), wanted, getpass.getuser())


def _seconds(name: str, time: str) -> float:
    try:
        return durations.keeping(time)
    except ValueError as error:
        hint = '"90d"; a day to ten years'
        raise errors.InvalidRequest(f"--{name} {time!r} is not a time", field=f"--{name}", hint=hint) from error
