"""`sayso init team`: six questions, the files that follow from the answers, and a rehearsal with them."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from sayso import errors
from sayso.cards import phrases
from sayso.chat import plugin
from sayso_bots.demo import rehearsed
from sayso_bots.settings import mix, team, toml
from sayso_bots.terminal import files, output

_SETTINGS, _AGENTS = "sayso.toml", "claude-settings.json"
_NO_CHAT, _ALWAYS = "none", "always"
_CLAUDE = "claude-code"
T = TypeVar("T")
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
@click.option("--quorum", help='How many must agree about that: 2, or "2 of team, one of security".')
@click.option("--group", "groups", multiple=True, metavar="NAME=WHO", help="Who is in a group that --quorum names.")
@click.option("--application", help="The application there, if the chat wants one.")
@click.option("--hours", help='When people are there: "Europe/Berlin mon-fri 09:00-18:00", or always.')
def command(
    people: str | None,
    chat: str | None,
    channel: str | None,
    accounts: tuple[str, ...],
    agents: str | None,
    production: str | None,
    quorum: str | None,
    groups: tuple[str, ...],
    application: str | None,
    hours: str | None,
) -> None:
    """Set up a team: asks what is not given, writes the files, and rehearses with them. Nobody is asked anything."""
    _refuse_what_is_there({_SETTINGS: ""})
    if None in (people, chat, agents, production, quorum, hours):
        click.echo("Six questions. Enter takes what stands in [brackets].\n")
    named = _ask(people, "1/6  Who decides? Names, with commas between", _names_of_people)
    chosen = _ask(chat, f"2/6  In which chat? {_chats()}", _chat, _NO_CHAT)
    where = _ask_channel(channel, chosen) if chosen else ""
    words = _ask_words(application, chosen, asks=chat is None)
    made = team.Team(
        people=_accounts(named, chosen, accounts, asks=people is None),
        chat=chosen.name if chosen else None,
        channel=where,
        agents=_ask(agents, "3/6  Which agents ask? Names, with commas between", _names_of("agents"), _CLAUDE),
        production=_ask(production, "4/6  What touches production? Programs and tools", _names_of("production"), ""),
        quorum=(shares := _ask_quorum(quorum, len(named))),
        groups=_ask_groups(groups, shares, named, chosen),
        hours=_ask(
            hours, '6/6  When are people there? As "Europe/Berlin mon-fri 09:00-18:00"\n    ', team.read_hours, _ALWAYS
        ),
    )
    new = _files(made, chosen)
    setup = toml.setup(toml.parse(tomllib.loads(new[_SETTINGS])))
    _refuse_what_is_there(new)
    _write(new)
    asyncio.run(rehearsed.rehearse(setup, made))
    _say_what_follows(made, chosen, words)


def _ask(given: str | None, question: str, read: Callable[[str], T], default: str | None = None) -> T:
    """What was given as an option, or an answer at the keyboard; there a wrong one is asked for again."""
    if given is not None:
        return read(given)

    def take(said: str) -> T:
        try:
            return read(said)
        except errors.InvalidSettings as error:
            raise click.UsageError(f"{error.message}; {error.hint}") from error

    found: T = click.prompt(question, default=default, show_default=bool(default), value_proc=take)
    return found


def _ask_channel(given: str | None, chat: plugin.Chat[Any]) -> str:
    read = functools.partial(team.read_channel, table=chat.table)
    return _ask(given, f"     Which channel? As {_channel_of(chat)}", read)


def _ask_words(given: str | None, chat: plugin.Chat[Any] | None, *, asks: bool) -> Mapping[str, str]:
    """What the chat must know before it can say how its app is let in; nothing for later."""
    if chat is None or (given is None and not asks):
        return {}
    needed = [word.name for word in chat.setup.words if word.required]

    def read(said: str) -> str:
        if said:
            chat.setup.write(**dict.fromkeys(needed, said))
        return said

    return {
        name: said for name in needed if (said := _ask(given, f"     Which {name}? Its id; empty for later", read, ""))
    }


def _ask_quorum(given: str | None, people: int) -> tuple[mix.Share, ...]:
    question = f'5/6  How many must agree about that? A number, or "2 of {mix.GROUP}, one of security"\n    '
    return _ask(given, question, functools.partial(mix.read, people=people), "1")


def _ask_groups(
    given: Sequence[str], shares: Sequence[mix.Share], people: Sequence[str], chat: plugin.Chat[Any] | None
) -> Mapping[str, mix.Members]:
    """Who is in each group that must agree, beside the team."""
    told = {name: who for name, _, who in (one.partition("=") for one in given)}
    named = {one.of: one for one in shares if one.of != mix.GROUP}
    for name in told.keys() - named.keys():
        hint = "write NAME=WHO, with a NAME of --quorum"
        raise errors.InvalidSettings(f"group: {name!r} is not asked to agree", field="group", hint=hint)
    role = f", or {chat.name}:ID" if chat and chat.group else ""
    found = dict[str, mix.Members]()
    for name, share in named.items():

        def read(said: str, name: str = name, share: mix.Share = share) -> mix.Members:
            members = mix.read_members(said, share, people, chat)
            mix.check(shares, {**found, name: members}, people)
            return members

        found[name] = _ask(told.get(name), f"     Who is in {name}? Names of people{role}", read)
    return found


def _names_of(what: str) -> Callable[[str], list[str]]:
    return lambda said: team.read_names(said, what)


def _names_of_people(said: str) -> list[str]:
    return team.check_people(team.read_names(said, "people"))


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
        click.echo(
            output.wrapped(
                f"Who are they there? {phrases.sentence(chat.account.expected)} Empty for later.", "     ", "     "
            )
        )
        for name in names:
            taken = {account for other, account in known.items() if other != name}
            read = functools.partial(team.read_account, key=chat.account, taken=taken)
            known[name] = _ask(known.get(name) or None, f"     {name}", read, "")
    return {name: known.get(name, "") for name in names}


def _files(made: team.Team, chat: plugin.Chat[Any] | None) -> dict[str, str]:
    new = {_SETTINGS: team.write(made)}
    if chat and not any(word.required for word in chat.setup.words):
        new[f"{chat.name}-manifest.json"] = chat.setup.write(**{word.name: None for word in chat.setup.words})[0] + "\n"
    if _CLAUDE in made.agents:
        from sayso_claude import settings

        events = settings.complete(["PreToolUse"], "*", None)
        asking = settings.asking(settings.settings("http://127.0.0.1:8700", events=events))
        new[_AGENTS] = json.dumps(asking, indent=2) + "\n"
    return new


def _refuse_what_is_there(new: Mapping[str, str]) -> None:
    for name, text in new.items():
        if os.path.lexists(name) and not _holds(Path(name), text):
            # the settings are written last: no answers go on behind them
            whole = "sayso doctor says what is left to do; to be asked anew, remove it"
            hint = (
                whole if name == _SETTINGS else "give the same answers if one that was cut short left it; or remove it"
            )
            raise errors.InvalidSettings(f"{name} is there already; nothing was changed", hint=hint)


def _holds(path: Path, text: str) -> bool:
    """Whether a file of ours is there: one that was cut short left it, and goes on when it is tried again."""
    try:
        return bool(text) and not path.is_symlink() and path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def _write(made: Mapping[str, str]) -> None:
    # the settings come last, and each file is whole or not there: until then it can be tried again
    left = [name for name, text in made.items() if _holds(Path(name), text)]
    for name in sorted(made.keys() - set(left), key=lambda name: (name == _SETTINGS, name)):
        files.write(Path(name), made[name], new=True)
    if left:
        click.echo(f"\nThere already, as it should be: {', '.join(left)}.", nl=False)
    click.echo(f"\nWritten: {', '.join(name for name in made if name not in left)}.")


def _say_what_follows(made: team.Team, chat: plugin.Chat[Any] | None, words: Mapping[str, str]) -> None:
    click.echo("\nNext:")
    for number, (sentence, *lines) in enumerate(_steps(made, chat, words), 1):
        click.echo(output.wrapped(sentence, f"  {number}. ", "     "))
        click.echo("\n".join(f"       {line}" for line in lines), nl=bool(lines))


def _steps(made: team.Team, chat: plugin.Chat[Any] | None, words: Mapping[str, str]) -> Iterator[Sequence[str]]:
    """What is left to do: a sentence, and the lines to type."""
    if chat:
        needed = " ".join(words.get(word.name, word.name.upper()) for word in chat.setup.words if word.required)
        yield (
            f"Make the app of {chat.name.title()}, and export its tokens. How:",
            f"sayso init {chat.name} {needed}".rstrip(),
        )
        if words:
            yield "Let the app into your server, by this address:", chat.setup.write(**words)[0]
    later = [name for name, account in made.people.items() if chat and not account]
    if later:
        yield (f"Write the accounts of {', '.join(later)} into {_SETTINGS}.",)
    yield "Start the service:", "sayso serve"
    if made.agents:
        # a key needs the database, which the service makes
        keys = (f"(umask 077 && sayso keys add {name} --role agent > {name}.key)" for name in made.agents)
        yield "In a second terminal, in this folder, make a key for each agent:", *keys
    if _CLAUDE in made.agents:
        yield (
            f"Put {_AGENTS} into .claude/settings.json of the project, and there:",
            f"SAYSO_KEY=$(cat {_CLAUDE}.key) claude",
        )
    yield "Look whether all is well:", "sayso doctor"
