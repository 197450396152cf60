"""What rules would have come to on calls of the past, in the order in which they came. Pure.

The rule: it counts as the desk does, with a memory of its own; what people decided is told beside it, never judged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sayso import model
from sayso.rules import book, calls, matching, rulings
from sayso.rules.rule import After, Effect, Limit, Rule


@dataclass(frozen=True, slots=True)
class Past:
    """One request that was asked."""

    id: str
    request: model.Request
    owner: str
    at: datetime
    ruled: model.Ruled | None = None
    outcome: str | None = None
    """What became of it; None while it is open."""
    by_people: bool = False
    """Whether people decided it: no rule, no clock, and no key, which a script may hold."""
    erased: bool = False
    """Whether nothing but its tool is known any more."""
    by: str = ""
    """Who decided it."""
    edited: bool = False
    """Whether something else was allowed than was asked: a no to what was asked."""

    @property
    def refused(self) -> bool:
        """Whether what was asked was not allowed as it stood."""
        return self.outcome == "denied" or self.edited

    @property
    def effect(self) -> Effect:
        """What the rules of then came to."""
        # a grant counts only where the rules ask; no rule has a blank in its name
        if self.ruled is None or " " in (self.ruled.rule or ""):
            return "ask"
        return self.ruled.effect


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was, and what would have been."""

    past: Past
    now: rulings.Ruling

    @property
    def is_changed(self) -> bool:
        """Whether it would have come to something else."""
        return self.past.effect != self.now.effect


@dataclass
class Memory:
    """What a store would remember."""

    _taken: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict[tuple[str, str], deque[datetime]])
    _earlier: dict[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])

    def rule(self, rules: book.Book, call: calls.Call, at: datetime) -> rulings.Ruling:
        """The ruling on one call, which is remembered."""
        found = [one for one in rules.matching(call, at) if one.after is None or self._came_before(one, call, at)]
        for one in rules.rules:
            if one.after is not None and matching.holds(one.after.match, call, strictly=False):
                self._earlier[_key(one.id, one.after, call)] = at
        spent = set[str]()
        while True:
            ruling = rulings.decide(found, spent)
            rule = ruling.rule
            if rule is None or rule.limit is None or self._take(rule.id, rule.limit, call, at):
                return ruling
            spent.add(rule.id)

    def _came_before(self, rule: Rule, call: calls.Call, at: datetime) -> bool:
        assert rule.after is not None
        before = self._earlier.get(_key(rule.id, rule.after, call))
        return before is not None and (at - before).total_seconds() <= rule.after.within

    def _take(self, id: str, limit: Limit, call: calls.Call, at: datetime) -> bool:
        taken = self._taken.setdefault((id, _by(limit.by, call)), deque())
        while taken and (at - taken[0]).total_seconds() >= limit.per:
            taken.popleft()
        if len(taken) >= limit.count:
            return False
        taken.append(at)
        return True


def replay(rules: book.Book, past: Iterable[Past]) -> Iterator[Replayed]:
    """What the rules would have come to; *past* is in the order in which it came."""
    memory = Memory()
    for one in past:
        yield Replayed(one, memory.rule(rules, rules.call(one.request, one.owner), one.at))


def _by(by: str, call: calls.Call) -> str:
    return rulings.counted_by(by, call.owner, call.request.source.session)


def _key(id: str, after: After, call: calls.Call) -> tuple[str, str]:
    return id, _by(after.by, call)
