"""`sayso init team`: six questions, the files that follow from the answers, and a rehearsal with them."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sayso import errors
from sayso.chat import plugin
from sayso_bots.demo import rehearsal
from sayso_bots.settings import team, toml
from sayso_bots.terminal import output

_NO_CHAT = "none"
_CLAUDE = "claude-code"
_EXAMPLE = """\b
Example:
  sayso init team
  sayso init team --people ann,bob,cid --chat none --agents release-bot --production terraform,deploy --quorum 2 \\
    --hours "Europe/Berlin mon-fri 09:00-18:00"
"""


@click.command("team", epilog=_EXAMPLE)
@click.option("--people", help="Who decides: names, with commas between.")
@click.option("--chat", help="Where they are asked: the name of a chat, or none for the inbox alone.")
@click.option("--channel", help="The channel there.")
@click.option("--account", "accounts", multiple=True, metavar="NAME=ACCOUNT", help="Who somebody is there.")
@click.option("--agents", help=f"Which agents ask: names, with commas between; {_CLAUDE} gets its settings.")
@click.option("--production", help="What touches production: programs and tools, with commas between.")
@click.option("--quorum", type=click.IntRange(1, 100), help="How many must agree about that.")
@click.option("--hours", help='When people are there: "Europe/Berlin mon-fri 09:00-18:00", or always.')
def command(
    people: str | None,
    chat: str | None,
    channel: str | None,
    accounts: tuple[str, ...],
    agents: str | None,
    production: str | None,
    quorum: int | None,
    hours: str | None,
) -> None:
    """Set up a team: asks what is not given, writes the files, and rehearses with them. Nobody is asked anything."""
    named = team.read_names(_ask(people, "1/6  Who decides? Names, with commas between"), "people")
    chosen = _chat(_ask(chat, f"2/6  In which chat? {_chats()}", _NO_CHAT))
    where = _ask(channel, f"     Which channel? {_channel_of(chosen)}") if chosen else ""
    made = team.Team(
        people=_accounts(named, chosen, accounts, asks=people is None),
        chat=chosen.name if chosen else None,
        channel=where,
        agents=team.read_names(_ask(agents, "3/6  Which agents ask? Names", _CLAUDE), "agents"),
        production=team.read_names(
            _ask(production, "4/6  What touches production? Programs and tools", ""), "production"
        ),
        quorum=quorum or click.prompt("5/6  How many must agree about that", type=click.IntRange(1, 100), default=1),
        hours=team.read_hours(_ask(hours, '6/6  Office hours? As "Europe/Berlin mon-fri 09:00-18:00"', "always")),
    )
    team.check(made)
    files = _files(made, chosen)
    setup = toml.setup(toml.parse(tomllib.loads(files["sayso.toml"])))
    _write(files)
    asyncio.run(_rehearse(setup, made))
    _say_what_follows(made, chosen)


def _ask(given: str | None, question: str, default: str | None = None) -> str:
    return given if given is not None else str(click.prompt(question, default=default, show_default=bool(default)))


def _chats() -> str:
    return ", ".join([*(chat.name for chat in plugin.installed()), _NO_CHAT])


def _chat(name: str) -> plugin.Chat[Any] | None:
    if name == _NO_CHAT:
        return None
    found = next((chat for chat in plugin.installed() if chat.name == name), None)
    if found is None:
        raise errors.InvalidSettings(f"chat: {name!r} is not installed", field="chat", hint=f"one of: {_chats()}")
    return found


def _channel_of(chat: plugin.Chat[Any]) -> str:
    """How the example of a chat names a channel."""
    row = next((row for row in chat.example.splitlines() if "channel" in row), "")
    return row.removeprefix("# ").partition("=")[2].partition("#  ")[0].split("  ")[0].strip()


def _accounts(
    names: Sequence[str], chat: plugin.Chat[Any] | None, given: Sequence[str], *, asks: bool
) -> Mapping[str, str]:
    known = {name: account for name, _, account in (one.partition("=") for one in given)}
    for name in known.keys() - set(names):
        hint = "write NAME=ACCOUNT, with a NAME of --people"
        raise errors.InvalidSettings(f"account: {name!r} is none of the people", field="account", hint=hint)
    if chat and asks:
        for name in names:
            question = f"     {name} in {chat.name}: {chat.account.expected}; empty for later"
            known[name] = known.get(name) or str(click.prompt(question, default="", show_default=False))
    return {name: known.get(name, "") for name in names}


def _files(made: team.Team, chat: plugin.Chat[Any] | None) -> dict[str, str]:
    files = {"sayso.toml": team.write(made)}
    if chat and not any(word.required for word in chat.setup.words):
        files[f"{chat.name}-manifest.json"] = (
            chat.setup.write(**{word.name: None for word in chat.setup.words})[0] + "\n"
        )
    if _CLAUDE in made.agents:
        from sayso_claude import settings

        events = settings.complete(["PreToolUse"], "*", None)
        asking = settings.asking(settings.settings("http://127.0.0.1:8700", events=events))
        files["claude-settings.json"] = json.dumps(asking, indent=2) + "\n"
    return files


def _write(files: Mapping[str, str]) -> None:
    """All of the files, or none of them."""
    for name in files:
        if Path(name).exists():
            raise click.ClickException(f"{name} is there already; nothing was changed")
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")
        click.echo(f"{name} written")


async def _rehearse(setup: Any, made: team.Team) -> None:
    zone = made.hours.zone if made.hours else "UTC"
    start = rehearsal.next_monday(datetime.now(UTC), zone)
    click.echo(f"\nRehearsal, {start:%A %Y-%m-%d %H:%M} {zone}. Nobody is asked anything.\n")
    agent = made.agents[0] if made.agents else "agent"
    found = [one async for one in rehearsal.rehearse(setup, agent, made.production, start)]
    calls, acted = found[: rehearsal.CALLS], found[rehearsal.CALLS :]
    output.print_table(("call", "what happens"), [(one.call, one.said) for one in calls])
    for one in acted:
        output.say(f"{one.call}: {one.said}")


def _say_what_follows(made: team.Team, chat: plugin.Chat[Any] | None) -> None:
    steps: list[str] = []
    if chat:
        needed = " ".join(word.name.upper() for word in chat.setup.words if word.required)
        steps.append(f"{' '.join(['sayso init', chat.name, needed]).strip()}   # and its steps")
    later = [name for name, account in made.people.items() if chat and not account]
    if later:
        steps.append(f"in sayso.toml: the accounts of {', '.join(later)}")
    # a key needs the database, which the service makes
    keys = [f"sayso keys add {name} --role agent" for name in made.agents]
    beside = ["and beside it, in this folder:", *keys, "sayso doctor"]
    click.echo("\nNext:\n" + "\n".join(f"  {step}" for step in [*steps, "sayso serve", *beside]))
