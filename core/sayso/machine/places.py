"""Who sits where: people are matched to the places of a policy, so that one person fills one place. Pure.

The rule: whoever sits keeps a place, and moves to another one only if that makes room for somebody else. So the order
of the answers never decides whether all places can be filled.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from sayso import model
from sayso.machine import escalation

_moment = operator.attrgetter("at")


@dataclass(frozen=True, slots=True)
class Seats:
    """One need, and who fills its places."""

    need: model.Need
    by: tuple[model.Given, ...] = ()

    @property
    def missing(self) -> int:
        """How many places are free."""
        return self.need.count - len(self.by)


@dataclass(frozen=True, slots=True)
class Board:
    """All places of a ticket, stage by stage."""

    stages: tuple[tuple[Seats, ...], ...]

    @property
    def open(self) -> int:
        """The first stage with a free place; the number of stages if there is none."""
        for number, stage in enumerate(self.stages):
            for seats in stage:
                if seats.missing:
                    return number
        return len(self.stages)

    @property
    def free(self) -> tuple[model.Need, ...]:
        """The needs of the first stage with a free place that have one."""
        here = self.stages[min(self.open, len(self.stages) - 1)]
        return tuple(seats.need for seats in here if seats.missing)

    @property
    def is_full(self) -> bool:
        """Whether everybody has allowed it who must."""
        return self.open == len(self.stages)

    @property
    def by(self) -> tuple[model.Given, ...]:
        """Everybody who sits, in the order of their stages and answers."""
        stages = [sorted([one for seats in stage for one in seats.by], key=_moment) for stage in self.stages]
        return tuple([one for stage in stages for one in stage])

    @property
    def seated(self) -> int:
        """How many sit."""
        return sum(len(seats.by) for stage in self.stages for seats in stage)


def board(ticket: model.Ticket) -> Board:
    """Who sits where now, of as many as are surely different people."""
    if len(ticket.answers) <= 1:
        # whoever is alone is surely somebody else than nobody
        return _seated(ticket, _allows(ticket))
    sets = surely_different(ticket)
    # most of them have the same people, or none
    different = [people for at, people in enumerate(sets) if people and people not in sets[:at]]
    boards = [_seated(ticket, people) for people in different or [[]]]
    return max(boards, key=lambda one: (one.open, one.seated))


def match(fits: Sequence[Sequence[int]], counts: Sequence[int]) -> list[int | None]:
    """Seat as many as possible: which need each person fills, or None. *fits* has the needs that each one could fill.

    Whoever comes first sits, if all can; each later one gets a place if the others can move up for it.
    """
    sitting: list[int | None] = [None] * len(fits)
    there: list[list[int]] = [[] for _ in counts]

    def find(person: int, seen: set[int]) -> bool:
        for need in fits[person]:
            if need in seen:
                continue
            seen.add(need)
            if len(there[need]) < counts[need] or any(leave(other, need, seen) for other in tuple(there[need])):
                sitting[person] = need
                there[need].append(person)
                return True
        return False

    def leave(person: int, need: int, seen: set[int]) -> bool:
        if not find(person, seen):
            return False
        there[need].remove(person)
        return True

    for person in range(len(fits)):
        find(person, set())
    return sitting


def surely_different(ticket: model.Ticket) -> list[list[model.Given]]:
    """The latest *allow* of each person, in the sets of which each surely has different people.

    Two people of the directory are; so are two accounts of one platform. An account that nobody configured may belong
    to somebody who allowed it elsewhere, unless it is known which account is theirs on its platform.
    """
    allows = {given.person: given for given in _allows(ticket)}
    sets = [[given for given in allows.values() if _is_named(given)]]
    stands = [given for given in ticket.answers if given.person in allows and given.answer.verdict == "allow"]
    for platform in dict.fromkeys(name for given in stands for name in _platforms(given)):
        there = (given for given in stands if platform in _platforms(given))
        sets.append([allows[person] for person in dict.fromkeys(given.person for given in there)])
    return sets


def _allows(ticket: model.Ticket) -> list[model.Given]:
    allows = [one for one in latest(ticket) if one.answer.verdict == "allow"]
    return [one for one in allows if one.human not in left] if (left := closed(ticket)) else allows


def closed(ticket: model.Ticket) -> frozenset[str]:
    """Those who do not count any more: an account was closed from which they answered, whatever they answered since."""
    if not ticket.gone:
        return frozenset()
    return frozenset(one.human for one in ticket.answers if one.via in ticket.gone)


def latest(ticket: model.Ticket) -> tuple[model.Given, ...]:
    """The latest answer of each person; only these count."""
    if len(ticket.answers) <= 1:
        return ticket.answers
    found: dict[str, model.Given] = {}
    for given in ticket.answers:
        for other in [one for one in found.values() if one.human == given.human and one.person != given.person]:
            # the same human, who stood in for somebody else before
            del found[other.person]
        found[given.person] = given
    return tuple(found.values())


def _seated(ticket: model.Ticket, people: Sequence[model.Given]) -> Board:
    stages = escalation.needs(ticket)
    if sum(map(len, stages)) == 1:
        # everybody may fill every place: the first ones do
        [[need]] = stages
        return Board(((Seats(need, tuple(people[: need.count])),),))
    ever, shown = escalation.ever(ticket), list[tuple[Seats, ...]]()
    for number, needs in enumerate(stages):
        here = [one for one in people if one.stage == number]
        fits = [_fitting(one, ever[number]) for one in here]
        sitting = match(fits, [need.count for need in needs])
        by = [[one for one, at in zip(here, sitting, strict=True) if at == index] for index in range(len(needs))]
        shown.append(tuple(Seats(need, tuple(there)) for need, there in zip(needs, by, strict=True)))
    return Board(tuple(shown))


def _fitting(given: model.Given, needs: Sequence[model.Need]) -> list[int]:
    return [index for index, need in enumerate(needs) if not set(need.who).isdisjoint(given.fits)]


def _platforms(given: model.Given) -> tuple[str, ...]:
    """Where one account of this person is known, so that every other one there is somebody else's."""
    return tuple(dict.fromkeys((given.via.partition(":")[0], *given.platforms)))


def _is_named(given: model.Given) -> bool:
    return given.person != given.via
