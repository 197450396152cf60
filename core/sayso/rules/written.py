"""Rules and calls as TOML, for people to read and to paste. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, cast

from sayso.content import masks, wording
from sayso.rules.suggesting import Suggestion

# How much of a call stands beside a suggestion that is printed; `sayso show ID` has all of it.
_LONGEST = 200
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def rule(id: str, match: Mapping[str, Any], until: date) -> str:
    """An allow as an entry of `[[rules]]`."""
    return "\n".join(["[[rules]]", f'id = "{id}"', f"match = {toml(match)}", 'effect = "allow"', f"until = {until}"])


def suggested(id: str, one: Suggestion, until: date, cover: masks.Masks) -> str:
    """A suggestion as a rule to be pasted, with the calls that it would have covered."""
    agents = ", ".join(dict.fromkeys(past.owner for past in one.covered))
    made = wording.counted(len(one.covered), "call")
    lines = [f"# {made} of {agents} that people allowed, and nobody ever denied one like these:"]
    lines += [f"#   {line[:_LONGEST]}" for line in calls(one, cover)]
    return "\n".join([*lines, rule(id, one.match, until)]) + "\n"


def calls(one: Suggestion, cover: masks.Masks) -> Iterator[str]:
    """The calls that a suggestion would have covered, one a line, with their secrets covered."""
    return (f"{past.id}: {toml(cover.value(past.request.input or {}))}" for past in one.covered)


def tables(said: Mapping[str, Any]) -> str:
    """Settings as TOML, a block for each person, policy or rule."""
    blocks = list[str]()
    for name, value in said.items():
        if isinstance(value, list):
            blocks += [_block(f"[[{name}]]", one) for one in cast("list[dict[str, Any]]", value)]
        elif name == "suggestions":
            blocks.append(_block(f"[{name}]", value))
        else:
            blocks += [_block(f"[{name}.{_name(key)}]", one) for key, one in value.items()]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _block(head: str, said: Mapping[str, Any]) -> str:
    lines = (f"{_name(key)} = {_dated(key, one)}" for key, one in said.items() if one is not None)
    return "\n".join([head, *lines])


def _dated(key: str, value: Any) -> str:
    """A value; a day or a moment, which JSON has as text, stands without quotes."""
    return value if key == "until" and isinstance(value, str) else toml(value)


def toml(value: Any) -> str:
    """A value as TOML, in one line."""
    if isinstance(value, Mapping):
        # what is nothing has no word in TOML
        inner = (f"{_name(key)} = {toml(one)}" for key, one in value.items() if one is not None)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return "{ " + ", ".join(inner) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(one) for one in value if one is not None) + "]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _name(key: Any) -> str:
    return key if isinstance(key, str) and _BARE.fullmatch(key) else toml(str(key))
