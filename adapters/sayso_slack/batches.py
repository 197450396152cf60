"""The card of several requests as Slack blocks: a row for each, with its buttons. Pure.

Rows are text and buttons, since the published types of Slack know no table whose cells can be pressed.
"""

from __future__ import annotations

from collections.abc import Iterator

from sayso.cards import batch, card
from sayso.chat.received import Json
from sayso_slack import actions, inputs, reserve, rich

ROWS = 20
"""With two blocks for each row, and eight for all that stands around them."""


def blocks_of(drawn: batch.BatchCard) -> Iterator[Json]:
    """The rows, and below them what concerns all of them."""
    whole = batch.fit(drawn, reserve.CARD_CONTENT // max(1, len(drawn.rows)))
    for row in whole.rows:
        yield rich.block([element for part in row.parts for element in rich.part(part)])
        if row.open:
            about = f"request {row.number} of {len(whole.rows)}"
            pressed = [actions.button(one, index) for index, one in enumerate(row.controls)]
            opens = {
                "type": "button",
                "action_id": actions.OPEN,
                "text": inputs.plain(f"Open {row.number}"),
                "value": row.ref,
            }
            yield actions.row([actions.speak(one, about) for one in (*pressed, opens)])
    buttons = [one for one in whole.controls if isinstance(one, card.Button)]
    if buttons:
        yield actions.row([actions.speak(actions.button(one, i), whole.subject) for i, one in enumerate(buttons)])
