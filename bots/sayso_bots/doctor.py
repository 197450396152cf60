"""`sayso doctor`: looks at everything that could keep a request from being decided, and says what to do about it."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from sayso import errors
from sayso_bots import door, environment, output, schema, settings

# Seconds to try to reach the service: whoever runs this looks on.
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    said: str
    hint: str | None = None


@click.command("doctor", epilog="\b\nExample:\n  sayso doctor --json")
@click.option("--json", "as_json", is_flag=True)
def doctor_(as_json: bool) -> None:
    """Check settings, database, service and chat; exits with 2 where something is wrong."""
    found = asyncio.run(_all())
    if as_json:
        output.as_json([asdict(one) for one in found])
    for one in () if as_json else found:
        hint = f" — {one.hint}" if one.hint else ""
        click.echo(output.safe(f"{'ok  ' if one.ok else 'FAIL'}  {one.name:<10}  {one.said}{hint}"))
    sys.exit(0 if all(one.ok for one in found) else 2)


async def _all() -> list[Finding]:
    return [finding async for finding in _findings()]


async def _findings() -> AsyncGenerator[Finding]:
    try:
        given = environment.read()
        chosen = settings.load(given.config)
    except errors.InvalidSettings as error:
        # nothing that follows could be trusted
        yield _wrong("settings", error)
        return
    policies = ", ".join(chosen.policies) or "default (anyone)"
    yield Finding("settings", True, f"{given.config or 'sayso.toml, where it is there'}; policies: {policies}")
    yield await (_service(given.url, given.key) if given.url else _database(given))
    async for finding in _slack(given, chosen):
        yield finding
    async for finding in _discord(given, chosen):
        yield finding


async def _service(url: str, key: str | None) -> Finding:
    from sayso_http import client

    try:
        async with client.RemoteDesk(url, key, patience=_PATIENCE) as desk:
            await desk.list(limit=1)
    except errors.SaysoError as error:
        return _wrong("service", error)
    return Finding("service", True, f"{url} answers, and knows the key")


async def _database(given: environment.Environment) -> Finding:
    from sayso_bots import service

    try:
        async with door.database(given) as kept:
            found = kept.durability
    except errors.SaysoError as error:
        return _wrong("database", error)
    if path := _open_to_others(given.database):
        return Finding("database", False, f"other users of this machine can reach {path}", f"chmod 600 {path}")
    hint = None if found.safe else "use a database that survives a power cut"
    return Finding("database", found.safe, service.durability(found), hint)


def _open_to_others(database: str) -> Path | None:
    """The file, where more than its owner may read or write it: whoever writes it, decides."""
    path = Path(database.removeprefix("sqlite:///"))
    if not database.startswith("sqlite:///") or not path.exists():
        return None
    return path if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) else None


async def _slack(given: environment.Environment, chosen: schema.Settings) -> AsyncGenerator[Finding]:
    if not given.slack_bot_token and not chosen.slack:
        return
    import sayso_slack
    from sayso_bots import chat

    try:
        told = chat.told(given, chosen)
    except errors.InvalidSettings as error:
        yield _wrong("slack", error)
        return
    for found in await sayso_slack.check(told, settings.directory(chosen)):
        yield Finding(f"slack {found.name}", found.ok, found.said, found.hint)


async def _discord(given: environment.Environment, chosen: schema.Settings) -> AsyncGenerator[Finding]:
    if not given.discord_bot_token and not chosen.discord:
        return
    import sayso_discord
    from sayso_bots import discord_chat

    try:
        told = discord_chat.told(given, chosen)
    except errors.InvalidSettings as error:
        yield _wrong("discord", error)
        return
    for found in await sayso_discord.check(told, settings.directory(chosen)):
        yield Finding(f"discord {found.name}", found.ok, found.said, found.hint)


def _wrong(name: str, error: errors.SaysoError) -> Finding:
    where = f" ({error.field})" if error.field and error.field not in error.message else ""
    return Finding(name, False, f"{error.message}{where}", error.hint)
