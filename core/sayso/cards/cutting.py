"""A card cut to the room that a platform has, and all of it in pages. Pure.

The rule: a card that does not show everything decides nothing in favour.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sayso import model
from sayso.cards import card
from sayso.content import text, wording

Trusted = text.Trusted

# A line break takes the room of this many characters, so that a long listing is not a tall card.
LINE_COST = 40
_SHORTEST = 160
# Whoever must review it all needs its beginning only, and the buttons in sight.
_BEGINNING = 1_600
# Unchanged rows beside a change that stay, when a diff is cut.
_AROUND = 3
# Characters that are measured at once while a page is filled.
_STEP = 8_192


def fit(drawn: card.Card, room: int, typed: int = model.MAX_REQUEST_BYTES) -> card.Card:
    """*drawn* in at most *room* characters of content, with the controls that it has then.

    If it does not fit, long parts are cut and the cut is said. What decides in favour goes, and *Review* comes instead.
    *typed* is how many characters a window takes: what needs more of them is not offered.
    """
    if drawn.brief:
        more = (drawn.details,) if drawn.details else ()
        return replace(drawn, parts=drawn.brief, controls=more, brief=(), details=None)
    if whole(drawn, room):
        useful = (one for one in drawn.controls if not isinstance(one, card.Button) or one.needs <= typed)
        return replace(drawn, review=None, controls=tuple(useful))
    first = drawn.parts[: _most_parts(room)]
    # an image takes no room in a text, and must be seen by whoever allows it
    kept = (*first, *(part for part in drawn.parts[len(first) :] if isinstance(part, card.Image)))
    small = sum(size(part) for part in kept if size(part) <= _SHORTEST)
    large = sum(size(part) > _SHORTEST for part in kept)
    share = max(_SHORTEST, min(room - small - 2 * _SHORTEST, _BEGINNING) // max(1, large))
    parts = [shorten(part, share) for part in kept]
    if len(kept) < len(drawn.parts):
        unshown = wording.counted(len(drawn.parts) - len(kept), "more part is", "more parts are")
        parts.append(card.Note((Trusted(f"{unshown} not shown here."),)))
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


def _height(shown: str) -> int:
    return len(shown) + LINE_COST * shown.count("\n")


@dataclass(frozen=True, slots=True)
class Paper:
    """What a page of a surface holds, and how it measures that; two texts together measure what they do one by one."""

    room: int
    part: Callable[[card.Part], int] = size
    """The room that a part takes, with all that stands around its text."""
    text: Callable[[str], int] = _height


def pages(parts: Iterable[card.Part], room: int | Paper) -> tuple[tuple[card.Part, ...], ...]:
    """All parts, in pages of at most *room*; nothing is left out. Long boxes go on over several pages."""
    paper = room if isinstance(room, Paper) else Paper(room)
    pages: list[list[card.Part]] = [[]]
    left = paper.room
    for part in parts:
        for piece in _split(part, paper, left):
            taken = paper.part(piece)
            if taken > left and pages[-1]:
                pages.append([])
                left = paper.room
            pages[-1].append(piece)
            left -= taken
    return tuple(map(tuple, pages))


def _most_parts(room: int) -> int:
    return max(4, min(16, room // (2 * _SHORTEST)))


def shorten(part: card.Part, share: int) -> card.Part:
    """The beginning of a part in *share* characters; it says how much is left out."""
    if size(part) <= share:
        return part
    label: tuple[card.Inline, ...] = (Trusted("Content"),)
    if isinstance(part, card.Code):
        label = part.label
    elif isinstance(part, card.Says):
        label = (Trusted("The agent says"),)
    full = "\n".join(card.pieces(part)) if not isinstance(part, card.Code) else part.text.text
    if isinstance(part, card.Code) and part.diff:
        return _cut_diff(part, share)
    head = full[: _taken(full, 0, share, _height)]
    rest = full.count("\n", len(head)) + 1
    box = part if isinstance(part, card.Code) else card.Code(label, text.Foreign(text.Safe("")))
    return replace(box, text=text.Foreign(text.Safe(head)), cut=len(full) - len(head), cut_lines=rest)


def _cut_diff(part: card.Code, share: int) -> card.Code:
    """A diff without what stays the same far from a change, and of the rest the beginning."""
    rows = part.text.text.split("\n")
    kept: list[str] = []
    signs = lines = 0
    for near, run in itertools.groupby(zip(_near_changes(rows), rows, strict=True), key=lambda pair: pair[0]):
        some = [row for _, row in run]
        for row in some if near else [f"@@ {len(some)} unchanged lines @@"]:
            piece = row[: max(0, share - LINE_COST)]
            share -= len(row) + LINE_COST
            kept += [piece] if piece else []
            signs += len(piece) + 1 if near else 0
            lines += near and piece == row
        if share <= LINE_COST:
            break
    shown = text.Foreign(text.Safe("\n".join(kept)))
    return replace(part, text=shown, cut=max(1, len(part.text.text) - signs), cut_lines=len(rows) - lines)


def _near_changes(rows: list[str]) -> list[bool]:
    near = [False] * len(rows)
    for order in (range(len(rows)), reversed(range(len(rows)))):
        since = _AROUND + 1
        for index in order:
            since = 0 if rows[index][:1] != " " else since + 1
            near[index] |= since <= _AROUND
    return near


def _taken(full: str, start: int, room: int, measure: Callable[[str], int]) -> int:
    """How many characters from *start* on take no more than *room*."""
    taken, step = 0, min(room, _STEP)
    while step and start + taken < len(full):
        piece = full[start + taken : start + taken + step]
        cost = measure(piece)
        if cost <= room:
            taken, room = taken + len(piece), room - cost
        else:
            step //= 2
    return taken


def _split(part: card.Part, paper: Paper, left: int) -> Iterable[card.Part]:
    if paper.part(part) <= paper.room:
        yield part
        return
    box = part
    if not isinstance(box, card.Code):
        box = card.Code((Trusted("The agent says"),), text.Foreign(text.Safe("\n".join(card.pieces(part)))))
    full = box.text.text
    around = paper.part(replace(box, text=text.Foreign(text.Safe("")))) + LINE_COST
    share = max(1, paper.room - around)
    # a page that is still half empty takes the beginning
    room = max(1, left - around) if 2 * left > paper.room else share
    start, sign = 0, ""
    while start < len(full):
        # the beginning of a page is remembered: cutting it off would copy all the rest each time
        page = full[start : start + max(1, _taken(full, start, room, paper.text))]
        line = page.rfind("\n", len(page) // 2)
        if start + len(page) < len(full) and line >= 0:
            page = page[: line + 1]  # a page ends with a line if it can
        yield replace(box, text=text.Foreign(text.Safe(sign + page)))
        start, room = start + len(page), share
        if box.diff:
            sign = _sign_of_rest(sign + page)


def _sign_of_rest(page: str) -> str:
    """What the next page of a diff begins with if it goes on within a row: that row's sign, and not its text."""
    row = page[page.rfind("\n") + 1 :]
    return row[:1]
