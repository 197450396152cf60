"""Values as boxes: the arguments of a tool, and what was filled into a form. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from sayso.cards import card
from sayso.content import text

# Keys are the agent's. More of them, or longer ones, are shown as one JSON text, in which they cannot pose as labels.
MOST_KEYS = 12
LONGEST_KEY = 60


# As long as this, a list or an object stands on one line.
_FLAT = 72


def text_of(value: Any) -> str:
    """An argument as it is shown: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def are_many(arguments: Mapping[str, Any]) -> bool:
    """Whether they are shown as one JSON text."""
    return len(arguments) > MOST_KEYS or any(len(key) > LONGEST_KEY or not key for key in arguments)


def parts_of(
    arguments: Mapping[str, Any], heading: str, role: card.Role, labels: Mapping[str, str] | None = None
) -> Iterable[card.Code]:
    """A tool input, one box for each argument, so that line breaks are line breaks.

    With *labels*, by which people know each, it is what somebody filled in, and is shown as they would say it.
    """
    if are_many(arguments):
        yield card.Code((text.Trusted(heading),), text.literal(text_of(dict(arguments)), code=True), role=role)
        return
    for key, value in arguments.items():
        plain = isinstance(value, str) or (labels is not None and not isinstance(value, dict | list))
        kind = "" if plain else " (JSON)"
        said = ("yes" if value else "no") if labels is not None and isinstance(value, bool) else text_of(value)
        shown = text.literal(said, code=True)
        named = text.line((labels or {}).get(key, key))
        yield card.Code((text.Trusted(f"{heading}{kind} · "), named), shown, role=role)


def readable(value: Any) -> str:
    """*value* as JSON in the order in which it was sent: indented, and what is short on one line."""
    lines: list[str] = []
    _write(value, "", "", "", lines)
    return "\n".join(lines)


def flat(value: Any, room: int) -> str | None:
    """*value* as JSON on one line of at most *room* characters; None if it is longer."""
    if isinstance(value, str) and len(value) > room:
        return None
    if not isinstance(value, dict | list):
        written = json.dumps(value, ensure_ascii=False)
        return written if len(written) <= room else None
    pieces: list[str] = []
    left = room - 2
    for head, inner in _items(value):
        piece = flat(inner, left - len(head)) if left > len(head) else None
        if piece is None:
            return None
        pieces.append(head + piece)
        left -= len(head) + len(piece) + 2
    begin, end = _BRACKETS[isinstance(value, dict)]
    return begin + ", ".join(pieces) + end


_BRACKETS = {True: ("{", "}"), False: ("[", "]")}


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict):
        named = cast("Mapping[str, Any]", value)
        return [(f"{json.dumps(key, ensure_ascii=False)}: ", inner) for key, inner in named.items()]
    return [("", inner) for inner in value]


def _write(value: Any, indent: str, head: str, tail: str, lines: list[str]) -> None:
    one = flat(value, _FLAT)
    if one is not None or not isinstance(value, dict | list):
        lines.append(f"{indent}{head}{json.dumps(value, ensure_ascii=False) if one is None else one}{tail}")
        return
    begin, end = _BRACKETS[isinstance(value, dict)]
    lines.append(f"{indent}{head}{begin}")
    left = len(value)  # pyright: ignore[reportUnknownArgumentType]
    for name, inner in _items(value):
        left -= 1
        _write(inner, f"{indent}  ", name, "," if left else "", lines)
    lines.append(f"{indent}{end}{tail}")
