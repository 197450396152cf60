"""Signs that phones and chats put in place of plain ones: in a command they mean something else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_PLAIN: Mapping[str, str] = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4", "'"),
    **dict.fromkeys("\u2013\u2014\u2015\u2010\u2011\u2012\u2212", "-"),
    "\u2026": "...",
    "\u00a0": " ",
    "\u202f": " ",
}


def find_new(before: Any, after: Any) -> tuple[str, ...]:
    """The signs of this kind that stand in a value now, and did not before."""
    there, was = set(_texts(after)), "".join(_texts(before))
    found = dict.fromkeys(sign for text in sorted(there) for sign in text if sign in _PLAIN and sign not in was)
    return tuple(found)


def describe(signs: Iterable[str]) -> str:
    """What these signs may have taken the place of."""
    shown = (
        f"{sign} (U+{ord(sign):04X}) for {_PLAIN[sign]}" if _PLAIN[sign] != " " else _blank(sign) for sign in signs
    )
    return ", ".join(shown)


def _blank(sign: str) -> str:
    return f"a blank that does not break (U+{ord(sign):04X}) for a plain one"


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _texts(name)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _texts(inner)
