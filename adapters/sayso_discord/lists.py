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


def whisper(shown: listing.Listing) -> Json:
    """The list as a message for one person."""
    made: Json = {}
    for longest in _LONGEST:
        made = render.private([*_parts(shown, longest)])
        if measure.fits(made["components"]):
            break
    return made


def window(drawn: card.Card) -> Json:
    """A request with its buttons, for one person."""
    made = render.render(drawn)
    return {**made, "flags": made["flags"] | components.EPHEMERAL}


def _parts(shown: listing.Listing, longest: int) -> Iterator[Json]:
    yield _text(f"**{rich.escape(shown.title)}**")
    for row in shown.rows:
        said = _text(_row(row, longest))
        told = row.does == "tell"
        yield said if told else {"type": components.SECTION, "components": [said], "accessory": _button(row)}
    if shown.rest:
        yield _text(f"-# {rich.escape(shown.rest)}")
    if shown.turns:
        yield {"type": components.ROW, "components": [_turn(turn) for turn in shown.turns]}
    if shown.answered:
        yield _text(_answered(shown.answered, longest))


def _answered(rows: Sequence[listing.Row], longest: int) -> str:
    # without buttons: a message holds forty components
    return "\n".join([f"**{rich.escape(listing.ANSWERED)}**", *(_row(row, longest) for row in rows)])


def _row(row: listing.Row, longest: int) -> str:
    about = [rich.escape(row.about)] if row.about else []
    facts = [_inlines(fact, longest) for fact in row.facts]
    return "\n-# ".join([_inlines(row.headline, longest), *about, *facts])


def _inlines(spans: Sequence[card.Inline], longest: int) -> str:
    return "".join(rich.inline(_cut(span, longest)) for span in spans)


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
