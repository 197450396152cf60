"""A rule as the operator wrote it, and its `match` table as conditions on a call. Frozen.

The rule: an unknown key anywhere refuses it, and what could only be a mistake does, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, cast

import pydantic

from sayso import errors, model, parts

Effect = Literal["allow", "deny", "ask"]
By = Literal["agent", "session", "all"]
INPUT: Final = "input."
ANYWHERE: Final = "input.*"
"""Any text anywhere in the input; of a deny or an ask only."""

FACTS: Final = ("tool", "agent", "session", "project", "kind", "risk", "priority")
"""What a call has beside its input."""
WORDS_OF_AGENTS: Final = ("session", "project", "risk", "priority")
"""What the agent says of itself; an allow that rests on it is told of by lint."""
_SHELL = ("program", "args")
_FLAGS = ("any_args", "any_input")
_MOST = 200


class Limit(model.Frozen):
    """An allow is good for so many calls in a time."""

    count: Annotated[int, pydantic.Field(strict=True, ge=1, le=1_000)]
    per: parts.Seconds
    by: By = "all"


class Match(model.Frozen):
    """The conditions of a `match` table; all of them must hold."""

    facts: dict[str, tuple[str, ...]] = pydantic.Field(default_factory=dict)
    """Texts and globs, by the name of a fact."""
    input: dict[str, tuple[parts.Scalar, ...]] = pydantic.Field(default_factory=dict)
    """Texts, globs and plain values, by the dotted name of a part of the input."""
    program: tuple[str, ...] = ()
    args: tuple[str, ...] | None = None
    any_args: bool = False
    any_input: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it is about every call."""
        return not (self.facts or self.input or self.program)


class After(model.Frozen):
    """A rule that counts only where an earlier call matched."""

    match: Match
    within: parts.Seconds
    by: By = "all"


class Rule(model.Frozen):
    """One entry of `[[rules]]`."""

    id: str
    match: Match = Match()
    when: str | None = None
    """A condition in CEL; it counts only if it is exactly true."""
    during: str | None = None
    """The name of a calendar, or `!` and one that must be closed."""
    after: After | None = None
    effect: Effect
    policy: str | None = None
    route: tuple[model.Place, ...] = ()
    priority: model.Priority | None = None
    """How urgent it is; of an ask only."""
    reason: model.Reason | None = None
    limit: Limit | None = None
    until: datetime | date | None = None
    """An allow ends with this day, in UTC, or at this moment."""
    observed: bool = False
    """Whether it decides nothing, and only says what it would have done."""


def refuse(id: str, key: str, said: str, hint: str | None = None) -> errors.InvalidSettings:
    """The error about one key of a rule."""
    name = f"rules.{id}.{key}"
    return errors.InvalidSettings(f"{name}: {said}", field=name, hint=hint)


def read_match(id: str, table: Mapping[str, Any], key: str = "match") -> Match:
    """A `match` table. Raises `InvalidSettings`, naming the key."""
    facts, within = dict[str, tuple[str, ...]](), dict[str, tuple[parts.Scalar, ...]]()
    others = dict[str, Any]()
    for name, value in _flat(table):
        where = f"{key}.{name}"
        if name in FACTS:
            facts[name] = _texts(id, where, value)
        elif name.startswith(INPUT) and name != INPUT:
            within[name.removeprefix(INPUT)] = _scalars(id, where, value)
        elif name in _SHELL:
            others[name] = _texts(id, where, value)
        elif name in _FLAGS:
            others[name] = _flag(id, where, value)
        else:
            known = ", ".join((*FACTS, *_SHELL, *_FLAGS))
            raise refuse(id, where, "is no condition", f'known: {known}, and "input.NAME"')
    return Match(facts=facts, input=within, **others)


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    # `input.command` without quotes is a table in a table
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(cast("Mapping[str, Any]", value), f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _several(id: str, where: str, value: Any) -> Sequence[Any]:
    listed = cast("list[object]", value) if isinstance(value, list) else [value]
    if not listed and not where.endswith("args"):
        raise refuse(id, where, "is empty, so nothing would match", "name something, or leave the key out")
    if len(listed) > _MOST:
        raise refuse(id, where, f"has more than {_MOST} entries")
    return listed


def _texts(id: str, where: str, value: Any) -> tuple[str, ...]:
    listed = _several(id, where, value)
    for one in listed:
        if not isinstance(one, str) or not one:
            raise refuse(id, where, "expects a text or a list of texts")
    if where.endswith("program"):
        for one in listed:
            if set("*?/ ") & set(one):
                raise refuse(id, where, f"{one!r} is no program", "an exact name without a folder; args takes globs")
    return tuple(listed)


def _scalars(id: str, where: str, value: Any) -> tuple[parts.Scalar, ...]:
    listed = _several(id, where, value)
    for one in listed:
        if not isinstance(one, str | bool | int | float):
            raise refuse(id, where, "expects a text, a number, true or false, or a list of these")
    return tuple(listed)


def _flag(id: str, where: str, value: Any) -> bool:
    if value is not True:
        raise refuse(id, where, "expects true", "or leave the key out")
    return True
