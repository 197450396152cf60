"""`sayso list`: what was asked, newest first; narrowed by the same words as the inbox, and watched."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence

import click

from sayso import model
from sayso.desk.answering import searching
from sayso_bots.settings import environment
from sayso_bots.terminal import access, output

_SAID: Mapping[str, str] = {
    "state": "Only these.",
    "session": "Only of this agent session.",
    "agent": "Only of the agent with the key of this name.",
    "whose": "me: what you may answer; mine: what was asked on your behalf.",
    "tool": "Only of this tool.",
    "policy": "Only under this policy.",
    "rule": "Only what this rule asked about or decided.",
    "place": "Only what goes to this place, or to this channel.",
    "risk": "Only of this risk.",
    "priority": "Only of this priority.",
    "search": "Only with all of these words.",
}
# Pages of one search: each looks at a thousand requests.
_MOST_PAGES = 10
# Seconds after which a watched list is looked at again, whatever happened: time itself decides some requests.
_LOOK_AGAIN = 30.0


def filters(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option for each of these words by which a list is narrowed."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            choices = searching.CHOICES.get(name)
            kind = click.Choice(choices) if choices else click.STRING
            function = click.option(f"--{name}", type=kind, help=_SAID[name])(function)
        return function

    return add


@click.command(
    "list", epilog="\b\nExample:\n  sayso list --state pending --json\n  sayso list --state pending --whose me --watch"
)
@filters(*searching.NAMES)
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--before", metavar="ID", help="Go on behind this request.")
@click.option("--watch", is_flag=True, help="Stay, and show what changes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(limit: int, before: str | None, watch: bool, as_json: bool, **asked: str | None) -> None:
    """Requests, newest first."""
    wanted = {name: said for name, said in asked.items() if said}
    if not watch:
        asyncio.run(_list(wanted, limit, before, as_json))
        return
    # the way to end it is no failure
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(wanted, limit, as_json))


async def _list(wanted: Mapping[str, str], limit: int, before: str | None, as_json: bool) -> None:
    async with access.connect_to_lists(environment.read(chats=False)) as desk:
        found, following = await find(desk, wanted, limit, before)
        seen = [access.shown(desk, one) for one in found]
    if as_json:
        output.print_json([output.document_of(ticket) for ticket in found])
        return
    _print(seen)
    if following is not None and (before or len(found) < limit):
        output.say(f"more further back: --before {following}", err=True)


async def find(
    desk: access.Lists, wanted: Mapping[str, str], limit: int, before: str | None = None
) -> tuple[Sequence[model.Ticket], str | None]:
    """What fits, as far as so many pages reach, and behind which request it goes on."""
    found = list[model.Ticket]()
    for _ in range(_MOST_PAGES):
        some, before = await desk.search(wanted, limit - len(found), before)
        found += some
        if before is None or len(found) >= limit:
            break
    return found, before


async def _watch(wanted: Mapping[str, str], limit: int, as_json: bool) -> None:
    shown = dict[str, int]()
    async with access.connect_to_lists(environment.read(chats=False)) as desk:
        changes = desk.changes()
        happening = asyncio.ensure_future(anext(changes))
        while True:
            done, _ = await asyncio.wait({happening}, timeout=_LOOK_AGAIN)
            if done:
                happening.result()
                happening = asyncio.ensure_future(anext(changes))
            found, _ = await find(desk, wanted, limit)
            seen = found if as_json else [access.shown(desk, one) for one in found]
            _show_changes(seen, shown, as_json=as_json)


def _show_changes(found: Sequence[model.Ticket], shown: dict[str, int], *, as_json: bool) -> None:
    """The whole list anew on a screen; for a program a line for each request that is new or has changed."""
    new = [ticket for ticket in found if shown.get(ticket.id) != ticket.version]
    gone = shown.keys() - {ticket.id for ticket in found}
    if not new and not gone and shown:
        return
    shown.clear()
    shown.update({ticket.id: ticket.version for ticket in found})
    if as_json:
        for ticket in reversed(new):
            output.print_line(output.document_of(ticket))
    elif sys.stdout.isatty():
        click.clear()
        _print(found)
    else:
        for ticket in reversed(new):
            output.say("  ".join(_row(ticket)))
    sys.stdout.flush()


def _print(found: Sequence[model.Ticket]) -> None:
    output.print_table(("id", "kind", "about", "state"), [_row(one) for one in found], foreign=2)


def _row(one: model.Ticket) -> tuple[str, str, str, str]:
    return one.id, one.request.kind, one.request.tool or one.request.title or "", output.state_of(one)
