"""All rules, read and checked once: what may stand in a file, and which of them match a call. Pure.

The rule: whatever fails while it is looked at keeps an allow from matching, and never a deny or an ask.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from sayso import model
from sayso.rules import calls, checks, lines, matching
from sayso.rules.rule import Rule, refuse

Condition = Callable[[Mapping[str, Any]], bool | None]
"""Whether it is exactly true; None if that cannot be said."""
_INSTALL = "in a clone of sayso: pip install '.[rules]'"


class Calendar(Protocol):
    """What a rule asks of a calendar."""

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at this moment."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What rules need of others: a parser of shell lines, and a language of conditions."""

    parse: lines.Shell | None = None
    compile: Callable[[str], Condition] | None = None
    """Raises `ValueError` with what is wrong."""


@dataclass(frozen=True, slots=True)
class Book:
    """The rules of a service, in their order."""

    rules: tuple[Rule, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict[str, Calendar])
    parse: lines.Shell | None = None
    conditions: Mapping[str, Condition] = field(default_factory=dict[str, Condition])

    def call(self, request: model.Request, owner: str) -> calls.Call:
        """A request as these rules look at it."""
        return calls.Call(request, owner, self.parse)

    def matching(self, call: calls.Call, at: datetime) -> tuple[Rule, ...]:
        """All rules that match, in their order, but for `after` and `limit`: these need a memory."""
        return tuple(rule for rule in self.rules if self.failing(rule, call, at) is None)

    def failing(self, rule: Rule, call: calls.Call, at: datetime) -> str | None:
        """The key because of which a rule does not match; None if it does."""
        allows = rule.effect == "allow"
        if call.request.kind != "permission" and allows:
            return "effect"
        with contextlib.suppress(Exception):
            return self._failing(rule, call, at, strictly=allows)
        # what cannot be looked at is not let by
        return "match" if allows else None

    def _failing(self, rule: Rule, call: calls.Call, at: datetime, *, strictly: bool) -> str | None:
        if found := matching.failing(rule.match, call, strictly=strictly):
            return f"match.{found}"
        if rule.until is not None and at >= ends_at(rule.until):
            return "until"
        if rule.during is not None and not self._is_during(rule.during, at):
            return "during"
        if rule.when is not None and not self._is_when(rule.when, call, strictly=strictly):
            return "when"
        return None

    def _is_during(self, name: str, at: datetime) -> bool:
        is_open = self.calendars[name.removeprefix("!")].is_open(at)
        return is_open != name.startswith("!")

    def _is_when(self, text: str, call: calls.Call, *, strictly: bool) -> bool:
        found = self.conditions[text](call.facts())
        return found is True or (found is None and not strictly)


def ends_at(until: datetime | date) -> datetime:
    """When an allow ends: at the moment, or with the day, in UTC."""
    if isinstance(until, datetime):
        return until if until.tzinfo else until.replace(tzinfo=UTC)
    return datetime.combine(until, time(), UTC) + timedelta(days=1)


def bind(rules: Sequence[Rule], means: Means, calendars: Mapping[str, Calendar], policies: Mapping[str, Any]) -> Book:
    """The book of these rules. Raises `InvalidSettings`, naming the rule and the key."""
    conditions = dict[str, Condition]()
    seen = set[str]()
    for rule in rules:
        if rule.id in seen:
            raise refuse(rule.id, "id", "is the id of two rules", "choose another one")
        seen.add(rule.id)
        checks.check(rule, policies)
        _check_calendar(rule, calendars)
        if rule.when is not None:
            conditions[rule.when] = _condition(rule, rule.when, means)
        if means.parse is None and (rule.match.program or (rule.after and rule.after.match.program)):
            raise refuse(rule.id, "match.program", "needs a parser of shell commands", _INSTALL)
    checks.check_order(rules)
    return Book(tuple(rules), calendars, means.parse, conditions)


def _check_calendar(rule: Rule, calendars: Mapping[str, Calendar]) -> None:
    if rule.during is not None and (name := rule.during.removeprefix("!")) not in calendars:
        raise refuse(rule.id, "during", f"there is no calendar {name!r}", f"add [calendars.{name}]")


def _condition(rule: Rule, text: str, means: Means) -> Condition:
    if means.compile is None:
        raise refuse(rule.id, "when", "needs the language CEL", _INSTALL)
    try:
        return means.compile(text)
    except ValueError as error:
        names = ", ".join(calls.NAMES)
        raise refuse(rule.id, "when", str(error), f"names here: {names}") from error
