"""Reads what somebody did from what Slack sends. Pure; a payload that makes no sense is None, never an error.

The rule: people are known by ids. Names are for showing only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayso.cards import card, dialog
from sayso.chat import admission
from sayso.chat.received import get, items, text
from sayso_slack import actions, inputs, render
from sayso_slack import spoken as words

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")

# the number of a character; the numbers of surrogates are not characters
_POINT = re.compile(r"(?!0*[dD][89a-fA-F]..\Z)[0-9a-fA-F]{2,5}")
_SPOKEN = (None, "thread_broadcast", "file_share")
PRESSES = ("block_actions", "view_submission")
"""What follows from a press on a button, or on the one of a window."""
# What of a press is an object, or left out. Where it is anything else, Bolt fails at it, or reads nothing in it.
_OBJECTS = ("team", "enterprise", "channel")


@dataclass(frozen=True, slots=True)
class Who:
    """The person who acted, as the payload has them."""

    user: str
    team: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """The message that a card is."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed one of our buttons."""

    who: Who
    token: str
    spot: Spot | None = None
    """None if the button stands in a modal."""
    draft: dialog.Draft | None = None
    """What was chosen on the card, if the button sends that."""
    trigger: str = ""
    """Opens one modal, within three seconds."""
    response_url: str = field(default="", repr=False)
    hidden: bool = field(default=False, compare=False)
    """Whether it was pressed on a message that only this person sees."""
    blocks: Sequence[Any] = field(default=(), repr=False, compare=False)
    """What the card showed."""
    view: str = ""
    """The window in which a whole request is shown with its buttons; empty elsewhere."""
    jumps: bool = field(default=False, compare=False)
    """Whether it shows another page in the window in which it was pressed."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Somebody submitted one of our modals."""

    who: Who
    token: str
    spot: Spot | None
    draft: dialog.Draft
    inputs: tuple[str, ...] = ()
    """The block ids that can carry an error."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody wrote something: into a thread, or in words to the app."""

    who: Who
    spot: Spot
    """The message that the thread hangs on; without one it stands in the channel itself."""
    ts: str
    text: str
    """In words, as far as Slack need not be asked for names."""
    written: str = field(default="", compare=False)
    """As Slack writes it."""
    parent: str = field(default="", compare=False)
    """Who began the thread."""
    alone: bool = field(default=False, compare=False)
    """Whether nobody but the app reads it."""
    files: bool = field(default=False, compare=False)
    emoji: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """The signs of the emoji that were typed, by their names."""


