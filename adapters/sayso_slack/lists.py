"""What waits for one person, as a Home tab or a message for them; and one request as a window. Pure.

The rule: as in `render`, foreign text goes only into plain_text objects and rich text leaves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from sayso.cards import card
from sayso.chat import bounds, listing
from sayso.chat.received import Json
from sayso.content import text
from sayso_slack import actions, limits, render

OPEN, TURN = f"{actions.ACTION}open", f"{actions.ACTION}turn"
"""The actions of a list: open one request, turn to another page."""
# Characters of a row: a whole list stays far below what a message holds.
_ROW = 300
_TITLE = "Request"


def home(shown: listing.Listing) -> Json:
    """The Home tab of one person."""
    return {"type": "home", "blocks": [*_blocks(shown)]}


def notice(told: card.Line) -> Json:
    """A Home tab that only tells something."""
    return {"type": "home", "blocks": render.whisper(told)["blocks"]}


def whisper(shown: listing.Listing) -> Json:
    """The same as a message for one person; its notification has no words of an agent."""
    return {"text": shown.title, "blocks": [*_blocks(shown)]}


def window(drawn: card.Card, told: card.Line | None = None) -> Json:
    """A request with its buttons, as a modal; *told* is what became of the last press."""
    whole = dataclasses.replace(drawn, controls=tuple(_in_window(one) for one in drawn.controls))
    blocks: list[Json] = render.render(whole)["blocks"]
    if told is not None:
        blocks = [*render.whisper(told)["blocks"], *blocks]
    return {
        "type": "modal",
        "callback_id": render.CALLBACK,
        "title": render.plain(_TITLE, limits.TITLE),
        "close": render.plain("Close"),
        "blocks": blocks,
    }


def _in_window(control: card.Control) -> card.Control:
    """A menu on a card sends what was chosen by a button beside it; a window with inputs would need to be submitted."""
    if isinstance(control, card.Button) or (not control.multiple and len(control.labels) <= bounds.OPTION_BUTTONS):
        return control
    return card.Button(text.Trusted("Choose…"), control.submit, "pick", "primary")


def _blocks(shown: listing.Listing) -> Iterator[Json]:
    yield _header(shown.title)
    yield from _rows(shown.waiting, "waiting")
    if shown.rest:
        yield {"type": "context", "elements": [render.plain(shown.rest)]}
    turns = [("Back", shown.page - 1)] if shown.page else []
    turns += [("Next", shown.page + 1)] if shown.more else []
    if turns:
        yield {"type": "actions", "elements": [_turn(label, page) for label, page in turns]}
    if shown.answered:
        yield {"type": "divider"}
        yield _header(listing.ANSWERED)
        yield from _rows(shown.answered, "answered")


def _header(said: str) -> Json:
    return {"type": "header", "text": render.plain(said, limits.HEADER)}


def _rows(rows: Sequence[listing.Row], name: str) -> Iterator[Json]:
    for number, row in enumerate(rows, 1):
        asked = "".join(map(card.words_of, row.headline))
        opens = {
            "type": "button",
            "action_id": OPEN,
            "text": render.plain("Open"),
            "value": row.ref,
            "accessibility_label": f"Open request {number}",
        }
        # its name has the request in it: Slack keeps a block of the same name as it was
        yield {
            "type": "section",
            "block_id": f"{name}:{row.ref}",
            "text": render.plain(f"{asked[:_ROW]}\n{row.about}"),
            "accessory": opens,
        }


def _turn(label: str, page: int) -> Json:
    return {"type": "button", "action_id": f"{TURN}{label}", "text": render.plain(label), "value": str(page)}
