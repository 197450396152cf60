"""What waits for one person, as a message for them; and one request as a window, which here is a message too. Pure.

The rule: as in `render`, foreign text goes only through `rich`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sayso.cards import card
from sayso.chat import listing
from sayso.chat.received import Json
from sayso.content import text
from sayso_discord import components, custom_ids, measure, render, rich

# Characters of a piece of foreign text in a row: the first that fits, since signs that are escaped take more room.
_LONGEST = (120, 60, 20)
# And of all rows together, if they hold too many pieces for that; a character has at most three bytes.
_ROOM = 3_000


def whisper(shown: listing.Listing) -> Json:
    """The list as a message for one person."""
    made: Json = {}
    share = _ROOM // max(1, len(shown.rows) + len(shown.answered))
    for longest, room in (*((one, None) for one in _LONGEST), (_LONGEST[-1], share)):
        made = render.private([*_parts(shown, longest, room)])
        if measure.fits(made["components"]):
            break
    return made


def window(drawn: card.Card) -> Json:
    """A request with its buttons, for one person."""
    made = render.render(drawn)
    return {**made, "flags": made["flags"] | components.EPHEMERAL}


def _parts(shown: listing.Listing, longest: int, room: int | None) -> Iterator[Json]:
    yield _text(f"**{rich.escape(shown.title)}**")
    for row in shown.rows:
        said = _text(_row(row, longest, room))
        told = row.does == "tell"
        yield said if told else {"type": components.SECTION, "components": [said], "accessory": _button(row)}
    if shown.rest:
        yield _text(f"-# {rich.escape(shown.rest)}")
    if shown.turns:
        yield {"type": components.ROW, "components": [_turn(turn) for turn in shown.turns]}
    if shown.answered:
        yield _text(_answered(shown.answered, longest, room))


def _answered(rows: Sequence[listing.Row], longest: int, room: int | None) -> str:
    # without buttons: a message holds forty components
    return "\n".join([f"**{rich.escape(listing.ANSWERED)}**", *(_row(row, longest, room) for row in rows)])


def _row(row: listing.Row, longest: int, room: int | None) -> str:
    about = [(row.about,)] if row.about else []
    pieces = [_inline(span, longest) for span in row.headline]
    for line in (*about, *row.facts):
        pieces += ["\n-# ", *(_inline(span, longest) for span in line)]
    return "".join(pieces if room is None else _first(pieces, room))


def _first(pieces: Sequence[str], room: int) -> Iterator[str]:
    """Those that fit, each whole: half of one could leave its markup open."""
    for piece in pieces:
        room -= measure.length(piece)
        if room <= 0:
            yield "…"
            return
        yield piece


def _inline(span: card.Inline, longest: int) -> str:
    return rich.inline(_cut(span, longest))


def _cut(span: card.Inline, longest: int) -> card.Inline:
    if not isinstance(span, text.Foreign):
        return span
    return text.Foreign(text.Safe(measure.cut(span.text, longest)), span.warnings)


def _button(row: listing.Row) -> Json:
    ends = row.does == "end"
    return {
        "type": components.BUTTON,
        "style": components.DANGER if ends else components.SECONDARY,
        "label": "End" if ends else "Open",
        "custom_id": custom_ids.write("end" if ends else "open", row.ref),
    }


def _turn(turn: listing.Turn) -> Json:
    return {
        "type": components.BUTTON,
        "style": components.SECONDARY,
        "label": turn.label,
        "custom_id": custom_ids.write("turn", turn.to),
    }


def _text(content: str) -> Json:
    return {"type": components.TEXT, "content": content}
