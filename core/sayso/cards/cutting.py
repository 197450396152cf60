"""A card cut to the room that a platform has, and all of it in pages. Pure.

The rule: a card that does not show everything decides nothing in favour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sayso.cards import card
from sayso.content import text

Trusted = text.Trusted

# A line break takes the room of this many characters, so that a long listing is not a tall card.
LINE_COST = 40
_SHORTEST = 160


def fit(drawn: card.Card, room: int) -> card.Card:
    """*drawn* in at most *room* characters of content, with the controls that it has then.

    If it does not fit, long parts are cut and the cut is said. What decides in favour goes, and *Review* comes instead.
    """
    if whole(drawn, room):
        return replace(drawn, review=None)
    kept = drawn.parts[: _most_parts(room)]
    small = sum(size(part) for part in kept if size(part) <= _SHORTEST)
    large = sum(size(part) > _SHORTEST for part in kept)
    share = max(_SHORTEST, (room - small - 2 * _SHORTEST) // max(1, large))
    parts = [_cut(part, share) for part in kept]
    if len(kept) < len(drawn.parts):
        parts.append(card.Note((Trusted(f"{len(drawn.parts) - len(kept)} more parts are not shown here."),)))
    press = " Press Review to read the whole content." if drawn.review else ""
    parts.append(card.Warn(Trusted(f"Not all of it is shown here.{press}")))
    left = (one for one in drawn.controls if isinstance(one, card.Button) and not one.deciding)
    controls = (*([drawn.review] if drawn.review else []), *left)
    return replace(drawn, parts=tuple(parts), controls=controls, review=None)


def whole(drawn: card.Card, room: int) -> bool:
    """Whether all the content fits, so that it may be decided from the card."""
    return sum(map(size, drawn.parts)) <= room


def size(part: card.Part) -> int:
    """The room a part takes, in characters."""
    return sum(len(piece) + LINE_COST * piece.count("\n") for piece in card.pieces(part))


def pages(parts: Iterable[card.Part], room: int) -> tuple[tuple[card.Part, ...], ...]:
    """All parts, in pages of at most *room* characters; nothing is left out. Long boxes go on over several pages."""
    pages: list[list[card.Part]] = [[]]
    left = room
    for part in parts:
        for piece in _split(part, room):
            if size(piece) > left and pages[-1]:
                pages.append([])
                left = room
            pages[-1].append(piece)
            left -= size(piece)
    return tuple(map(tuple, pages))


def _most_parts(room: int) -> int:
    return max(4, min(16, room // (2 * _SHORTEST)))


def _cut(part: card.Part, share: int) -> card.Part:
    if size(part) <= share:
        return part
    label: tuple[card.Inline, ...] = (Trusted("Content"),)
    if isinstance(part, card.Code):
        label = part.label
    elif isinstance(part, card.Says):
        label = (Trusted("The agent says"),)
    full = "\n".join(card.pieces(part)) if not isinstance(part, card.Code) else part.text.text
    head = full[: _taken(full, 0, share)]
    role = part.role if isinstance(part, card.Code) else "other"
    return card.Code(label, text.Foreign(text.Safe(head)), cut=len(full) - len(head), role=role)


def _taken(full: str, start: int, share: int) -> int:
    """How many characters from *start* on take no more room than *share*."""
    taken = cost = 0
    for character in full[start : start + share]:
        cost += 1 + (LINE_COST if character == "\n" else 0)
        if cost > share:
            break
        taken += 1
    return taken


def _split(part: card.Part, room: int) -> Iterable[card.Part]:
    if size(part) <= room:
        yield part
        return
    label = part.label if isinstance(part, card.Code) else (Trusted("The agent says"),)
    role = part.role if isinstance(part, card.Code) else "other"
    full = part.text.text if isinstance(part, card.Code) else "\n".join(card.pieces(part))
    share = max(1, room - sum(len(card.words_of(span)) for span in label) - LINE_COST)
    start = 0
    while start < len(full):
        # the beginning of a page is remembered: cutting it off would copy all the rest each time
        page = full[start : start + max(1, _taken(full, start, share))]
        line = page.rfind("\n", len(page) // 2)
        if start + len(page) < len(full) and line >= 0:
            page = page[: line + 1]  # a page ends with a line if it can
        yield card.Code(label, text.Foreign(text.Safe(page)), role=role)
        start += len(page)
