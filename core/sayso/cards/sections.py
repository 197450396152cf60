"""A card in sections: what the service says, what the agent brings, and what stands below both. Pure.

The rule: a section has one voice. Surfaces keep sections apart by their own structure, so that no text of an agent can
run on into ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sayso.cards import card

Kind = Literal["service", "content", "below"]
"""`service`: who asks what, by when, how risky, what became of it. `content`: the agent's. `below`: small facts."""

# So many facts can be read on one line.
_ON_ONE_LINE = 3


@dataclass(frozen=True, slots=True)
class Section:
    """Parts in a row that stand together."""

    kind: Kind
    parts: tuple[card.Part, ...]


def sections(parts: Iterable[card.Part]) -> tuple[Section, ...]:
    """The parts in their order, as sections; small print stays in the section that it ends."""
    made: list[Section] = []
    for part in parts:
        last = made[-1].kind if made else "service"
        kind = last if isinstance(part, card.Note) else _kind_of(part)
        if made and kind == last:
            made[-1] = Section(kind, (*made[-1].parts, part))
        else:
            made.append(Section(kind, (part,)))
    return tuple(made)


def text_of(drawn: card.Card) -> str:
    """The whole card as a text file."""
    return "\n\n".join("\n".join(card.pieces(part)) for part in drawn.parts) + "\n"


def on_one_line(facts: card.Facts) -> bool:
    """Whether a surface may put these facts beside each other."""
    return len(facts.rows) <= _ON_ONE_LINE


def _kind_of(part: card.Part) -> Kind:
    if isinstance(part, card.Facts):
        return "below"
    if isinstance(part, card.Line):
        return "service" if part.role == "other" else "content"
    return "service" if isinstance(part, card.Warn | card.Risk) else "content"
