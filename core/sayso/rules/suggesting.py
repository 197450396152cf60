"""Rules that people's own answers suggest: what they allowed again and again, and nobody ever denied. Pure.

The rule: what people decided counts, never what a rule or a script did. A suggestion is tried on every call that was
ever denied, lists the calls that it would have covered, and says what the input must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayso import model
from sayso.content import digest, masks, outside, risk, tools
from sayso.rules import book, calls, carriers, globs, lines, matching
from sayso.rules.replaying import Past
from sayso.rules.rule import INPUT, Match, read_match

# What costs money or cannot be taken back is never suggested by itself.
_COSTLY = frozenset([
    "pay", "payment", "payments", "payout", "refund", "transfer", "invoice", "charge", "purchase", "order", "price",
    "amount", "salary", "wire", "delete", "destroy", "drop", "remove", "purge", "wipe", "revoke", "terminate", "secret",
    "secrets", "password", "token", "credential", "key",
])  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# A word that says what a program is to do, and is no file.
_ORDER = re.compile(r"[a-z][a-z0-9-]*")
_ALL_BEHIND = "**"
# Parts of an input that a suggestion names; one with more is not like another by chance.
_MOST_PARTS = 20
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that could be, with the calls that it would have covered."""

    match: Mapping[str, Any]
    """As a `match` table says it."""
    covered: tuple[Past, ...]
    costly: bool = False
    """Whether it is about money, secrets or what cannot be taken back, or a risk was found in a call."""


@dataclass
class _Group:
    table: Mapping[str, Any]
    past: list[Past] = field(default_factory=list[Past])


def suggest(past: Sequence[Past], least: int, parse: lines.Shell | None = None) -> tuple[Suggestion, ...]:
    """Rules for what people allowed *least* times or more; those that cover the most come first."""
    decided = [one for one in past if one.request.kind == "permission" and one.by_people]
    allowed = [one for one in decided if one.outcome == "allowed" and not one.edited]
    denied = [one for one in past if one.request.kind == "permission" and one.refused]
    using = book.Book(parse=parse)
    groups = dict[str, _Group]()
    for one in allowed:
        for table in _tables(using.call(one.request, one.owner)):
            key = digest.digest(dict(table), "match")
            groups.setdefault(key, _Group(table)).past.append(one)
    found = list[Suggestion]()
    for group in sorted(groups.values(), key=lambda group: -len(group.past)):
        if len(group.past) < least:
            break
        table = _narrowed(using, group)
        match = _match_of(table)
        if not _has_secret(table) and not _is_denied(using, match, denied) and not _is_covered(group, found):
            covered = tuple(one for one in allowed if _holds(using, match, one))
            found.append(Suggestion(table, covered, any(is_costly(one.request) for one in covered)))
    return tuple(one for one in found if len(one.covered) >= least)


def is_denied(table: Mapping[str, Any], past: Iterable[Past], parse: lines.Shell | None = None) -> bool:
    """Whether somebody denied a call of the past that such a rule would allow, for any agent."""
    denied = (one for one in past if one.request.kind == "permission" and one.refused)
    return _is_denied(book.Book(parse=parse), _match_of(table), denied)


def covers(match: Match, call: calls.Call) -> bool:
    """Whether it covers a call all of which it names: any other part may change what the call does."""
    if not matching.holds(match, call, strictly=True):
        return False
    if match.program:
        # beside a command line a no may mean as much as a yes: `sandbox` = false
        return not call.beside
    parts = dict(_parts(call.request.input or {}))
    if parts.keys() != match.input.keys() or len(parts) != _leaves(call.request.input or {}):
        return False
    open_parts = (parts[name] for name, wanted in match.input.items() if any(map(_is_glob, wanted)))
    return all(map(outside.is_plain, open_parts))


def is_costly(request: model.Request) -> bool:
    """Whether a call is about money, secrets or what cannot be taken back, or a risk is found in it."""
    asked = request.input or {}
    if _has_secret(asked) or any(mark.level != "low" for mark in risk.marks_of(request)):
        return True
    said = [request.tool or "", *calls.texts_of(asked)]
    words = (word.lower() for text in said for word in _WORD.findall(text))
    return any(word in _COSTLY or word.removesuffix("s") in _COSTLY for word in words)


