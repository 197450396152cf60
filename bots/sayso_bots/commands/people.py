"""`sayso people`: who is who over all platforms, in which group now, and who is on call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from sayso.desk.answering import acquaintance, overview
from sayso_bots.settings import environment
from sayso_bots.terminal import access, output


@click.command("people", epilog="\b\nExample:\n  sayso people --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """People and groups of the settings, as they are at this moment.

    Here chats are not asked who is in their groups: with SAYSO_URL the service is, which asks them.
    """
    people, groups = asyncio.run(_all())
    if as_json:
        output.print_json(overview.People(people=tuple(people), groups=tuple(groups)).model_dump(mode="json"))
        return
    rows = [(one.name, ", ".join(one.accounts), ", ".join(one.groups), _more(one)) for one in people]
    if not rows:
        output.say("the settings name nobody")
        return
    output.print_table(("person", "accounts", "in", "also"), rows)
    if groups:
        output.print_table(("group", "members", "and whoever is in", "on call"), [_group(one) for one in groups])


async def _all() -> tuple[Sequence[acquaintance.Person], Sequence[acquaintance.Group]]:
    found, page = list[acquaintance.Person](), 0
    async with access.connect(environment.read()) as desk:
        while True:
            some = await desk.people(page)
            found += some.people
            if some.next is None:
                return found, some.groups
            page = some.next


def _more(one: acquaintance.Person) -> str:
    said = [f"acts for {each.name} until {each.until:%Y-%m-%d %H:%M} UTC" for each in one.acts_for]
    said += [f"could not find out: {', '.join(one.unknown)}"] if one.unknown else []
    return "; ".join(said)


def _group(one: acquaintance.Group) -> tuple[str, str, str, str]:
    on_call = one.unsure or ", ".join(one.on_call or ())
    strangers = f" and {one.strangers} unknown here" if one.strangers else ""
    return one.name, ", ".join(one.members), ", ".join(one.elsewhere), f"{on_call}{strangers}"
