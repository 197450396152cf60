"""The card of several requests: a section for each with the button that allows it, and a menu that opens one. Pure.

The rule: a menu opens a request, and decides nothing: a thumb slips on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from sayso.cards import batch, card
from sayso.chat.received import Json
from sayso_discord import components, custom_ids, layout, limits, measure, rich

ROWS = 8
"""With five components for each row at most, beside all that stands around them."""
MENU = "row"
"""In place of a request's reference, in the menu whose values are such references."""
_PLACEHOLDER = "Open one to see all of it, to deny it, or for more"


def children(drawn: batch.BatchCard, head: list[Json], room: int, button: Callable[[card.Button], Json]) -> list[Json]:
    """All that the card shows below its head, with at most *room* characters in each row."""
    rows = batch.fit(drawn, room).rows
    tail = [_menu([row for row in rows if row.open]), *_controls(drawn, button)]
    for together in (False, True):
        shown = [one for is_open, some in _runs(rows) for one in _some(some, is_open, button, together=together)]
        made = [*head, *shown, *tail]
        if len(list(components.walk(made))) < limits.COMPONENTS:
            break
    return made


def _runs(rows: Sequence[batch.Row]) -> Iterator[tuple[bool, list[batch.Row]]]:
    for is_open, some in itertools.groupby(rows, key=lambda row: row.open):
        yield is_open, list(some)


def _some(
    rows: Sequence[batch.Row], is_open: bool, button: Callable[[card.Button], Json], *, together: bool
) -> Iterator[Json]:
    if not is_open:
        # nothing is to be pressed there any more, so they need no section of their own
        yield from layout.join(rich.part(part) for row in rows for part in row.parts)
        return
    for row in rows:
        yield {"type": components.SECTION, "components": _texts(row, together), "accessory": _accessory(row, button)}


def _texts(row: batch.Row, together: bool) -> list[Json]:
    first, *more = map(rich.part, row.parts)
    if together or not more:
        return [layout.text("\n".join([first, *more]))]
    return [layout.text(first), layout.text("\n".join(more))]


def _accessory(row: batch.Row, button: Callable[[card.Button], Json]) -> Json:
    allows = [one for one in row.controls if one.action == "allow"]
    return button(allows[0]) if allows else _opens(row)


def _opens(row: batch.Row) -> Json:
    opens = custom_ids.write("open", row.ref)
    return {"type": components.BUTTON, "style": components.SECONDARY, "label": f"Open {row.number}", "custom_id": opens}


def _menu(rows: Sequence[batch.Row]) -> Json:
    options = [{"label": measure.cut(row.label.text, limits.OPTION_TEXT), "value": row.ref} for row in rows]
    menu = {
        "type": components.SELECT,
        "custom_id": custom_ids.write("open", MENU),
        "options": options,
        "placeholder": _PLACEHOLDER,
        "min_values": 1,
        "max_values": 1,
    }
    return {"type": components.ROW, "components": [menu]}


def _controls(drawn: batch.BatchCard, button: Callable[[card.Button], Json]) -> Iterator[Json]:
    pressed = [button(one) for one in drawn.controls if isinstance(one, card.Button)]
    if pressed:
        yield {"type": components.ROW, "components": pressed}
