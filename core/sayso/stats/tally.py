"""Counts decided requests one by one. Pure, and bounded: foreign names beyond the first thousand share one row."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sayso import model
from sayso.content import masks
from sayso.stats.figures import Figures, Named, Reviewer, Spread

OTHERS = "(others)"
# Names come from agents. What is rare is of no use here, and must not fill the memory.
_MOST_NAMES = 1_000
_SHOWN = 25


@dataclass(slots=True)
class _Named:
    outcomes: Counter[str] = field(default_factory=Counter[str])
    seconds: list[float] = field(default_factory=list[float])


class _Names:
    """Outcomes by name."""

    def __init__(self) -> None:
        self._found: dict[str, _Named] = {}

    def add(self, name: str, outcome: str, seconds: float | None) -> None:
        known = name in self._found or len(self._found) < _MOST_NAMES
        one = self._found.setdefault(name if known else OTHERS, _Named())
        one.outcomes[outcome] += 1
        if seconds is not None:
            one.seconds.append(seconds)

    def rows(self) -> tuple[Named, ...]:
        """The most frequent ones."""
        most = sorted(self._found.items(), key=lambda item: (-item[1].outcomes.total(), item[0]))
        return tuple(
            Named(
                name=name, requests=one.outcomes.total(), outcomes=dict(one.outcomes), to_decision=spread(one.seconds)
            )
            for name, one in most[:_SHOWN]
        )


@dataclass(slots=True)
class _Person:
    answers: int = 0
    allowed: int = 0
    quick: int = 0
    days: Counter[date] = field(default_factory=Counter[date])
    given: list[tuple[datetime, bool]] = field(default_factory=list[tuple[datetime, bool]])

    def add(self, ticket: model.Ticket, given: model.Given) -> None:
        allows = given.answer.verdict == "allow"
        self.answers += 1
        self.allowed += allows
        self.quick += given.answer.is_quick(ticket.created_at, given.at)
        self.days[given.at.date()] += 1
        self.given.append((given.at, allows))

    def longest_run(self) -> int:
        longest = run = 0
        for _, allows in sorted(self.given):
            run = run + 1 if allows else 0
            longest = max(longest, run)
        return longest


class Tally:
    """The numbers of the decided requests that were added."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._to_view: list[float] = []
        self._to_answer: list[float] = []
        self._to_decision: list[float] = []
        self._open: list[float] = []
        self._by_nobody = 0
        self._tools, self._agents, self._rules, self._policies, self._places = (_Names() for _ in range(5))
        self._watched = _Names()
        self._people: defaultdict[str, _Person] = defaultdict(_Person)
        self._hours = [[0] * 24 for _ in range(7)]
        self._would_have: Counter[str] = Counter()

    def add_all(self, tickets: Iterable[model.Ticket]) -> None:
        """Count each of these."""
        for ticket in tickets:
            self.add(ticket)

    def add(self, ticket: model.Ticket) -> None:
        """Count a decided request; one that still waits is left out."""
        decision = ticket.decision
        if decision is None:
            return
        self._outcomes[decision.outcome] += 1
        self._hours[ticket.created_at.weekday()][ticket.created_at.hour] += 1
        seconds = self._time(ticket, decision)
        for names, name in self._names_of(ticket):
            names.add(name, decision.outcome, seconds)
        self._by_nobody += _is_decided_by_rule(ticket)
        self._would_have.update(ticket.ruled.watched if ticket.ruled else ())
        for given in ticket.answers:
            person = given.person if given.person in self._people or len(self._people) < _MOST_NAMES else OTHERS
            self._people[person].add(ticket, given)

    def figures(self, since: datetime, until: datetime, *, whole: bool) -> Figures:
        """What was counted."""
        return Figures(
            since=since,
            until=until,
            requests=self._outcomes.total(),
            whole=whole,
            outcomes=dict(self._outcomes),
            to_view=spread(self._to_view),
            to_answer=spread(self._to_answer),
            to_decision=spread(self._to_decision),
            to_decision_open=spread(self._open),
            prompts_per_day=_mean([count for person in self._people.values() for count in person.days.values()]),
            by_nobody=self._by_nobody,
            tools=self._tools.rows(),
            agents=self._agents.rows(),
            rules=self._rules.rows(),
            policies=self._policies.rows(),
            places=self._places.rows(),
            reviewers=self._reviewers(),
            hours=tuple(map(tuple, self._hours)),
            watched=self._watched.rows(),
            would_have=dict(self._would_have.most_common(_SHOWN)),
        )

    def _time(self, ticket: model.Ticket, decision: model.Decision) -> float | None:
        """How long people took; None if nobody decided."""
        seen = [at for at in (ticket.viewed_at, *(given.at for given in ticket.answers[:1])) if at is not None]
        if seen:
            self._to_view.append((min(seen) - ticket.created_at).total_seconds())
        if ticket.answers:
            self._to_answer.append((ticket.answers[0].at - ticket.created_at).total_seconds())
        if not decision.by:
            return None
        seconds = (decision.decided_at - ticket.created_at).total_seconds()
        self._to_decision.append(seconds)
        if ticket.policy.clock is not None:
            self._open.append(ticket.policy.clock.between(ticket.created_at, decision.decided_at).total_seconds())
        return seconds

    def _names_of(self, ticket: model.Ticket) -> Iterable[tuple[_Names, str]]:
        yield self._agents, ticket.owner
        yield self._tools, masks.GONE.text(ticket.request.tool or f"({ticket.request.kind})")
        yield self._policies, ticket.policy_name or "(unknown)"
        ruled = ticket.ruled
        if ruled and ruled.rule:
            yield self._rules, ruled.rule
        yield from ((self._watched, name) for name in (ruled.watched if ruled else ()))
        if not _is_decided_by_rule(ticket):
            yield from ((self._places, place) for place in ticket.route)

    def _reviewers(self) -> tuple[Reviewer, ...]:
        most = sorted(self._people.items(), key=lambda item: (-item[1].answers, item[0]))
        return tuple(
            Reviewer(
                person=name,
                answers=one.answers,
                allowed=one.allowed,
                quick=one.quick,
                per_day=_mean(list(one.days.values())),
                longest_run=one.longest_run(),
            )
            for name, one in most[:_SHOWN]
        )


def _is_decided_by_rule(ticket: model.Ticket) -> bool:
    return ticket.ruled is not None and ticket.ruled.effect != "ask"


def spread(seconds: Sequence[float]) -> Spread:
    """The half and the twentieth from the top of some durations."""
    if len(seconds) < 2:
        only = seconds[0] if seconds else None
        return Spread(count=len(seconds), p50=only, p95=only)
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return Spread(count=len(seconds), p50=cuts[9], p95=cuts[18])


def _mean(counts: Sequence[int]) -> float:
    return statistics.fmean(counts) if counts else 0.0
