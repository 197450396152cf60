"""What Slack sends becomes what somebody did. Pure; a payload that makes no sense is nobody's doing, never an error.

The rule: people are known by ids. Names are for showing only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sayso import dialog
from sayso_slack import inputs, render

# Slack's own advice: older or newer requests may be replays.
SIGNATURE_WINDOW = 300.0
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_STAMP = re.compile(r"[0-9]{1,15}")

_TOKEN = re.compile(r"<([^<>|\n]+)(?:\|([^<>\n]*))?>")
_SPOKEN = (None, "thread_broadcast", "file_share")


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever acted, as the payload has them."""

    user: str
    team: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """A message: where the card stands."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed one of our buttons."""

    who: Who
    token: str
    spot: Spot | None = None
    """None where the button stands in a modal."""
    draft: dialog.Draft | None = None
    """What was chosen on the card, where the button sends that."""
    trigger: str = ""
    """Opens one modal, within three seconds."""
    response_url: str = field(default="", repr=False)


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
    """Somebody wrote into a thread."""

    who: Who
    spot: Spot
    """The message that the thread hangs on."""
    ts: str
    text: str
    event_id: str = ""


def verify(secret: str, timestamp: str | None, signature: str | None, body: bytes, now: float) -> bool:
    """Whether Slack signed this body a short while ago; *now* in seconds since 1970. Anything odd is a no."""
    if not secret or not timestamp or not signature or not plausible(timestamp, signature, now):
        return False
    signed = hmac.digest(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return hmac.compare_digest(f"v0={signed.hex()}".encode(), signature.encode())


def plausible(timestamp: str, signature: str, now: float) -> bool:
    """Whether a body with these headers is worth reading."""
    if not _STAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    return abs(now - int(timestamp)) <= SIGNATURE_WINDOW


def parse(payload: Any) -> Click | Submission | Reply | None:
    """What somebody did, or None where it is not for us."""
    match _text(payload, "type"):
        case "block_actions":
            return _click(payload)
        case "view_submission":
            return _submission(payload)
        case "event_callback":
            return _reply(payload)
        case _:
            return None


def spoken(written: str) -> str:
    """What a person typed, from a message's text: entities and Slack's own wrappings undone."""
    return _entities(_TOKEN.sub(_unwrapped, written)).strip()


def _entities(written: str) -> str:
    """The three characters that Slack escapes, and no others."""
    return written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _click(payload: Any) -> Click | None:
    who = _who(payload)
    actions = _get(payload, "actions")
    action = cast("list[object]", actions)[0] if isinstance(actions, list) and actions else None
    action_id, token = _text(action, "action_id"), _text(action, "value")
    if who is None or _text(action, "type") != "button" or not action_id.startswith(render.ACTION) or not token:
        return None
    chosen = inputs.draft(_get(_get(payload, "state"), "values")) if action_id == render.SUBMIT else None
    container = _get(payload, "container")
    channel = _text(container, "channel_id") or _text(_get(payload, "channel"), "id")
    message = _text(container, "message_ts") or _text(_get(payload, "message"), "ts")
    return Click(
        who=who,
        token=token,
        spot=Spot(channel, message) if channel and message else None,
        draft=None if chosen is None else {"f0": chosen.get("f0")},
        trigger=_text(payload, "trigger_id"),
        response_url=_text(payload, "response_url"),
    )


def _submission(payload: Any) -> Submission | None:
    who, view = _who(payload), _get(payload, "view")
    if who is None or _text(view, "callback_id") != render.CALLBACK:
        return None
    try:
        kept = json.loads(_text(view, "private_metadata"))
    except (ValueError, RecursionError):
        return None
    channel, message = _text(kept, "channel"), _text(kept, "message")
    blocks = _get(view, "blocks")
    return Submission(
        who=who,
        token=_text(kept, "token"),
        spot=Spot(channel, message) if channel and message else None,
        draft=inputs.draft(_get(_get(view, "state"), "values")),
        inputs=tuple(
            _text(block, "block_id")
            for block in (cast("list[object]", blocks) if isinstance(blocks, list) else [])
            if _text(block, "type") == "input"
        ),
    )


def _reply(payload: Any) -> Reply | None:
    event = _get(payload, "event")
    user, channel, ts = _text(event, "user"), _text(event, "channel"), _text(event, "ts")
    thread = _text(event, "thread_ts")
    if _text(event, "type") != "message" or _get(event, "bot_id") or _get(event, "subtype") not in _SPOKEN:
        return None
    if not (user and channel and ts and thread) or thread == ts or _get(event, "hidden"):
        return None
    team = _text(event, "user_team") or _text(event, "team")
    return Reply(
        who=Who(user, team or None),
        spot=Spot(channel, thread),
        ts=ts,
        text=spoken(_text(event, "text")),
        event_id=_text(payload, "event_id"),
    )


def _who(payload: Any) -> Who | None:
    user = _get(payload, "user")
    some_id = _text(user, "id")
    return Who(some_id, _text(user, "team_id") or None, _text(user, "username")) if some_id else None


def _unwrapped(found: re.Match[str]) -> str:
    target, label = found[1], found[2] or ""
    if target[0] in "@#":
        return target[0] + (label or target[1:])
    if target[0] == "!":
        return label or f"@{target[1:].partition('^')[0]}"
    address = target.removeprefix("mailto:")
    if not label or label == address or address.endswith((f"//{label}", f"//{label}/")):
        return label or address
    return f"{label} ({address})"


def _get(node: Any, key: str) -> Any:
    return cast("Mapping[str, Any]", node).get(key) if isinstance(node, Mapping) else None


def _text(node: Any, key: str) -> str:
    value = _get(node, key)
    return value if isinstance(value, str) else ""
