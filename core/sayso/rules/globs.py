"""Texts with `*` and `?`, and lists of them over the arguments of a program. Linear, or bounded by a constant."""

from __future__ import annotations

import fnmatch
import functools
import re
import unicodedata
from collections.abc import Sequence

_COMMENT = re.compile(r"/\*[^*]*+(?:\*(?!/)[^*]*+)*(?P<closed>\*/)?")
_STARS = re.compile(r"\*+")
_BLANKS = re.compile(r"[\s\x00-\x20\x7f]+")
# More arguments than anybody writes by hand; a longer list is never understood whole.
_MOST_ARGUMENTS = 500


def is_glob(text: str) -> bool:
    """Whether *text* stands for more than itself."""
    return "*" in text or "?" in text


def matches_exactly(pattern: str, text: str) -> bool:
    """For an allow: sign for sign. What a glob stands for has no way up in it, and no sign that nobody sees."""
    if not is_glob(pattern):
        return pattern == text
    return _has_no_way_up(text) and text.isprintable() and _compiled(pattern).match(text) is not None


def matches_loosely(pattern: str, text: str) -> bool:
    """For a deny or an ask: however it is spelled."""
    if not is_glob(pattern):
        return _folded(pattern) == fold(text)
    loose = _loosely_compiled(pattern)
    return loose.match(text) is not None or loose.match(fold(text)) is not None


def may_stand_for(pattern: str, text: str) -> bool:
    """As `matches_loosely`, for a folded glob that somebody else wrote: one that says more than *text* is not read."""
    short = _STARS.sub("*", pattern)
    fits = len(short) - short.count("*") <= max(len(text), len(fold(text)))
    return fits and matches_loosely(short, text)


def fold(text: str) -> str:
    """*text* without what only changes how it looks: case, odd letters, signs that nobody sees, comments of SQL."""
    if text.isascii():
        seen = text.lower()
    else:
        plain = unicodedata.normalize("NFKC", text).casefold()
        seen = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    return _BLANKS.sub(" ", _COMMENT.sub(_without, seen) if "/*" in seen else seen)


def _without(comment: re.Match[str]) -> str:
    # one that nobody closes is none: it is found whole, so that nobody looks for its end from each of its signs
    return " " if comment["closed"] else comment[0]


def covers(patterns: Sequence[str], arguments: Sequence[str]) -> bool:
    """For an allow: whether the whole list matches. `*` is one argument, `**` any number of them."""
    if len(arguments) > _MOST_ARGUMENTS:
        return False
    # how far each number of arguments is matched: one row of the table at a time
    row = [True, *(False for _ in arguments)]
    for pattern in patterns:
        if pattern == "**":
            first = row.index(True) if True in row else len(row)
            row = [at >= first for at in range(len(row))]
        else:
            hits = [row[at] and matches_exactly(pattern, one) for at, one in enumerate(arguments)]
            row = [False, *hits]
    return row[-1]


def _has_no_way_up(text: str) -> bool:
    return ".." not in text.replace("\\", "/").split("/")


@functools.lru_cache(maxsize=4096)
def _folded(pattern: str) -> str:
    return fold(pattern)


def _loosely_compiled(pattern: str) -> re.Pattern[str]:
    return _compiled(_folded(pattern))


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # brackets are nothing special here: paths of web programs have them
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))
