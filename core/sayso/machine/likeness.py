"""What a call may differ in and still be like the one that a person allowed: a pattern, as plain data. Pure.

The rule: what a person chose to leave open is all that may differ, each part within a bound that its card showed. A
command line is never left open, and a call in which the service finds a risk that the card did not show is not like it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import pydantic

from sayso import errors, model
from sayso.content import digest, findings, outside, risk, tools

MOST = 10
"""Parts that may be left open."""
# Of an input, among which they are; a button's token counts them.
_FIRST = 19
MARGIN: Mapping[str, str] = {
    "number": "any number from 0 to {}",
    "flag": "yes or no",
    "folder": "any file below {}",
    "word": "any one word of letters, digits, - and _",
    "text": "any text",
}
"""What each kind of part may be, in words."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# What runs is never left open, in tools of which nothing else is known, too.
_RUNS = findings.COMMANDS | {"program", "executable", "argv"}
# Beside a command line these say how long it may take, and nothing else.
_HARMLESS = ("timeout", "timeout_ms", "yield_time_ms", "max_output_tokens")


class Margin(model.Frozen):
    """One part of the input that may differ, and how far."""

    name: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=model.MAX_NAME)]
    kind: Literal["number", "flag", "folder", "word", "text"]
    most: float | int | None = None
    """Of a number: what the card showed."""
    folder: str | None = None
    """Of a path: where the file of the card is."""

    @property
    def words(self) -> str:
        """What it may be. Text of the call stands in it, and is shown as such."""
        return MARGIN[self.kind].format(self.folder if self.kind == "folder" else self.most)


class Pattern(model.Frozen):
    """All calls that are like one."""

    tool: str
    fixed: str
    """The digest of the tool with all that may not differ."""
    free: tuple[Margin, ...]
    risks: tuple[str, ...] = ()
    """What the card said is risky, by name."""


def margins_of(request: model.Request) -> tuple[Margin, ...]:
    """The parts of a call that may be left open, each as far as it may be."""
    known, first = tools.find(request.tool or ""), itertools.islice((request.input or {}).items(), _FIRST)
    found = (_margin(name, value, known) for name, value in first if 0 < len(name) <= model.MAX_NAME)
    return tuple(one for one in found if one is not None)[:MOST]


def pattern_of(request: model.Request, free: tuple[str, ...]) -> Pattern:
    """The calls that are like this one but for what is left open.

    Raises:
        InvalidAnswer: a part that may not differ, or none.
    """
    known = {one.name: one for one in margins_of(request)}
    unknown = [name for name in free if name not in known]
    if unknown or not free or len(set(free)) < len(free):
        hint = f"may differ: {', '.join(known) or 'nothing'}"
        raise errors.InvalidAnswer("say which parts of the input may differ, each once", field="free", hint=hint)
    chosen = tuple(one for name, one in known.items() if name in free)
    fixed = _fixed(request, chosen)
    return Pattern(tool=request.tool or "", fixed=fixed, free=chosen, risks=risk.names_of(request))


def is_like(pattern: Pattern, request: model.Request) -> bool:
    """Whether a call is one of these."""
    given = request.input or {}
    if request.tool != pattern.tool or any(one.name not in given for one in pattern.free):
        return False
    if not all(_IS[one.kind](one, given[one.name]) for one in pattern.free):
        return False
    if _fixed(request, pattern.free) != pattern.fixed:
        return False
    # what was not looked through to its end is like nothing: its end may hold any risk
    found = {*risk.names_of(request)}
    return risk.LONG not in found and found <= {*pattern.risks}


def _fixed(request: model.Request, free: tuple[Margin, ...]) -> str:
    names = {one.name for one in free}
    rest = {name: value for name, value in (request.input or {}).items() if name not in names}
    return digest.of_call(request.tool or "", {"free": sorted(names), "rest": rest})


def _margin(name: str, value: Any, known: tools.Tool) -> Margin | None:
    if known.command or known.patch:
        # what runs, or which files change, stands in one text: that is never left open, nor what changes its meaning
        return _beside(name, value, known)
    if isinstance(value, bool):
        return Margin(name=name, kind="flag")
    if isinstance(value, int | float):
        return Margin(name=name, kind="number", most=value) if 0 < value <= digest.MAX_SAFE_INTEGER else None
    if not isinstance(value, str) or name.casefold() in _RUNS:
        return None
    if name == known.path and known != tools.NOTHING:
        folder = _folder_of(value)
        return Margin(name=name, kind="folder", folder=folder) if folder else None
    if name in (known.words, known.content, known.before, known.after):
        return Margin(name=name, kind="text")
    return Margin(name=name, kind="word") if _WORD.fullmatch(value) else None


def _beside(name: str, value: Any, known: tools.Tool) -> Margin | None:
    """Of a shell's tool only the agent's own words, and for how long it may take."""
    if name == known.words and isinstance(value, str):
        return Margin(name=name, kind="text")
    timed = name in _HARMLESS and isinstance(value, int) and not isinstance(value, bool) and value > 0
    return Margin(name=name, kind="number", most=value) if timed else None


def _folder_of(path: str) -> str:
    """The folder of a file, with the slash; empty if it is none that may stand for its files."""
    folder = path.rpartition("/")[0]
    # the root and what is right below it hold a whole machine
    return f"{folder}/" if outside.is_plain(path) and folder.strip("/").count("/") >= 1 else ""


def _is_number(margin: Margin, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or margin.most is None:
        return False
    # where the card showed a whole number, only whole ones are like it
    return 0 <= value <= margin.most and (isinstance(value, int) or isinstance(margin.most, float))


def _is_in_folder(margin: Margin, value: Any) -> bool:
    return bool(margin.folder) and outside.is_plain(value) and value.startswith(margin.folder)


_IS: Mapping[str, Callable[[Margin, Any], bool]] = {
    "number": _is_number,
    "flag": lambda margin, value: isinstance(value, bool),
    "folder": _is_in_folder,
    "word": lambda margin, value: isinstance(value, str) and _WORD.fullmatch(value) is not None,
    "text": lambda margin, value: isinstance(value, str),
}
"""Whether a value is within each kind of margin."""


Example = tuple[str, Any]
"""A part of the input with another value; the rest is as on the card."""
_SHORT = 100


def examples(pattern: Pattern, request: model.Request) -> tuple[list[Example], list[Example]]:
    """Calls that are like the one of the card, and calls that are not: one for each part."""
    given, names = request.input or {}, {one.name for one in pattern.free}
    like = [(one.name, _OTHERS[one.kind](one, given[one.name])) for one in pattern.free]
    unlike = [(one.name, wrong) for one in pattern.free if (wrong := _beyond(one)) is not None]
    rest = ((name, _changed(value)) for name, value in given.items() if name not in names)
    return like, [*unlike, *[one for one in rest if one[1] is not None][:1]]


_OTHERS: Mapping[str, Callable[[Margin, Any], Any]] = {
    "number": lambda margin, value: value // 2 if isinstance(value, int) else value / 2,
    "flag": lambda margin, value: not value,
    "folder": lambda margin, value: f"{margin.folder}another.txt",
    "word": lambda margin, value: "another-word",
    "text": lambda margin, value: "Another text.",
}


def _beyond(margin: Margin) -> Any:
    match margin.kind:
        case "number":
            return (margin.most or 0) + 1
        case "folder":
            return f"{(margin.folder or '').rstrip('/').rpartition('/')[0]}/another.txt"
        case "word":
            return "two words"
        case "flag" | "text":
            return None


def _changed(value: Any) -> Any:
    """Another value that is as short; None if it has none that is quickly read."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) and len(value) <= _SHORT else None
