"""How many of whom must agree, as people say it to `sayso init team`: `2`, or `2 of team, one of security`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sayso import errors, model, policies
from sayso.chat import plugin
from sayso.machine import people as directories
from sayso.machine import staffing

GROUP = "team"
"""The group of everybody who decides."""
_NUMBERS = {word: number for number, word in enumerate(("one", "two", "three", "four", "five"), 1)}
_SHARE = re.compile(r"(?P<count>[0-9]{1,3}|[a-z]{3,5})(?:\s+of\s+(?P<of>[A-Za-z0-9][A-Za-z0-9._-]{0,44}))?")
_HINT = 'a number, or "2 of team, one of security"'


Members = Sequence[str] | Mapping[str, str]
"""Names of people, or a group of a chat by the key of the settings."""


@dataclass(frozen=True, slots=True)
class Share:
    """So many people of a group."""

    count: int
    of: str = GROUP


def read(said: str, people: int) -> tuple[Share, ...]:
    """Read how many of whom must agree, of a team of so many *people*. Raises `InvalidSettings`."""
    shares = tuple(_share(part.strip(), said) for part in said.split(","))
    if len({one.of for one in shares}) < len(shares) or len(shares) > policies.MAX_NEEDS:
        raise _wrong("quorum", f"{said!r} names a group twice, or too many", _HINT)
    if any(one.of == GROUP and one.count > people for one in shares):
        raise _wrong("quorum", f"so many people are not in the team, which has {people}", _HINT)
    return shares


def read_members(said: str, share: Share, people: Collection[str], chat: plugin.Chat[Any] | None) -> Members:
    """Read who is in a group: people of the team, or a group of the chat. Raises `InvalidSettings`."""
    names = tuple(dict.fromkeys(name for part in said.split(",") if (name := part.strip())))
    if names and set(names) <= set(people):
        if len(names) < share.count:
            raise _wrong("group", f"{share.count} of {share.of} must agree, and these are fewer", "name more people")
        return names
    key, (name, _, id) = chat.group if chat else None, said.strip().partition(":")
    if chat and key and name == chat.name and re.fullmatch(key.pattern, id):
        return {key.name: id}
    other = f"; or {chat.name}:ID, {key.expected}" if chat and key else ""
    raise _wrong("group", f"{share.of}: {said!r} are not people of the team", f"names, with commas between{other}")


def check(shares: Sequence[Share], groups: Mapping[str, Members], people: Collection[str]) -> None:
    """Refuse what these people could never fill, each of them one place. Raises `InvalidSettings`."""
    members = {name: frozenset(who) for name, who in groups.items() if not isinstance(who, Mapping)}
    known = {name: directories.Group(who) for name, who in {GROUP: frozenset(people), **members}.items()}
    directory = directories.Directory({name: directories.Profile() for name in people}, known)
    # who is in a group of a chat nobody knows here
    needs = tuple(model.Need(who=(f"group:{one.of}",), count=one.count) for one in shares if one.of in known)
    if short := staffing.shortage(directory, model.Policy(needs=needs)):
        raise _wrong("group", staffing.said(short), staffing.HINT)


def _share(part: str, whole: str) -> Share:
    found = _SHARE.fullmatch(part)
    count = _NUMBERS.get(found["count"], 0) if found else 0
    if found and found["count"].isdigit():
        count = int(found["count"])
    if not found or not 1 <= count <= model.MAX_PEOPLE:
        raise _wrong("quorum", f"{whole!r} does not say how many of whom", _HINT)
    return Share(count, found["of"] or GROUP)


def _wrong(field: str, said: str, hint: str) -> errors.InvalidSettings:
    return errors.InvalidSettings(f"{field}: {said}", field=field, hint=hint)
