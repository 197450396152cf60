"""Checks all that must be set up at Discord, and says what to click if something is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sayso import clock, errors, model
from sayso.chat import finding, unsigned
from sayso.chat.finding import Finding
from sayso.chat.received import Json
from sayso.machine import people
from sayso.stores import Store
from sayso_discord import manifest, roster, sharing, ways
from sayso_discord.api import MESSAGE_CONTENT, Api, api_of
from sayso_discord.places import Places
from sayso_discord.settings import Settings

# Text and announcement channels; forums and voice take no cards.
_KINDS = (0, 5)
_ADMINISTRATOR = 1 << 3


async def check(
    settings: Settings,
    directory: people.Directory | None = None,
    store: Store | None = None,
    at: datetime | None = None,
    rooms: Mapping[model.Place, str] | None = None,
) -> list[Finding]:
    """The findings, in the order in which to repair them; *store* has what a running service noticed.

    *rooms* are looked at as the channel of the settings is; each has the keys that name it.

    Never raises for anything at Discord.
    """
    found: list[Finding] = []
    try:
        async with api_of(settings) as api:
            async for one in _look_at_all(api, settings, directory or people.Directory()):
                found.append(one)
            for place, key in (rooms or {}).items():
                found += await _check_room(api, settings, place, key)
    except errors.SaysoError as error:
        hint = error.hint or _reach(error)
        found.append(Finding(error.field or "connection", False, error.message, hint))
    if store is not None:
        found += [one async for one in _look_at_records(store, at or datetime.now(UTC))]
    return found


async def _look_at_records(store: Store, at: datetime) -> AsyncIterator[Finding]:
    if said := await sharing.find_notice(store, at):
        yield Finding("sharing", False, said, sharing.HINT)
    if told := await unsigned.find_notice("Discord", store, at):
        yield Finding("signatures", False, *told)


async def require_channel(api: Api, settings: Settings, directory: people.Directory) -> None:
    """Raise `InvalidSettings` if the channel of the settings is not there, or is closed to the bot."""
    if settings.channel:
        async for found in _look_at_channel(api, settings, directory):
            if not found.ok:
                said = f"discord.channel: {found.said}"
                raise errors.InvalidSettings(said, field="discord.channel", hint=found.hint)


async def _look_at_all(api: Api, settings: Settings, directory: people.Directory) -> AsyncIterator[Finding]:
    about: Json = await api.get("/oauth2/applications/@me")
    yield Finding("DISCORD_BOT_TOKEN", True, f"application {about.get('id')}")
    if (off := clock.off(await api.time(), datetime.now(UTC))) is not None:
        yield Finding("clock", False, f"{off} Discord's", clock.SET_IT)
    yield _look_at_way_in(about, settings)
    if bool(about.get("flags", 0) & MESSAGE_CONTENT):
        said = "message content is on: any message of an allowed person in a thread is an answer"
    else:
        said = "message content is off: answers come by buttons, by replies and by mentions"
    yield Finding("intents", True, said)
    yield await _look_at_commands(api, str(about.get("id")))
    if settings.channel:
        async for one in _look_at_channel(api, settings, directory):
            yield one
    async for one in roster.look(api, await _find_guild(api, settings, directory), directory):
        yield one


async def _look_at_commands(api: Api, application: str) -> Finding:
    """Whether the ways in beside cards are there; without them everything else works."""
    try:
        lacking = ways.missing(await ways.find(api, application))
    except errors.ChannelError as error:
        return Finding("commands", True, f"not found out: {error.message}")
    if not lacking:
        said = "/sayso and Answer this are there; a server that does not show them: open the link of sayso init discord"
        return Finding("commands", True, said)
    return Finding("commands", True, f"not there yet: {', '.join(lacking)}. The next start of sayso serve makes them")


async def _find_guild(api: Api, settings: Settings, directory: people.Directory) -> str | None:
    """The server of the channel of the settings, if it has one that the bot can see."""
    places = Places(api, lambda: directory, settings.channel, threads=False)
    try:
        return await places.find_guild(places.default) if places.default else None
    except errors.ChannelError:
        return None


def _look_at_way_in(about: Json, settings: Settings) -> Finding:
    """How clicks come in; Discord sends them one way only."""
    by_http = bool(about.get("interactions_endpoint_url"))
    page = "Developer Portal > your application > General Information"
    if by_http and not settings.public_key:
        hint = f"{page}: empty Interactions Endpoint URL, or set DISCORD_PUBLIC_KEY"
        return Finding("interactions", False, "clicks are posted to an address, and none arrive here", hint)
    if settings.public_key and not by_http:
        hint = f"{page} > Interactions Endpoint URL: https://…/discord/interactions; or unset DISCORD_PUBLIC_KEY"
        return Finding("interactions", False, "DISCORD_PUBLIC_KEY is set, and Discord posts clicks nowhere", hint)
    if settings.public_key and settings.public_key.lower() != str(about.get("verify_key")).lower():
        hint = f"{page} > Public Key: copy it again"
        return Finding("interactions", False, "DISCORD_PUBLIC_KEY belongs to another application", hint)
    return Finding("interactions", True, "clicks come by HTTP" if by_http else "clicks come over the gateway")


async def _check_room(api: Api, settings: Settings, place: model.Place, key: str) -> list[Finding]:
    """The same of a place that *key* names."""
    try:
        told = [one async for one in _look_at_channel(api, settings, people.NOBODY_KNOWN, place)]
    except errors.ChannelError as error:
        told = [finding.of_error(place, error)]
    return [replace(one, name=key, said=f"{place}: {one.said}") for one in told]


async def _look_at_channel(
    api: Api, settings: Settings, directory: people.Directory, place: model.Place = "discord"
) -> AsyncIterator[Finding]:
    try:
        places = Places(api, lambda: directory, settings.channel, threads=False)
        conversation, _ = await places.find(place)
        channel: Json = await api.get("/channels/{channel_id}", channel_id=conversation)
    except errors.ChannelError as error:
        if not error.final:
            raise
        yield finding.of_error("channel", error)
        return
    guild = channel.get("guild_id")
    if guild is not None and channel.get("type") not in _KINDS:
        hint = "choose a text channel; threads are begun there by the bot"
        yield Finding("channel", False, f"{conversation} is not a text channel", hint)
        return
    yield Finding("channel", True, f"{conversation} is #{channel.get('name')}" if guild else "a direct message")
    if guild is not None:
        yield await _look_at_permissions(api, str(guild), channel)


async def _look_at_permissions(api: Api, guild: str, channel: Json) -> Finding:
    user = str(api.client.user.id) if api.client.user else ""
    try:
        member: Json = await api.get("/guilds/{guild_id}/members/{user}", guild_id=guild, user=user)
        about: Json = await api.get("/guilds/{guild_id}", guild_id=guild)
    except errors.ChannelError as error:
        if not error.final:
            raise
        return finding.of_error("permissions", error)
    roles = {str(role["id"]): int(role["permissions"]) for role in about["roles"]}
    given = _permissions_in(guild, user, [str(role) for role in member["roles"]], roles, channel)
    missing = [f"{name} ({what})" for name, (bit, what) in manifest.PERMISSIONS.items() if not given & bit]
    if missing:
        hint = "channel settings > Permissions > the bot's role, or invite it again: sayso init discord"
        return Finding("permissions", False, f"missing: {'; '.join(missing)}", hint)
    return Finding("permissions", True, f"all {len(manifest.PERMISSIONS)} are there")


def _permissions_in(guild: str, user: str, mine: list[str], roles: Mapping[str, int], channel: Json) -> int:
    """What the bot may do in a channel, computed in the order of Discord's permissions reference."""
    found = 0
    for role in (guild, *mine):
        found |= roles.get(role, 0)
    if found & _ADMINISTRATOR:
        return -1
    listed: list[Json] = channel.get("permission_overwrites") or []
    changes = {str(one["id"]): one for one in listed}
    for targets in ([guild], mine, [user]):
        some = [changes[target] for target in targets if target in changes]
        denied, allowed = 0, 0
        for one in some:
            denied, allowed = denied | int(one["deny"]), allowed | int(one["allow"])
        found = found & ~denied | allowed
    return found


def _reach(error: errors.SaysoError) -> str:
    return finding.reach(error, "Discord", "discordstatus.com")