def _tables(call: calls.Call) -> Iterator[Mapping[str, Any]]:
    """The tables that a call could be one of: exactly it, and what is nearly it."""
    base = {"tool": call.tool, "agent": call.owner}
    if tools.find(call.tool).command:
        yield from ({**base, **one} for one in _programs(call))
        return
    parts = dict(_parts(call.request.input or {}))
    if 0 < len(parts) <= _MOST_PARTS and len(parts) == _leaves(call.request.input or {}):
        yield base | {INPUT + name: value for name, value in parts.items()}
        for name, value in parts.items():
            if folder := _folder_of(call.tool, name, value):
                yield base | {INPUT + key: one for key, one in parts.items()} | {INPUT + name: f"{folder}/*"}


def _programs(call: calls.Call) -> Iterator[Mapping[str, Any]]:
    line = call.line
    if line is None or not line.whole:
        return
    name, *words = (word.text for word in line.commands[0].words)
    if name in carriers.SHELLS or any(set("*?") & set(word) for word in words):
        return
    yield {"program": name, "args": words}
    if words and _ORDER.fullmatch(words[0]) and name not in carriers.SPELLED_OUT:
        yield {"program": name, "args": [words[0], _ALL_BEHIND]}


def _narrowed(using: book.Book, group: _Group) -> Mapping[str, Any]:
    """A table with all the words by which all its calls begin: of `s3 ls` it is not `s3`."""
    if _ALL_BEHIND not in group.table.get("args", ()):
        return group.table
    same = list[str]()
    for words in zip(*(_words_of(using, one) for one in group.past), strict=False):
        if len({*words}) > 1 or not _ORDER.fullmatch(words[0]):
            break
        same.append(words[0])
    return {**group.table, "args": [*same, _ALL_BEHIND]}


def _words_of(using: book.Book, one: Past) -> list[str]:
    line = using.call(one.request, one.owner).line
    return [word.text for word in line.commands[0].words[1:]] if line else []


def _folder_of(tool: str, name: str, value: Any) -> str:
    """The folder of a file that a call names; empty if it is none that may stand for its files."""
    if name not in (tools.find(tool).path, *outside.PATHS) or not outside.is_plain(value):
        return ""
    folder = str(value).rpartition("/")[0]
    # what is right below the root is a whole machine
    return folder if not folder.startswith("/") or folder.count("/") > 1 else ""


def _parts(value: Mapping[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The plain values of an input, by their dotted names; those with a dot in a name have none."""
    for name, inner in value.items():
        if "." in name or not name or name == "*":
            continue
        if isinstance(inner, dict) and depth < _DEEPEST:
            yield from _parts(inner, f"{above}{name}.", depth + 1)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(inner, bool | int | float) or (isinstance(inner, str) and not {"*", "?"} & set(inner)):
            yield f"{above}{name}", inner


def _leaves(value: Any) -> int:
    """How many values an input has; a list or an empty object counts as one that no table says."""
    if not isinstance(value, dict) or not value:
        return 1
    return sum(_leaves(one) for one in value.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _match_of(table: Mapping[str, Any]) -> Match:
    return read_match("suggested", table)


def _holds(using: book.Book, match: Match, one: Past) -> bool:
    return matching.holds(match, using.call(one.request, one.owner), strictly=True)


def _is_denied(using: book.Book, match: Match, denied: Iterable[Past]) -> bool:
    """Whether it would have covered one of these calls, for any agent."""
    # of what is erased nobody can say that it was another call
    tool = Match(facts={key: one for key, one in match.facts.items() if key != "agent"})
    # a program is the same in any shell, whatever an agent calls that
    wider = match.model_copy(update={"facts": {} if match.program else tool.facts})
    return any(
        matching.holds(tool if one.erased else wider, using.call(one.request, one.owner), strictly=False)
        for one in denied
    )


def _is_covered(group: _Group, found: Sequence[Suggestion]) -> bool:
    """Whether a wider suggestion covers all of these calls already."""
    ids = {one.id for one in group.past}
    return any(ids <= {past.id for past in one.covered} for one in found)


def _has_secret(given: Mapping[str, Any]) -> bool:
    """Whether there is one in it: settings and files of rules are no place for it."""
    return bool(masks.GONE.value(dict(given)) != given)


def _is_glob(value: Any) -> bool:
    return isinstance(value, str) and globs.is_glob(value)
