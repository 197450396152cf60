"""What will run, as a person reads it: commands as commands, changes as diffs, short values on a line. Pure.

The rule: every argument is shown whole. What is known of a tool decides only where and how.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from sayso.cards import card, difference, values
from sayso.content import text, tools

Trusted = text.Trusted

_SHORT, _SHORT_LINE, _LONGEST_PATH, _LONGEST_WORDS = 60, 70, 200, 300
# A key of these signs cannot be taken for a part of its value.
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_HEADS = ("--- asked", "+++ runs")


def parts_of(tool: str, arguments: Mapping[str, Any]) -> Iterator[card.Part]:
    """All arguments of a call of *tool*."""
    if values.are_many(arguments):
        yield from values.parts_of(arguments, "Input", "input")
        return
    known, left = tools.find(tool), dict(arguments)
    yield from _main(known, left)
    yield from _words(known, left)
    short = {key: shown for key, value in left.items() if (shown := _shorten(key, value)) is not None}
    yield from _lines(short)
    for key, value in left.items():
        if key not in short:
            yield _box(key, value)


def edited_parts(asked: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[card.Part]:
    """What a person changed: each argument as a diff of what was asked and what runs; unchanged ones are left out."""
    if values.are_many({**asked, **runs}):
        yield from _edited((Trusted("Edited"),), values.text_of(dict(asked)), values.text_of(dict(runs)))
        return
    for key in changed(asked, runs):
        # a text and a number that look alike are told apart by the quotes of JSON
        plain = all(isinstance(one[key], str) for one in (asked, runs) if key in one)
        write = values.text_of if plain else values.readable
        before, after = (write(one[key]) if key in one else None for one in (asked, runs))
        state = " · not asked for" if before is None else " · taken away" if after is None else ""
        yield from _edited((Trusted("Edited · "), text.line(key), Trusted(state)), before, after)


def changed(asked: Mapping[str, Any], runs: Mapping[str, Any]) -> list[str]:
    """The arguments that do not run as they were asked, in the order in which they stand."""
    both = {**asked, **runs}
    # 1, 1.0 and true are equal, and not the same input
    same = {key for key in both if key in asked and key in runs and _exactly(asked[key]) == _exactly(runs[key])}
    return [key for key in both if key not in same]


def _exactly(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _edited(label: tuple[card.Inline, ...], before: str | None, after: str | None) -> Iterator[card.Part]:
    found = difference.between(before, after)
    yield card.Code(label, found.box(_HEADS), role="edited", diff=True)
    yield from (card.Note((note,)) for note in found.notes)


def _main(known: tools.Tool, left: dict[str, Any]) -> Iterator[card.Part]:
    """What the tool is about; what is shown here is taken out of *left*."""
    if isinstance(left.get(known.command), str):
        yield card.Code((), text.literal(left.pop(known.command), code=True), role="input")
    found = _change(known, left)
    content = None if found else left.get(known.content)
    if found or isinstance(content, str):
        label = _label(Trusted("Change" if found else "Content"), known, left)
        if found:
            yield card.Code(label, found.box(), role="input", diff=True)
            yield from (card.Note((note,)) for note in found.notes)
        else:
            yield card.Code(label, text.literal(left.pop(known.content), code=True), role="input")
    if isinstance(left.get(known.patch), str):
        label = (text.line(known.patch),)
        yield card.Code(label, text.literal(left.pop(known.patch), code=True), role="input", diff=True)


def _label(said: Trusted, known: tools.Tool, left: dict[str, Any]) -> tuple[card.Inline, ...]:
    path = left.get(known.path)
    if not isinstance(path, str) or not 0 < len(path) <= _LONGEST_PATH:
        return (said,)
    return (said, Trusted(" · "), text.line(left.pop(known.path)))


def _change(known: tools.Tool, left: dict[str, Any]) -> difference.Difference | None:
    if known.edits and (edits := _edits(known, left.get(known.edits))):
        del left[known.edits]
        return _join(known, edits)
    old, new = left.get(known.before), left.get(known.after)
    if known.edits or not isinstance(old, str) or not isinstance(new, str):
        return None
    del left[known.before], left[known.after]
    return difference.between(old, new)


def _edits(known: tools.Tool, value: Any) -> list[dict[str, Any]]:
    """The edits of a call, or nothing if one of them is not what the tool takes."""
    edits: list[Any] = value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
    whole = all(
        isinstance(one, dict) and isinstance(one.get(known.before), str) and isinstance(one.get(known.after), str)  # pyright: ignore[reportUnknownMemberType]
        for one in edits
    )
    return cast("list[dict[str, Any]]", edits) if whole else []


def _join(known: tools.Tool, edits: list[dict[str, Any]]) -> difference.Difference:
    """All edits in one box, a row above each; no row of a text begins like it."""
    rows: list[str] = []
    warnings: dict[text.Odd, None] = {}
    notes: dict[Trusted, None] = {}
    for number, edit in enumerate(edits, 1):
        found = difference.between(edit[known.before], edit[known.after], 2 * difference.MOST_ROWS // len(edits))
        more = {key: value for key, value in edit.items() if key not in (known.before, known.after)}
        told = text.line(f" · {json.dumps(more, ensure_ascii=False)}" if more else "")
        rows += [f"@@ {number} of {len(edits)}{told.text} @@", *found.rows]
        warnings.update(dict.fromkeys((*told.warnings, *found.warnings)))
        notes.update(dict.fromkeys(found.notes))
    return difference.Difference(tuple(rows), tuple(warnings), tuple(notes))


def _words(known: tools.Tool, left: dict[str, Any]) -> Iterator[card.Part]:
    said = left.get(known.words)
    if not isinstance(said, str) or not said:
        return
    del left[known.words]
    if len(said) <= _LONGEST_WORDS and "\n" not in said:
        yield card.Line((Trusted("The agent says: "), text.line(said)), role="words")
    else:
        yield card.Code((Trusted("The agent says · "), text.line(known.words)), text.literal(said), role="input")


def _shorten(key: str, value: Any) -> text.Foreign | None:
    """The argument on one line, if it is short and plain enough."""
    bare = isinstance(value, str) and _is_bare(value)
    shown = value if bare else values.flat(value, _SHORT)
    if shown is None or not _PLAIN_KEY.fullmatch(key) or "  " in shown or (isinstance(value, str) and "\n" in value):
        return None
    return text.literal(f"{key} {shown}", code=True)


def _is_bare(value: str) -> bool:
    """Whether a text needs no quotes: it cannot be taken for a number, an object or another text."""
    if not value.isprintable() or not 0 < len(value) <= _SHORT or value != value.strip() or value[0] == '"':
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return True
    return False


def _lines(short: Mapping[str, text.Foreign]) -> Iterator[card.Part]:
    """As many on a line as can be read there."""
    row: list[card.Inline] = []
    room = _SHORT_LINE
    for shown in short.values():
        if row and len(shown.text) > room:
            yield card.Line(tuple(row), role="input")
            row, room = [], _SHORT_LINE
        row += [Trusted(" · "), shown] if row else [shown]
        room -= len(shown.text) + 3
    if row:
        yield card.Line(tuple(row), role="input")


def _box(key: str, value: Any) -> card.Code:
    kind: Iterable[card.Inline] = () if isinstance(value, str) else (Trusted(" · JSON"),)
    shown = value if isinstance(value, str) else values.readable(value)
    return card.Code((text.line(key), *kind), text.literal(shown, code=True), role="input")
