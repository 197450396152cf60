"""What a parser of shell commands says about a line. The parser itself is a third party's; this is its protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

LONGEST = 32_768
"""Characters of a line that is read; whatever is longer counts as one that cannot be read."""


class Word(NamedTuple):
    """One word as the program gets it."""

    text: str
    known: bool = True
    """Whether that is all of it; what the shell fills in when it runs is not known, and stands there as `*`."""
    plain: bool = True
    """Whether it is written without quotes and escapes."""


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command."""

    words: tuple[Word, ...]
    fed: tuple[str, ...] = ()
    """Here-documents and here-strings."""
    piped: bool = False
    """Whether another command writes what it reads."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a line runs, as far as it can be read."""

    commands: tuple[Command, ...] = ()
    """All simple commands, those inside others, too."""
    whole: bool = False
    """Whether it is one simple command with known words, and nothing else."""
    unread: bool = False
    """Whether something in it could not be read."""


UNREADABLE = Line(unread=True)

Shell = Callable[[str], Line]
"""Reads a line. It never raises: what it cannot read is `unread`."""
