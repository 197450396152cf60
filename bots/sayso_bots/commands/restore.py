"""`sayso restore`: a copy of the database put back, and what comes back with it."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from sayso import clock, model
from sayso.content import wording
from sayso.desk.upkeep import restoring
from sayso.machine import events
from sayso_bots.service import database
from sayso_bots.settings import environment
from sayso_bots.terminal import output

_EXAMPLES = (
    "\b\nExample:\n  sayso restore monday.db\n  sayso restore --release deploy-42\n  sayso restore --cancel\n"
    "  sayso restore --hold    (on PostgreSQL, after pg_restore)"
)


@click.command("restore", epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[FILE | ID…]")
@click.option("--release", is_flag=True, help="Let held requests go on: those with these IDs, or all.")
@click.option("--cancel", is_flag=True, help="Withdraw held requests: those with these IDs, or all.")
@click.option("--hold", is_flag=True, help="Hold what is open now: after a copy was put back by other means.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def command(names: tuple[str, ...], release: bool, cancel: bool, hold: bool, as_json: bool) -> None:
    """Put a copy of the database back, with the service stopped; or say what becomes of what is held since.

    Open requests come back held: nobody can answer them until they are released or cancelled. Allows that were not used
    when the copy was made are void. The database of before is kept beside the new one.
    """
    if release + cancel + hold > 1:
        raise click.UsageError("one of --release, --cancel and --hold at a time")
    if release or cancel:
        asyncio.run(_settle(names, release, as_json))
    elif hold:
        asyncio.run(_hold(as_json))
    elif len(names) == 1:
        _restore(Path(names[0]), as_json)
    else:
        raise click.UsageError("name one FILE, or say --release, --cancel or --hold")


def _restore(copy: Path, as_json: bool) -> None:
    target = database.required_file(environment.read(), "pg_restore, and then: sayso restore --hold")
    done = asyncio.run(restoring.restore(copy, target, clock.SystemClock().now()))
    said = f"{target} is what {copy} was" + (f"; the one of before is {done.before}" if done.before else "")
    with output.of(said):
        _print_restored(done, said, as_json)


def _print_restored(done: restoring.Restored, said: str, as_json: bool) -> None:
    if as_json:
        output.print_json({**asdict(done), "before": None if done.before is None else str(done.before)})
        return
    click.echo(said)
    _print_counts(done.held, done.void)
    if done.dropped:
        output.say(f"keys that were revoked since stay so: {', '.join(done.dropped)}")
    if done.revived:
        output.say(f"keys that work again, whether they were revoked or not: {', '.join(done.revived)}")
    click.echo("start the service, then: sayso list; sayso restore --release, or --cancel")


async def _hold(as_json: bool) -> None:
    async with database.connect(environment.read()) as store:
        held, void = await restoring.hold(store, clock.SystemClock().now())
    with output.of("what is open is held"):
        output.print_json({"held": held, "void": void}) if as_json else _print_counts(held, void)


async def _settle(ids: Sequence[str], release: bool, as_json: bool) -> None:
    now, who = clock.SystemClock().now(), getpass.getuser()
    event: events.Event = events.Released(at=now, by=who)
    if not release:
        event = events.Cancelled(at=now, by=who, reason="it was open when an older copy of the database was put back")
    async with database.connect(environment.read()) as store:
        done = await restoring.settle(store, tuple(ids), event)
    with output.of(f"{wording.counted(len(done), 'held request')} {'released' if release else 'cancelled'}"):
        _print_settled(done, as_json)


def _print_settled(done: Sequence[model.Ticket], as_json: bool) -> None:
    if as_json:
        output.print_json([output.document_of(ticket) for ticket in done])
        return
    for ticket in done:
        output.say(f"{ticket.id}: {output.state_of(ticket)}")
    if not done:
        click.echo("nothing is held")


def _print_counts(held: int, void: int) -> None:
    open_ones = wording.counted(held, "open request is", "open requests are")
    unused = wording.counted(void, "allow that was not used is", "allows that were not used are")
    click.echo(f"{open_ones} held; {unused} void")