def verify(secret: str, timestamp: str | None, signature: str | None, body: bytes, seconds: float) -> bool:
    """Whether Slack signed this body a short while ago; *seconds* since 1970. Anything odd counts as not signed."""
    if not secret or not timestamp or not signature or not is_plausible(timestamp, signature, seconds):
        return False
    signed = hmac.digest(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return hmac.compare_digest(f"v0={signed.hex()}".encode(), signature.encode())


def is_plausible(timestamp: str, signature: str, seconds: float) -> bool:
    """Whether a body with these headers is worth reading."""
    return bool(_SIGNATURE.fullmatch(signature)) and admission.is_recent(timestamp, seconds)


def is_odd(payload: Any) -> bool:
    """Whether it is a press or a submission without what Slack always says of one: who, and on what."""
    kind = text(payload, "type")
    if kind not in PRESSES:
        return False
    if read_who(payload) is None or not all(isinstance(payload.get(part), dict | None) for part in _OBJECTS):
        return True
    if kind == "block_actions":
        action = next(iter(items(payload, "actions")), None)
        return not isinstance(get(action, "action_id"), str)
    view = get(payload, "view")
    named = text(view, "type") and isinstance(get(view, "callback_id"), str)
    listed = isinstance(payload.get("response_urls", []), list)
    return not (named and listed and all(isinstance(one, dict) for one in items(payload, "response_urls")))


def parse(payload: Any) -> Click | Submission | Reply | None:
    """What somebody did, or None if it is not for us."""
    match text(payload, "type"):
        case "block_actions":
            return _read_click(payload)
        case "view_submission":
            return _read_submission(payload)
        case "event_callback":
            return _read_reply(payload)
        case _:
            return None


def spoken(written: str) -> str:
    """What a person typed, from a message's text: entities and Slack's own wrappings undone."""
    return words.plain(written)


def _read_click(payload: Any) -> Click | None:
    who = read_who(payload)
    action = next(iter(items(payload, "actions")), None)
    action_id, token = text(action, "action_id"), text(action, "value")
    # a button of ours without a token is a press that does not count, and whoever pressed is told so
    ours = action_id.startswith(actions.ACTION) and action_id != actions.LINK
    if who is None or text(action, "type") != "button" or not ours:
        return None
    chosen = inputs.draft(get(payload, "state", "values")) if action_id == actions.SUBMIT else None
    container = get(payload, "container")
    channel = text(container, "channel_id") or text(payload, "channel", "id")
    message = text(container, "message_ts") or text(payload, "message", "ts")
    if jumps := action_id.startswith(actions.JUMP):
        channel, message = _read_seat(payload)
    # a message for one person is never a card
    hidden = get(container, "is_ephemeral") is True or action_id == actions.UNDO
    return Click(
        who=who,
        token=token,
        spot=Spot(channel, message) if channel and message and not hidden else None,
        draft=None if chosen is None else {card.PICKED: chosen.get(card.PICKED)},
        trigger=text(payload, "trigger_id"),
        response_url=text(payload, "response_url"),
        hidden=hidden,
        blocks=items(payload, "message", "blocks"),
        view=text(payload, "view", "id"),
        jumps=jumps,
    )


def _read_seat(payload: Any) -> tuple[str, str]:
    """The card over which a window was opened."""
    try:
        kept = json.loads(text(payload, "view", "private_metadata"))
    except (ValueError, RecursionError):
        return "", ""
    return text(kept, "channel"), text(kept, "message")


def _read_submission(payload: Any) -> Submission | None:
    who, view = read_who(payload), get(payload, "view")
    if who is None or text(view, "callback_id") != render.CALLBACK:
        return None
    try:
        kept = json.loads(text(view, "private_metadata"))
    except (ValueError, RecursionError):
        kept = None  # it does not count, and whoever submitted it is told so
    channel, message = text(kept, "channel"), text(kept, "message")
    return Submission(
        who=who,
        token=text(kept, "token"),
        spot=Spot(channel, message) if channel and message else None,
        draft=inputs.draft(get(view, "state", "values")),
        inputs=tuple(text(block, "block_id") for block in items(view, "blocks") if text(block, "type") == "input"),
    )


def _read_reply(payload: Any) -> Reply | None:
    found = reply(get(payload, "event"))
    return found if found is not None and found.spot.message else None


def reply(event: Any, channel: str = "") -> Reply | None:
    """What somebody wrote, from a message of an event or of a list; None if no person wrote it."""
    user, channel, ts = text(event, "user"), text(event, "channel") or channel, text(event, "ts")
    thread = text(event, "thread_ts")
    if text(event, "type") != "message" or get(event, "bot_id") or get(event, "subtype") not in _SPOKEN:
        return None
    if not (user and channel and ts) or get(event, "hidden"):
        return None
    team, written = text(event, "user_team") or text(event, "team"), text(event, "text")
    return Reply(
        who=Who(user, team or None),
        spot=Spot(channel, thread if thread != ts else ""),
        ts=ts,
        text=spoken(written),
        written=written,
        parent=text(event, "parent_user_id"),
        alone=text(event, "channel_type") == "im" or channel.startswith("D"),
        files=bool(items(event, "files")),
        emoji=tuple(_read_emoji(items(event, "blocks"))),
    )


def _read_emoji(parts: list[Any]) -> Iterator[tuple[str, str]]:
    """Slack says in the blocks which signs the emoji of a text are."""
    for part in parts:
        if text(part, "type") == "emoji" and (name := text(part, "name")):
            signs = text(part, "unicode").split("-")
            if all(_POINT.fullmatch(sign) for sign in signs):
                yield name, "".join(chr(int(sign, 16)) for sign in signs)
        yield from _read_emoji(items(part, "elements"))


def read_who(payload: Any) -> Who | None:
    """The person who acted."""
    user = get(payload, "user")
    some_id = text(user, "id")
    return Who(some_id, text(user, "team_id") or None, text(user, "username")) if some_id else None
