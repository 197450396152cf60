"""The buttons of a card in rows: what a surface shows at once, and what stands behind *More…* there. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sayso.cards import card

IN_SIGHT = 5
"""Buttons of one row that every surface shows: Slack folds what comes after them, and Discord takes no more."""


def rows_of(controls: Iterable[card.Control]) -> tuple[tuple[card.Button, ...], ...]:
    """The buttons in rows of at most `IN_SIGHT`. If one row has no room for all, it has those that are always in sight.

    So *Review*, *Allow* and *Deny* stand together, whatever else a card offers.
    """
    first, rest = split(controls)
    return tuple(row[start : start + IN_SIGHT] for row in (first, rest) for start in range(0, len(row), IN_SIGHT))


def split(controls: Iterable[card.Control]) -> tuple[tuple[card.Button, ...], tuple[card.Button, ...]]:
    """The buttons that are always in sight, and those that a surface may fold away; all of them, if they are few."""
    pressed = tuple(control for control in controls if isinstance(control, card.Button))
    if len(pressed) <= IN_SIGHT:
        return pressed, ()
    first = tuple(button for button in pressed if button.first)
    return first, tuple(button for button in pressed if not button.first)
