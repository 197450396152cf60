"""Two texts as one unified diff, in which nothing is left out and nothing looks the same that is not. Pure.

The rule: every row begins with a sign of ours, so that no text can pose as a row. All rows of both texts are there: who
reads a diff can tell both, to the last blank.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sayso.content import lookalikes, text

Trusted = text.Trusted

# `difflib` tries all pairs of equal rows again and again, so it is given few; what begins and ends alike is put aside.
MOST_ROWS = 200
"""Rows of a change in which the least one is looked for; more are a whole that goes, and a whole that comes."""

_BLANKS = re.compile(r"[ \t\xa0\u3000]+")
_ENDS = {True: "a line break at its end", False: "no line break at its end"}


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows that begin with `+`, `-` or a blank; and what the reader should know about them."""

    rows: tuple[str, ...]
    warnings: tuple[text.Odd, ...] = ()
    notes: tuple[Trusted, ...] = ()

    def box(self, heads: Iterable[str] = ()) -> text.Foreign:
        """All rows below *heads*, as the text of a box."""
        return text.Foreign(text.Safe("\n".join([*heads, *self.rows])), self.warnings)


def between(before: str | None, after: str | None, most_rows: int = MOST_ROWS) -> Difference:
    """What changes if *after* stands where *before* stood; None is no text at all, not even an empty one."""
    old, new = (text.literal(raw or "", code=True) for raw in (before, after))
    rows = tuple(_rows(_lines(before, old), _lines(after, new), most_rows))
    warnings = tuple(dict.fromkeys((*old.warnings, *new.warnings)))
    return Difference(rows, warnings, tuple(_notes(before, after)))


def _lines(raw: str | None, shown: text.Foreign) -> list[str]:
    # escaped before it is compared: a mark that begins a line must not be drawn over our sign
    return [] if raw is None else shown.text.split("\n")


def _rows(old: list[str], new: list[str], most_rows: int) -> Iterator[str]:
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    yield from (f" {row}" for row in old[:head])
    yield from _changes(*middle, most_rows)
    yield from (f" {row}" for row in old[len(old) - tail :])


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many rows are the same from the beginning on."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(old), len(new)))


def _changes(old: list[str], new: list[str], most_rows: int) -> Iterator[str]:
    if max(len(old), len(new)) > most_rows:
        yield from _replaced(old, new)
        return
    for kind, start, end, start_new, end_new in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (f" {row}" for row in old[start:end])
        else:
            yield from _replaced(old[start:end], new[start_new:end_new])


def _replaced(old: list[str], new: list[str]) -> Iterator[str]:
    """The rows that go and those that come; what nobody could tell apart is written out."""
    gone, come = ([lookalikes.likeness(row) for row in rows] for rows in (old, new))
    both = set(gone) & set(come)
    for sign, rows, looks in (("-", old, gone), ("+", new, come)):
        for row, look in zip(rows, looks, strict=True):
            yield sign + _write_end(_write_out(row) if look in both else row)


def _write_out(row: str) -> str:
    """Blanks by their number and other signs by theirs; a plain indentation can be seen."""
    indent = len(row) - len(row.lstrip(" "))
    written = _BLANKS.sub(lambda found: found[0] if found[0] == " " else _name(found[0]), row[indent:])
    # these three are the service's own: in foreign text they are escaped
    return row[:indent] + "".join(sign if sign.isascii() or sign in "⟦⟧␍×" else _name(sign) for sign in written)


def _write_end(row: str) -> str:
    bare = row.rstrip(" \t")
    return bare + _name(row[len(bare) :])


def _name(signs: str) -> str:
    """Signs by their numbers, a run of the same one by how many there are."""
    runs = ((sign, sum(1 for _ in run)) for sign, run in itertools.groupby(signs))
    return "".join(f"⟦{f'{many}×' if many > 1 else ''}U+{ord(sign):04X}⟧" for sign, many in runs)


def _notes(before: str | None, after: str | None) -> Iterator[Trusted]:
    """What a diff shows badly: the ends of lines, and the end of all."""
    if not before or not after:
        return
    if (old := before.endswith("\n")) != (new := after.endswith("\n")):
        yield Trusted(f"The old text has {_ENDS[old]}, the new one has {_ENDS[new]}.")
    if ("\r\n" in before) != ("\r\n" in after):
        yield Trusted("The line endings change: ␍ stands for a carriage return.")
