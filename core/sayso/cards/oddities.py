"""What is odd about the foreign text on a card, each thing once, with where it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sayso.cards import card
from sayso.content import text, wording

_PLACES: dict[type, str] = {
    card.Ask: "the question",
    card.Choices: "the options",
    card.Facts: "the facts below",
    card.Image: "an attachment",
    card.Says: "the agent's words",
}
_ROLES: dict[card.Role, str] = {
    "input": "the input",
    "edited": "the edited input",
    "words": "the agent's words",
    "fields": "the fields",
    "answer": "the answer",
    "reason": "the reason",
    "question": "what was asked back",
    "diff": "an attachment",
    "text": "an attachment",
    "offer": "an offer",
    "other": "the headline",
}


def warnings_in(parts: Iterable[card.Part]) -> Iterable[card.Warn]:
    """A sentence about each kind of trick in these parts, above them all."""
    found: dict[str, text.Odd] = {}
    places: dict[str, dict[str, None]] = {}
    for part in parts:
        for inline in part.inlines():
            for one in inline.warnings if isinstance(inline, text.Foreign) else ():
                seen = found.get(one.sentence)
                found[one.sentence] = text.odd(one.sentence, (*seen.signs, *one.signs)) if seen else one
                places.setdefault(one.sentence, {})[_place(part)] = None
    for sentence, one in found.items():
        said = str(one)
        where = wording.in_a_row(list(places[sentence]))
        yield card.Warn(text.Trusted(f"In {where}: {said[0].lower()}{said[1:]}"))


def _place(part: card.Part) -> str:
    return _ROLES[part.role] if isinstance(part, card.Line | card.Code) else _PLACES.get(type(part), "the card")
