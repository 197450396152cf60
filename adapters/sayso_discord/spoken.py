"""What a person typed, as words: mentions, channels, roles, emoji, times and links by their names. Pure.

The rule: the agent reads what people see. A name that cannot be found is called unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, assert_never, cast

from sayso.chat import talk

_CODES = re.compile(
    r"<(?:@!?(?P<person>[0-9]{1,20})|@&(?P<role>[0-9]{1,20})|#(?P<channel>[0-9]{1,20})|a?:(?P<emoji>\w{1,64}):[0-9]{1,20}"
    r"|t:(?P<time>-?[0-9]{1,13})(?::[a-zA-Z])?|/(?P<command>[^<>:\n]{1,100}):[0-9]{1,20}|id:(?P<page>\w{1,40})"
    r"|(?P<link>https?://[^\s<>]+))>"
)
_Code = Literal["person", "role", "channel", "emoji", "time", "command", "page", "link"]
"""The groups of this pattern."""
_FIRST = re.compile(r"<@!?(?P<person>[0-9]{1,20})>|<@&(?P<role>[0-9]{1,20})>|@everyone\b|@here\b")


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called."""

    people: Mapping[str, str] = field(default_factory=dict[str, str])
    channels: Mapping[str, str] = field(default_factory=dict[str, str])
    roles: Mapping[str, str] = field(default_factory=dict[str, str])


def find_unnamed(written: str) -> tuple[set[str], set[str]]:
    """The channels and the roles that are written as ids."""
    found = list(_CODES.finditer(written))
    return {one["channel"] for one in found if one["channel"]}, {one["role"] for one in found if one["role"]}


def find_first_named(written: str, app: str, own_roles: frozenset[str] = frozenset()) -> talk.Named:
    """Whom a text mentions first; the role that Discord made for the app is the app."""
    found = _FIRST.search(written)
    if found is None:
        return None
    if found["person"] is None and found["role"] is None:
        return "all"
    return "app" if found["person"] == app or found["role"] in own_roles else "other"


def find_person(written: str) -> str | None:
    """The person whom a text mentions first, by id; None if it mentions nobody, or a role or everybody before."""
    found = _FIRST.search(written)
    return found["person"] if found else None


def begins_with_role(written: str) -> bool:
    """Whether the first mention of a text is a role."""
    found = _FIRST.search(written)
    return bool(found and found["role"])


def plain(written: str, app: str, names: Names, own_roles: frozenset[str] = frozenset()) -> str:
    """The text in words, without the name of the app where the app is only addressed."""
    for own in (rf"@!?{re.escape(app)}", *(f"@&{re.escape(role)}" for role in own_roles)):
        written = re.sub(rf"<{own}>", "", written)

    def word(found: re.Match[str]) -> str:
        return _word(found, names)

    return _CODES.sub(word, written).strip()


def _word(found: re.Match[str], names: Names) -> str:
    kind = cast(_Code, found.lastgroup)
    value = found[kind]
    match kind:
        case "person":
            return f"@{names.people.get(value, 'unknown-person')}"
        case "role":
            return f"@{names.roles.get(value, 'unknown-role')}"
        case "channel":
            return f"#{names.channels.get(value, 'unknown-channel')}"
        case "emoji":
            return f":{value}:"
        case "time":
            return _moment(int(value))
        case "command":
            return f"/{value}"
        case "page":
            return f"#{value}"
        case "link":
            return value
        case _:
            assert_never(kind)


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"
