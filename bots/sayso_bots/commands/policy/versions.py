"""`sayso policy versions|show|diff|restore`: settings that were taken up, and rules put back."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from pathlib import Path

import click

from sayso import errors
from sayso.content import wording
from sayso.desk.upkeep import versions
from sayso_bots.commands.policy import history
from sayso_bots.service import database
from sayso_bots.settings import environment, kept
from sayso_bots.terminal import files, output

_SHOWN = 12


@click.command("versions", epilog="\b\nExample:\n  sayso policy versions")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(as_json: bool) -> None:
    """Settings that were taken up, the newest first: when, and by whom."""
    found = asyncio.run(_all())
    if as_json:
        rows = [{"number": one.number, "digest": one.digest, "at": one.at.isoformat(), "by": one.by} for one in found]
        output.print_json(rows)
        return
    shown = [(str(one.number), _short(one), f"{one.at:%Y-%m-%d %H:%M} UTC", one.by) for one in found]
    output.print_table(("number", "digest", "taken up", "by"), shown) if shown else output.say("none so far")


@click.command("show", epilog="\b\nExample:\n  sayso policy show 3f9a2c71b0d4")
@click.argument("digest")
def show_command(digest: str) -> None:
    """What one said of people, policies and rules, as TOML; by its number or its digest. Secrets are masked."""
    (one,) = asyncio.run(_named(digest))
    output.say(_head(one))
    click.echo(output.make_safe(_text(one)), nl=False)


@click.command("diff", epilog="\b\nExample:\n  sayso policy diff 3 4")
@click.argument("older")
@click.argument("newer")
def diff_command(older: str, newer: str) -> None:
    """What changed from one to another."""
    before, after = asyncio.run(_named(older, newer))
    output.say(f"- {_head(before)}")
    output.say(f"+ {_head(after)}")
    changed = versions.difference(before, after)
    output.say(changed or "nothing about people, policies and rules changed")


@click.command("restore", epilog="\b\nExample:\n  sayso policy restore 3f9a2c71b0d4 --in-place && sayso reload")
@click.argument("digest")
@click.option("--in-place", is_flag=True, help="Write them into the settings; the file as it was is kept beside it.")
def restore_command(digest: str, in_place: bool) -> None:
    """Put the rules of one back: into a copy of the settings beside them, or into the settings themselves.

    All else in the file stays. Rules that do not fit the file any more are refused.
    """
    (one,) = asyncio.run(_named(digest))
    if one.said is None:
        hint = "put the file back from your own copy of it"
        raise errors.InvalidSettings("its rules were too much to be kept", field="digest", hint=hint)
    path = environment.read().config or Path("sayso.toml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "name the settings by --config or SAYSO_CONFIG; a file in UTF-8"
        raise errors.InvalidSettings(f"{path} cannot be read", field="SAYSO_CONFIG", hint=hint) from error
    made = kept.with_rules(text, kept.rules_of(one.said))
    rules = wording.counted(len(kept.rules_of(one.said)), "rule")
    if in_place:
        backup = _unused(path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
        files.write(backup, text, like=path, new=True)
        files.write(path, made, like=path, was=text)
        said = f"{path}: {rules} as of {one.at:%Y-%m-%d %H:%M} UTC; as it was: {backup}"
        with output.of(said):
            output.say(f"{said}\na running service takes them up by: sayso reload")
    else:
        copy = path.with_name(f"{path.stem}-{_short(one)}{path.suffix}")
        files.write(copy, made, like=path)
        said = f"{copy}: {path.name} with {rules} as of {one.at:%Y-%m-%d %H:%M} UTC; {path} is as it was"
        with output.of(said):
            output.say(said)


def _unused(path: Path) -> Path:
    """This name, or one with a number if a file of this second has it already."""
    names = (path.with_name(f"{path.name}{f'-{number}' if number else ''}") for number in itertools.count())
    return next(one for one in names if not one.exists())


async def _all() -> list[versions.Version]:
    given = environment.read()
    history.check_here(given)
    async with database.connect(given) as store:
        return [*await versions.listed(store)]


async def _named(*wanted: str) -> list[versions.Version]:
    given = environment.read()
    history.check_here(given)
    async with database.connect(given) as store:
        return [await versions.find(store, one) for one in wanted]


def _short(one: versions.Version) -> str:
    return one.digest.removeprefix("sha256:")[:_SHOWN]


def _head(one: versions.Version) -> str:
    return f"# {one.number} · {_short(one)} · {one.at:%Y-%m-%d %H:%M} UTC · {one.by}"


def _text(one: versions.Version) -> str:
    return one.text if one.said is not None else "# too much to be kept\n"
