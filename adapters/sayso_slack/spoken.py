"""What a person typed, as words: mentions, channels, links, telephone numbers and times by their names. Pure.

The rule: the agent reads what people see. If a label says one thing and an address another, the agent reads both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sayso.chat import talk

_CODE = re.compile(r"<([^<>|\n]+)(?:\|([^<>\n]*))?>")
_FIRST = re.compile(
    r"<@(?P<person>[A-Z0-9]+)(?:\|[^<>\n]*)?>|<!subteam\^[^<>\n]*>|(?P<all><!(?:here|channel|everyone)[^<>\n]*>)"
    r"|(?<![\w.@/])@(?P<typed>\w[\w.-]*)"
)
_EMOJI = re.compile(r":([a-z0-9_+'-]{1,100}):(?::skin-tone-[2-6]:)?")
_ROOMS = ("here", "channel", "everyone")


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called; an emoji by its name is the sign itself."""

    people: Mapping[str, str] = field(default_factory=dict[str, str])
    channels: Mapping[str, str] = field(default_factory=dict[str, str])
    groups: Mapping[str, str] = field(default_factory=dict[str, str])
    emoji: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Ids that stand in a text without a name."""

    people: frozenset[str]
    channels: frozenset[str]
    groups: frozenset[str]


def find_unnamed(written: str) -> Unnamed:
    """The ids that must be looked up before a text can be read."""
    bare = [found[1] for found in _CODE.finditer(written) if not found[2]]
    return Unnamed(_after("@", bare), _after("#", bare), _after("!subteam^", bare))


@dataclass(frozen=True, slots=True)
class App:
    """The app as people write it: its user id, and its name, if somebody types that."""

    user: str = ""
    name: str = ""


def find_first_named(written: str, app: App) -> talk.Named:
    """Whom a text mentions first; a name after an @ that Slack did not turn into a mention counts as somebody."""
    found = _FIRST.search(_readable(written))
    if found is None:
        return None
    if found["all"] or (found["typed"] or "").casefold() in _ROOMS:
        return "all"
    by_name = bool(app.name) and (found["typed"] or "").casefold() == app.name.casefold()
    return "app" if by_name or (app.user and found["person"] == app.user) else "other"


def find_person(written: str) -> str | None:
    """The id of the first person whom a text mentions."""
    found = re.search(r"<@([A-Z0-9]+)", written)
    return found[1] if found else None


def plain(written: str, names: Names | None = None, app: App | None = None) -> str:
    """The text in words, without the name of the app where the app is only addressed."""
    known = names or Names()
    if app and app.user:
        written = re.sub(rf"<@{re.escape(app.user)}(?:\|[^<>\n]*)?>", "", written)
    if app and app.name:
        written = re.sub(rf"(?i)^\s*@{re.escape(app.name)}(?![\w-])[,:]?", "", written)
    words = _CODE.sub(lambda found: _word(found[1], found[2] or "", known), written)
    words = _EMOJI.sub(lambda found: known.emoji.get(found[1], found[0]), words)
    return _entities(words).strip()


def _after(sign: str, bare: Iterable[str]) -> frozenset[str]:
    return frozenset(one.removeprefix(sign) for one in bare if one.startswith(sign))


def _readable(written: str) -> str:
    # an @ inside an address names nobody
    return re.sub(r"<(?:mailto|tel|https?):[^<>\n]*>", " ", written)


def _entities(written: str) -> str:
    """The three characters that Slack escapes, and no others."""
    return written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _word(target: str, label: str, names: Names) -> str:
    if target[0] == "@":
        return f"@{label or names.people.get(target[1:], target[1:])}"
    if target[0] == "#":
        return f"#{label or names.channels.get(target[1:], target[1:])}"
    if target[0] == "!":
        return _special(target[1:], label, names)
    return _address(target, label)


def _special(kind: str, label: str, names: Names) -> str:
    name, _, rest = kind.partition("^")
    if name == "subteam":
        return label or f"@{names.groups.get(rest, name)}"
    if name in _ROOMS:
        return f"@{name}"
    return label or f"@{name}"


def _address(target: str, label: str) -> str:
    scheme, _, rest = target.partition(":")
    address = rest if scheme in ("mailto", "tel") else target
    if not label or label == address or address.endswith((f"//{label}", f"//{label}/")):
        return label or address
    if scheme == "tel" and _digits(label) and _digits(label) in (_digits(address), f"0{_digits(address)[2:]}"):
        return label
    return f"{label} ({address})"


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
