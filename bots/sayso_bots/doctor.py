"""`sayso doctor`: looks at everything that could keep a request from being decided, and says what to do about it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Awaitable, Mapping
from dataclasses import asdict, dataclass

import click

from sayso import errors
from sayso_bots import claude_code, door, environment, output, schema, settings, starting

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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    if given.url:
        yield await _service(given.url, given.key)
    here: Mapping[str, starting.Check] = {} if given.url else {**starting.ALL, **starting.CAREFUL}
    for name, check in here.items():
        yield await _checked(name, check(given, chosen))
    # a chat whose package is missing was told of above
    for chat in (_slack, _discord):
        with contextlib.suppress(ImportError):
            async for finding in chat(given, chosen):
                yield finding
    async for told in claude_code.look():
        yield _told("claude", told)


async def _service(url: str, key: str | None) -> Finding:
    from sayso_http import client

    try:
        async with client.RemoteDesk(url, key, patience=_PATIENCE) as desk:
            await desk.list(limit=1)
    except errors.SaysoError as error:
        return _wrong("service", error)
    return Finding("service", True, f"{url} answers, and knows the key")


async def _checked(name: str, checking: Awaitable[str | starting.Fault]) -> Finding:
    try:
        found = await checking
    except errors.SaysoError as error:
        return _wrong(name, error)
    return _told(name, found)


def _told(name: str, found: str | starting.Fault) -> Finding:
    return Finding(name, True, found) if isinstance(found, str) else Finding(name, False, found.said, found.hint)


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
    async with contextlib.AsyncExitStack() as stack:
        records = None
        # a database that cannot be opened is told of above
        with contextlib.suppress(errors.SaysoError):
            records = None if given.url else await stack.enter_async_context(door.database(given))
        findings = await sayso_discord.check(told, settings.directory(chosen), records)
    for found in findings:
        yield Finding(f"discord {found.name}", found.ok, found.said, found.hint)


def _wrong(name: str, error: errors.SaysoError) -> Finding:
    where = f" ({error.field})" if error.field and error.field not in error.message else ""
    return Finding(name, False, f"{error.message}{where}", error.hint)
