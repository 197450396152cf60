"""A rehearsal as a terminal shows it: what would be asked of whom, and what people of a script come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import click

import sayso
from sayso.content import wording
from sayso.machine import people
from sayso_bots.demo import rehearsal
from sayso_bots.settings import team
from sayso_bots.terminal import output


def _played(setup: sayso.Setup) -> sayso.Setup:
    """Only a chat knows who is in its groups: in a rehearsal that is everybody."""
    known = setup.directory
    groups = {
        name: people.Group(frozenset(known.people)) if group.platform_groups else group
        for name, group in known.groups.items()
    }
    return dataclasses.replace(setup, directory=dataclasses.replace(known, groups=groups))


async def rehearse(setup: sayso.Setup, made: team.Team) -> None:
    """Rehearse with these settings, and print what comes of it."""
    zone = made.hours.zone if made.hours else "UTC"
    start = rehearsal.next_monday(datetime.now(UTC), zone)
    agent = made.agents[0] if made.agents else "agent"
    when = f"{start:%A %Y-%m-%d, %H:%M} in {zone}"
    said = f"Rehearsal: {rehearsal.CALLS} calls of {agent} on {when}. Nobody is asked anything."
    click.echo(f"\n{output.wrapped(said)}\n")
    if outside := [name for name, who in made.groups.items() if isinstance(who, Mapping)]:
        said = f"Who is in {wording.in_a_row(outside)} is known to the chat alone: here everybody is."
        click.echo(f"{output.wrapped(said)}\n")
    found = [one async for one in rehearsal.rehearse(_played(setup), agent, made.production, start)]
    _print_calls([one for one in found if isinstance(one, rehearsal.Call)])
    _print_acts([one for one in found if isinstance(one, rehearsal.Act)])


def _print_calls(calls: Sequence[rehearsal.Call]) -> None:
    """Those that go the same way together, each with the rule that says so."""
    tools, abouts = (max(map(len, column)) for column in zip(*((one.tool, one.about) for one in calls), strict=True))
    for said in dict.fromkeys(one.said for one in calls):
        click.echo(output.wrapped(said))
        for one in (one for one in calls if one.said == said):
            output.say(f"  {one.tool:{tools}}  {one.about:{abouts}}  {one.rule or ''}".rstrip())
        click.echo()


def _print_acts(acts: Sequence[rehearsal.Act]) -> None:
    if acts:
        output.say(f"Then people, about {acts[0].about}")
    for one in acts:
        output.say(f"  {one.did}: {one.came}")
