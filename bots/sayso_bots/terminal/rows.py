"""Foreign text in rows of a terminal: behind a bar, so that no row of it begins like one of the service. Pure.

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
    """The columns of the narrowest screen that is written to; 80 if there is none."""
    found: list[int] = []
    for stream in (sys.stdout, sys.stderr):
        try:
            found.append(os.get_terminal_size(stream.fileno()).columns)
        except (OSError, ValueError, AttributeError):
            continue
    return max(_NARROWEST, min((one for one in found if one > 0), default=_USUAL))


def put_behind_bar(shown: str, width: int) -> Iterator[str]:
    """Foreign text, a bar before every row of it."""
    for line in shown.split("\n"):
        first, *rest = _break(_escape(line), width - len(BAR), width - len(BAR) - len(_ON))
        yield f"{BAR}{first}"
        yield from (f"{BAR}{_ON}{row}" for row in rest)


def hang(line: str, width: int) -> Iterator[str]:
    """A line of the service with foreign text in it: what does not fit goes on behind the bar."""
    first, *rest = _break(_escape(line), width, width - len(BAR) - len(_ON))
    yield first
    yield from (f"{BAR}{_ON}{row}" for row in rest)


def width(line: str) -> int:
    """The most columns that a line takes."""
    return sum(map(_cells, line))


def cut(line: str, room: int) -> str:
    """A line in at most *room* columns; if something is left out, it ends in a sign that says so."""
    return line if width(line) <= room else f"{_break(line, room - 1, 1)[0]}…"


def _escape(line: str) -> str:
    # our own sign for "this row goes on" may not come from others, and a tab is no number of blanks
    return line.replace("↳", "⟦U+21B3⟧").replace("\t", f"⇥{' ' * (_TAB - 1)}")


def _break(line: str, first: int, others: int) -> list[str]:
    """The rows of a line, the first of *first* columns; one is left free, since some terminals break there."""
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
