"""What waits for one person, as a Home tab or a message for them; and one request as a window. Pure.

The rule: as in `render`, foreign text goes only into plain_text objects and rich text leaves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from sayso.cards import card
from sayso.chat import bounds, listing, orders
from sayso.chat.received import Json
from sayso.content import text
from sayso_slack import actions, limits, render

OPEN, TURN, END = actions.OPEN, f"{actions.ACTION}turn", f"{actions.ACTION}end"
"""The actions of a list: open one request, turn to another page, end a grant."""
ORDER = f"{actions.ACTION}order"
"""The button of the Home tab that stops everything, or lets it go on."""
# Characters of a row: a whole list stays far below what a message holds.
_ROW = 300
# And of all rows that only tell something, which have as many lines as there is to tell.
_TOLD = 7_000
_TITLE = "Request"


def home(
    shown: listing.Listing,
    others: Sequence[listing.Turn] = (),
    told: card.Line | None = None,
    offered: orders.Offered | None = None,
) -> Json:
    """The Home tab of one person: a list with ways to the others, what became of their last press, and what they may
    order."""
    ways = [_turn(turn) for turn in others]
    above: list[Json] = render.whisper(told)["blocks"] if told else []
    return {"type": "home", "blocks": [*above, actions.row([*ways, *_orders(offered)]), *_blocks(shown)]}


def _orders(offered: orders.Offered | None) -> Iterator[Json]:
    """What stops everything asks once more, and so does what lifts it; the same of one agent."""
    if offered is None:
        return
    what = offered.everything.what
    yield {
        "type": "button",
        "action_id": ORDER,
        "text": render.plain(f"{orders.ASKED[what].title}…"),
        "value": what,
        "style": "danger",
        "confirm": _confirm(what, stops=what == "stop"),
    }
    if offered.agents:
        yield _chosen(orders.STOP_ONE, offered.agents)
    if offered.stopped:
        yield _chosen(orders.RESUME_ONE, offered.stopped)


def _chosen(what: str, names: Sequence[str]) -> Json:
    """A menu of agents."""
    # names that operators gave to keys
    options = [
        {"text": render.plain(name, limits.OPTION_TEXT), "value": f"{what} {name}"}
        for name in names[: limits.SELECT_OPTIONS]
    ]
    return {
        "type": "static_select",
        "action_id": f"{ORDER}:{what.partition(' ')[0]}",
        "placeholder": render.plain(f"{orders.ASKED[what].title}…{_left(what, len(names))}", limits.PLACEHOLDER),
        "options": options,
        "confirm": _confirm(what, stops=what == orders.STOP_ONE),
    }


def _left(what: str, count: int) -> str:
    """What is said where there are more agents than a menu holds."""
    more = count - limits.SELECT_OPTIONS
    return f" (of {count:,}; others: /sayso {what} NAME)" if more > 0 else ""


def _confirm(what: str, *, stops: bool) -> Json:
    said = orders.ASKED[what]
    return {
        "title": render.plain(said.title),
        "text": render.plain(said.text),
        "confirm": render.plain(said.title),
        "deny": render.plain("Back"),
        "style": "danger" if stops else "primary",
    }


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
    yield from _rows(shown.rows, "waiting")
    if shown.rest:
        yield {"type": "context", "elements": [render.plain(shown.rest)]}
    if shown.turns:
        yield actions.row([_turn(turn) for turn in shown.turns])
    if shown.answered:
        yield {"type": "divider"}
        yield _header(listing.ANSWERED)
        yield from _rows(shown.answered, "answered")


def _header(said: str) -> Json:
    return {"type": "header", "text": render.plain(said, limits.HEADER)}


def _rows(rows: Sequence[listing.Row], name: str) -> Iterator[Json]:
    told = {number: _told(row) for number, row in enumerate(rows, 1) if row.does == "tell"}
    most = limits.TEXT_OBJECT if sum(map(len, told.values())) <= _TOLD else _TOLD // len(told)
    for number, row in enumerate(rows, 1):
        asked = "".join(map(card.words_of, row.headline))
        if number in told:
            yield {"type": "section", "text": render.plain(told[number], min(most, limits.TEXT_OBJECT))}
            continue
        # its name has the request in it: Slack keeps a block of the same name as it was
        yield {
            "type": "section",
            "block_id": f"{name}:{row.ref}",
            "text": render.plain(f"{asked[:_ROW]}\n{row.about}"),
            "accessory": _button(row, number),
        }


def _told(row: listing.Row) -> str:
    lines = ["".join(map(card.words_of, line)) for line in (row.headline, *row.facts)]
    return "\n".join([lines[0][:_ROW], *([row.about] if row.about else []), *lines[1:]])


def _button(row: listing.Row, number: int) -> Json:
    ends = row.does == "end"
    what = {"text": render.plain("End"), "style": "danger"} if ends else {"text": render.plain("Open")}
    label = f"End grant {number}" if ends else f"Open request {number}"
    action = END if ends else OPEN
    return {"type": "button", "action_id": action, **what, "value": row.ref, "accessibility_label": label}


def _turn(turn: listing.Turn) -> Json:
    return {"type": "button", "action_id": f"{TURN}{turn.label}", "text": render.plain(turn.label), "value": turn.to}
