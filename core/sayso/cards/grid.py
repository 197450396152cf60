"""Requests as a grid, for a surface with room for many: groups of those that are alike, the most risky first. Pure.

The rule: a row that does not show all of its request cannot be chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from sayso import model
from sayso.cards import batch, batch_facts, board, card, cutting, draw, masked, tokens
from sayso.content import risk
from sayso.machine import people, schedule

ROOM = 1_500
"""Characters of a row that shows all of its request without being opened."""
# Of a longer one these first parts are shown.
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """One request in a row of its own."""

    ticket: model.Ticket
    parts: tuple[card.Part, ...]
    risk: model.Risk | None
    whole: bool
    """Whether all of it is shown."""


@dataclass(frozen=True, slots=True)
class Group:
    """Requests that are alike: who asks, in which session, under which policy."""

    headline: card.Line
    told: tuple[card.Line, ...]
    """By when and by whom it is decided, and what else is the same for all."""
    cells: tuple[Cell, ...]
    risk: model.Risk | None


def groups(
    tickets: Iterable[model.Ticket],
    like: Callable[[model.Ticket], str],
    opened: Collection[str],
    maker: tokens.TokenMaker,
    directory: people.Directory,
) -> list[Group]:
    """The groups of these open requests; those whose ids are *opened* are shown whole, however long they are."""
    alike: dict[str, list[model.Ticket]] = {}
    for one in tickets:
        alike.setdefault(like(one), []).append(masked.of(one, maker))
    made = [_group(batch_facts.ordered(some), opened, maker, directory) for some in alike.values()]
    return sorted(made, key=lambda one: -risk.LEVELS[one.risk])


def _group(
    tickets: Sequence[model.Ticket], opened: Collection[str], maker: tokens.TokenMaker, directory: people.Directory
) -> Group:
    differs = batch_facts.differences(tickets)
    cells = tuple(
        _cell(one, number, differs, one.id in opened, maker, directory) for number, one in enumerate(tickets, 1)
    )
    soonest = min(tickets, key=schedule.ends)
    terms = next(iter(board.terms(soonest, directory)))
    headline = card.Line(batch_facts.headline(tickets), strong=True)
    return Group(headline, (terms, *batch_facts.common(tickets)), cells, risk.highest([one.risk for one in cells]))


def _cell(
    ticket: model.Ticket,
    number: int,
    differs: Sequence[str],
    opened: bool,
    maker: tokens.TokenMaker,
    directory: people.Directory,
) -> Cell:
    drawn = draw.card_of(ticket, maker, directory)
    parts = batch.parts_of(ticket, drawn, number, differs)
    whole = opened or sum(map(cutting.size, parts)) <= ROOM
    if not whole:
        parts = tuple(cutting.shorten(part, ROOM // 3) for part in parts[:_SHOWN])
    return Cell(ticket, parts, drawn.risk, whole)
