"""`sayso review`: all that waits for whoever is at the keyboard, in groups, answered together."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

import click

from sayso import errors, model
from sayso.cards import grid, tokens
from sayso.content import wording
from sayso.desk.posting import batching
from sayso_bots.commands import list as listing
from sayso_bots.settings import environment
from sayso_bots.terminal import access, many, output

# Shown only: no button of these works.
_MAKER = tokens.TokenMaker(b"for showing only", plain=True)


@click.command(
    "review",
    epilog="\b\nExample:\n  sayso review --agent release-bot\n  sayso review --tool Bash --deny-all 'not today'",
)
@listing.filters("agent", "session", "tool", "policy", "rule", "place", "risk", "priority", "search")
@click.option("--limit", type=click.IntRange(1, 200), default=100, show_default=True)
@click.option("--deny-all", metavar="WHY", help="Deny all of these with this reason, and ask nothing.")
def command(limit: int, deny_all: str | None, **asked: str | None) -> None:
    """Answer many requests at once: what waits for you, like ones together, the most risky first.

    Each is shown whole before it may be allowed. Exits with 3 if something still waits at the end.
    """
    wanted = {name: said for name, said in asked.items() if said} | {"state": "pending", "whose": "me"}
    left, more = asyncio.run(_review(wanted, limit, deny_all))
    if left:
        output.say(wording.counted(left, "still waits", "still wait"), err=True)
    if more:
        output.say("there may be more, older ones: run it again, or with a larger --limit", err=True)
    sys.exit(3 if left or more else 0)


async def _review(wanted: Mapping[str, str], limit: int, why: str | None) -> tuple[int, bool]:
    """How many of those that were looked at still wait, and whether there may be others."""
    async with access.connect(environment.read()) as desk:
        found, behind = await listing.find(desk, wanted, limit)
        more = behind is not None
        rows = [one for one in found if batching.may_stand(one)]
        if why is not None:
            return await _deny(desk, rows, why) + len(found) - len(rows), more
        if rows and not sys.stdin.isatty():
            raise errors.InvalidRequest(
                "many are answered at a keyboard", hint="or deny them: sayso review --deny-all WHY"
            )
        stored = {one.id: one for one in rows}
        shown = [access.shown(desk, one) for one in rows]
        groups = grid.groups(shown, batching.group_of, {*stored}, _MAKER, access.directory_of(desk))
        output.say(_told(len(rows), len(groups)), err=True)
        for group in groups:
            if not await many.answer_group(desk, group, [stored[cell.ticket.id] for cell in group.cells]):
                break
        alone = [one for one in found if one.id not in stored]
        for one in alone:
            output.say(f"answered by itself: sayso answer {one.id}", err=True)
        return sum([(await desk.get(one.id)).decision is None for one in found]), more


async def _deny(desk: access.CommandDesk, rows: Sequence[model.Ticket], why: str) -> int:
    """Deny all of these; how many are still open."""
    left = 0
    for one in rows:
        words, over = await many.answer_one(desk, one, model.Answer(verdict="deny", reason=why), ())
        with output.of(f"{one.id}: {words}"):
            output.say(f"{one.id}: {words}")
        left += not over
    return left


def _told(count: int, groups: int) -> str:
    if not count:
        return "nothing waits for you"
    return f"{wording.counted(count, 'request waits', 'requests wait')} for you, in {wording.counted(groups, 'group')}"
