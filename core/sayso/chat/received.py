"""Reads what a platform sent: a field that is missing or of another kind reads as nothing, never as an error. Pure."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from typing import Any, cast

import pydantic_core

Json = dict[str, Any]
"""An object of a platform's API, read or made here."""

# Where a platform begins to quote what it was sent, and with which sign; not inside a word.
_QUOTES = (re.compile("`"), re.compile('"'), re.compile(r"(?<!\w)'"))
# What may be a token or a secret.
_LONG_WORD = re.compile(r"\S{25,}")
# A place in what was sent: names of keys and numbers, no text of anybody.
_PLACE = re.compile(r"/?\w{1,24}(?:[/.]\w{1,24})*", re.ASCII)
_MOST_COMPLAINTS, _LONGEST_COMPLAINT, _READ = 3, 160, 1_000


def get(node: object, *path: str) -> Any:
    """The field at the end of *path*; None if anything on the way is missing."""
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return node  # pyright: ignore[reportUnknownVariableType]


def text(node: object, *path: str) -> str:
    """The field at the end of *path*, if it is a text; else an empty one."""
    value = get(node, *path)
    return value if isinstance(value, str) else ""


def items(node: object, *path: str) -> list[Any]:
    """The field at the end of *path*, if it is a list; else an empty one."""
    value = get(node, *path)
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def load(body: str | bytes) -> object:
    """What a body holds as JSON. Raises `ValueError`, and `RecursionError` if it is nested deeply."""
    try:
        # in a third of the time
        return pydantic_core.from_json(body)
    except (ValueError, TypeError):
        # half a character, which may have been typed, escaped or in the text itself
        return json.loads(body)


def document(body: str | bytes) -> Json | None:
    """The object that a body holds as JSON; None if it holds anything else."""
    try:
        found = load(body)
    except (ValueError, RecursionError):
        return None
    return cast(Json, found) if isinstance(found, dict) else None


def where_wrong(complaints: Iterable[tuple[str, str]]) -> str:
    """What a platform says is wrong in what it was sent, each with its place. Nothing quoted: it goes to logs."""
    told: list[str] = []
    for where, what in itertools.islice(complaints, _MOST_COMPLAINTS):
        words = _uncovered(" ".join(what[:_READ].split()))[:_LONGEST_COMPLAINT].rstrip(".")
        known = len(where) <= _LONGEST_COMPLAINT and _PLACE.fullmatch(where)
        told.append(f"{where}: {words}" if known else words)
    return f" ({'; '.join(told)})" if told else ""


def _uncovered(words: str) -> str:
    for quote in _QUOTES:
        if begun := quote.search(words):
            # up to the last such sign, since what is quoted may have some; without another one up to the end
            last = words.rfind(begun[0])
            words = f"{words[: begun.start()]}…{words[last + 1 :] if last > begun.start() else ''}"
    return _LONG_WORD.sub("…", words)
