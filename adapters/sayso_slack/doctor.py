"""Checks all that must be set up at Slack, and says what to click if something is missing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sayso import clock, errors, model
from sayso.chat import finding, unsigned
from sayso.chat.finding import Finding
from sayso.chat.received import Json
from sayso.machine import people
from sayso.stores import Store
from sayso_slack import members, roster, sockets
from sayso_slack.api import Api, api_of
from sayso_slack.manifest import IMAGES, SCOPES, WAYS
from sayso_slack.places import Places
from sayso_slack.settings import NAME, Settings

log = logging.getLogger(__name__)

_WRITE_THE_ID = "write the id C… of the channel instead of its name: channel details > About > Channel ID"
_REINSTALL = "add under OAuth & Permissions > Bot Token Scopes, then reinstall the app"

_UPDATE = (
    "They are optional, as is the Home tab: paste the manifest of sayso init slack under App Manifest, and reinstall"
)


async def check(
    settings: Settings,
    directory: people.Directory | None = None,
    store: Store | None = None,
    at: datetime | None = None,
    rooms: Mapping[model.Place, str] | None = None,
) -> list[Finding]:
    """The findings, in the order in which to repair them; *store* has what a running service noticed.

    *rooms* are looked at as the channel of the settings is; each has the keys that name it.

    Never raises for anything at Slack.
    """
    known = directory or people.Directory()
    async with api_of(settings) as api:
        try:
            who, scopes = await api.identify()
        except errors.ChannelError as error:
            name = "SLACK_BOT_TOKEN" if error.final else "connection"
            return [
                Finding(name, False, error.message, error.hint or _reach(error)),
                *await _look_at_signatures(store, at),
            ]
        found = [*_look_at_token(who, scopes, api.said_at), _look_at_images(settings, scopes)]
        found += [one async for one in _look_at_way_in(api, settings)]
        places = Places(api, lambda: known, settings.channel)
        if settings.channel:
            found += await _check_channel(api, places, settings.channel)
        for place, key in (rooms or {}).items():
            found += await _check_room(api, places, place, key)
        home = members.Home(str(who.get("team_id")), who.get("enterprise_id"))
        found += [one async for one in roster.look(api, home, known)]
    return [*found, *await _look_at_signatures(store, at)]


async def _look_at_signatures(store: Store | None, at: datetime | None) -> list[Finding]:
    told = await unsigned.find_notice("Slack", store, at or datetime.now(UTC)) if store is not None else None
    return [Finding("signatures", False, *told)] if told else []


def _look_at_token(who: Json, scopes: Collection[str], said_at: str | None) -> Iterator[Finding]:
    yield Finding("SLACK_BOT_TOKEN", True, f"{who.get('user')} in {who.get('team')} ({who.get('team_id')})")
    if (off := clock.off(said_at, datetime.now(UTC))) is not None:
        yield Finding("clock", False, f"{off} Slack's", clock.SET_IT)
    missing = [scope for scope in SCOPES if scope not in scopes]
    if missing:
        needed = "; ".join(f"{scope} ({SCOPES[scope]})" for scope in missing)
        yield Finding("scopes", False, f"missing: {needed}", _REINSTALL)
    else:
        yield Finding("scopes", True, f"all {len(SCOPES)} are there")
    # an app of an older manifest goes on working without these
    lacking = [f"{scope} ({what})" for scope, what in WAYS.items() if scope not in scopes]
    said = f"not there: {'; '.join(lacking)}. {_UPDATE}" if lacking else "the command and the shortcut are there"
    yield Finding("ways in", True, said)


def _look_at_images(settings: Settings, scopes: Collection[str]) -> Finding:
    """Whether cards show what agents attach."""
    if not settings.images:
        said = "attached images are shown in the inbox only; slack.images = true uploads them for the cards"
        return Finding("images", True, said)
    missing = [f"{scope} ({what})" for scope, what in IMAGES.items() if scope not in scopes]
    if missing:
        return Finding("images", False, f"missing: {'; '.join(missing)}", _REINSTALL)
    return Finding("images", True, "attached PNG, JPEG and GIF are shown on cards")


async def _look_at_way_in(api: Api, settings: Settings) -> AsyncIterator[Finding]:
    """How clicks come in."""
    if not settings.app_token:
        said, hint = "clicks come by HTTP", "set SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN for Socket Mode"
        ok = bool(settings.signing_secret)
        yield Finding("SLACK_SIGNING_SECRET", ok, said if ok else "no way for clicks to come in", None if ok else hint)
        return
    try:
        link = await api.open_link(settings.app_token)
    except errors.ChannelError as error:
        hint = sockets.MAKE_ONE if error.final else _reach(error)
        yield Finding("SLACK_APP_TOKEN", False, error.message, hint)
        return
    yield Finding("SLACK_APP_TOKEN", True, "Socket Mode")
    try:
        others = await sockets.count(link, api.client.proxy)
    except errors.ChannelError as error:
        yield Finding("SLACK_APP_TOKEN connections", False, error.message, _reach(error))
        return
    if others is not None and others > sockets.CONNECTIONS:
        said = f"{others} connections are open, and one service has {sockets.CONNECTIONS}: another program gets clicks"
        yield Finding("SLACK_APP_TOKEN connections", False, said, "make a Slack app of its own for each program")


async def require_channel(api: Api, places: Places, settings: Settings) -> None:
    """Raise `InvalidSettings` if the channel of the settings is not there, is archived, or is without the app."""
    if settings.channel:
        try:
            found = [one async for one in _look_at_channel(api, places, settings.channel)]
        except errors.ChannelError as error:
            # a failure that passes does not stop the start; the cards wait for its end
            log.warning("channel not looked at", extra={"error": error.message, "hint": _WRITE_THE_ID})
            return
        if not found[0].ok and "missing_scope" not in found[0].said:
            said = f"slack.channel: {found[0].said}"
            raise errors.InvalidSettings(said, field="slack.channel", hint=found[0].hint)


async def _check_channel(api: Api, places: Places, channel: str) -> list[Finding]:
    try:
        return [one async for one in _look_at_channel(api, places, channel)]
    except errors.NotYet:
        said = f"{channel} is not found yet: Slack lists so many channels only over several minutes"
        return [Finding("channel", False, said, _WRITE_THE_ID)]
    except errors.ChannelError as error:
        return [finding.of_error("channel", error)]


async def _check_room(api: Api, places: Places, place: model.Place, key: str) -> list[Finding]:
    """The same of a place that *key* names."""
    try:
        told = [one async for one in _look_at_channel(api, places, place.partition(":")[2], place)]
    except errors.NotYet:
        told = [Finding(place, False, "not found yet: Slack lists so many channels only over minutes", _WRITE_THE_ID)]
    except errors.ChannelError as error:
        told = [finding.of_error(place, error)]
    return [replace(one, name=key, said=f"{place}: {one.said}") for one in told]


async def _look_at_channel(api: Api, places: Places, name: str, place: str = NAME) -> AsyncIterator[Finding]:
    """What there is to say about the channel of a place. Raises `ChannelError` if Slack cannot say now."""
    try:
        conversation = await places.find(place)
        if conversation.startswith("D"):
            yield Finding("channel", True, f"{name} is {conversation}")
            return
        answer = await api.get("conversations.info", channel=conversation)
    except errors.ChannelError as error:
        if not error.final:
            raise
        yield finding.of_error("channel", error)
        return
    channel: dict[str, Any] = answer["channel"]
    if channel.get("is_archived"):
        yield Finding("channel", False, f"{name} is archived", "unarchive it, or choose another channel")
    elif not channel.get("is_member"):
        yield Finding("channel", False, f"the app is not in {name}", "type there: /invite @sayso")
    elif conversation in name:
        yield Finding("channel", True, f"{name} is {conversation}")
    else:
        said = f"{name} is {conversation}; write the id {conversation} instead, since a name can move to another one"
        yield Finding("channel", True, said)
    if channel.get("is_ext_shared"):
        said = f"{name} is shared with another organisation, which reads every card"
        yield Finding("channel sharing", False, said, "choose a channel of your own")


def _reach(error: errors.SaysoError) -> str:
    return finding.reach(error, "Slack", "slack-status.com")
