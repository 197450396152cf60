"""Foreign text in rows of a terminal: a bar stands before every one, so none begins where the service speaks. Pure.

A terminal that breaks a long line goes on at its left edge. So lines are broken here, before it does, and a row that
goes on with the line above it says so: it is not a line of its own.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator

BAR = "  │ "
_ON = "↳ "
_USUAL, _NARROWEST = 80, 24
_TAB = 8


def columns() -> int:
    """The columns of the narrowest screen that is written to; 80 where nothing is one."""
    found: list[int] = []
    for stream in (sys.stdout, sys.stderr):
        try:
            found.append(os.get_terminal_size(stream.fileno()).columns)
        except (OSError, ValueError, AttributeError):
            continue
    return max(_NARROWEST, min((one for one in found if one > 0), default=_USUAL))


def barred(shown: str, width: int = _USUAL) -> Iterator[str]:
    """Foreign text, a bar before every row of it."""
    for line in shown.split("\n"):
        first, *rest = _broken(_visible(line), width - len(BAR), width - len(BAR) - len(_ON))
        yield f"{BAR}{first}"
        yield from (f"{BAR}{_ON}{row}" for row in rest)


def hanging(line: str, width: int = _USUAL) -> Iterator[str]:
    """A line of the service with foreign text in it: where it goes on, it goes on behind the bar."""
    first, *rest = _broken(_visible(line), width, width - len(BAR) - len(_ON))
    yield first
    yield from (f"{BAR}{_ON}{row}" for row in rest)


def width(line: str) -> int:
    """The most columns that a line takes."""
    return sum(map(_cells, line))


def cut(line: str, room: int) -> str:
    """A line in so many columns; where something is left out, it ends in a sign that says so."""
    return line if width(line) <= room else f"{_broken(line, room - 1, 1)[0]}…"


def _visible(line: str) -> str:
    # our own sign for "this row goes on" may not come from others, and a tab is no number of blanks
    return line.replace("↳", "⟦U+21B3⟧").replace("\t", f"⇥{' ' * (_TAB - 1)}")


def _broken(line: str, first: int, others: int) -> list[str]:
    """The rows of a line, the first of *first* columns; one is left free, where some terminals break already."""
    rows: list[str] = []
    row, room = "", first - 1
    for sign in line:
        needed = _cells(sign)
        if needed > room:
            rows.append(row)
            row, room = "", others - 1
        row, room = row + sign, room - needed
    return [*rows, row]


def _cells(sign: str) -> int:
    """The most columns that any terminal takes for a sign; rather too many than one too few."""
    if sign.isascii():
        return 1
    wide = unicodedata.east_asian_width(sign) in "WFA" or unicodedata.category(sign) in ("So", "Sk", "Cn", "Co")
    return 2 if wide else 1
