"""What Slack reports beside presses: words to the app, words that were changed, messages and channels that go. Pure.

The rule: a payload that makes no sense reads as nothing, never as an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sayso.chat.received import get, text
from sayso_slack import parse, spoken


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody changed what they had written; the words are the new ones."""

    said: parse.Reply


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message is gone."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True)
class Room:
    """What became of a channel."""

    channel: str
    became: Literal["archived", "deleted", "left", "renamed"]


Happening = parse.Reply | Changed | Deleted | Room

_ROOMS: Mapping[str, Literal["archived", "deleted", "left", "renamed"]] = {
    "channel_archive": "archived",
    "channel_deleted": "deleted",
    "channel_left": "left",
    "channel_rename": "renamed",
    "channel_id_changed": "renamed",
    "group_archive": "archived",
    "group_deleted": "deleted",
    "group_left": "left",
    "group_rename": "renamed",
}
EVENTS = tuple(_ROOMS)
"""The events that an app must ask for, beside messages."""


def read(payload: Any, app: spoken.App) -> Happening | None:
    """What happened, or None if it is not for us; *app* is the app itself."""
    event = get(payload, "event")
    kind, channel = text(event, "type"), text(event, "channel")
    if kind == "message":
        return _read_message(event, channel, app)
    if kind in _ROOMS:
        # a renamed channel comes as an object
        some_id = channel or text(event, "channel", "id") or text(event, "old_channel_id")
        return Room(some_id, _ROOMS[kind]) if some_id else None
    if kind == "member_left_channel" and text(event, "user") == app.user and channel:
        return Room(channel, "left")
    return None


def _read_message(event: Any, channel: str, app: spoken.App) -> Happening | None:
    match get(event, "subtype"):
        case "message_deleted":
            gone = text(event, "deleted_ts") or text(event, "previous_message", "ts")
            return Deleted(channel, gone) if channel and gone else None
        case "message_changed":
            return _read_change(event, channel)
        case _:
            said = parse.reply(event)
            if said is None or said.spot.message or said.alone:
                return said
            # in a channel somebody speaks to the app only if they name it
            return said if spoken.find_first_named(said.written, app) == "app" else None


def _read_change(event: Any, channel: str) -> Happening | None:
    now, before = get(event, "message"), get(event, "previous_message")
    if text(now, "subtype") == "tombstone":
        # a message with replies leaves this in its place
        return Deleted(channel, text(now, "ts")) if channel and text(now, "ts") else None
    if text(now, "text") == text(before, "text"):
        return None  # Slack unfolded a link
    said = parse.reply(now, channel)
    return None if said is None else Changed(said)
