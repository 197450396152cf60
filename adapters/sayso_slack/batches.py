"""The card of several requests as Slack blocks: a row for each, with its buttons. Pure.

Rows are text and buttons, since the published types of Slack know no table whose cells can be pressed.
"""

from __future__ import annotations

from collections.abc import Iterator

from sayso.cards import batch, card
from sayso.chat.received import Json
from sayso_slack import actions, inputs, measure, reserve, rich

ROWS = 20
"""With two blocks for each row, and eight for all that stands around them."""
# Characters of a row that are not worth showing less of.
_LEAST = 40


def blocks_of(drawn: batch.BatchCard, head: int) -> list[Json]:
    """The rows, and below them what concerns all; *head* is how many characters stand above them."""
    room = reserve.CARD_CONTENT // max(1, len(drawn.rows))
    while True:
        blocks = [*_rows(batch.fit(drawn, room)), *_controls(drawn)]
        # warnings and risks are never cut, and take what they take
        if measure.text_length(blocks) + head <= reserve.MESSAGE_TEXT or room < _LEAST:
            return blocks
        room = room * 3 // 4


def _rows(shown: batch.BatchCard) -> Iterator[Json]:
    for row in shown.rows:
        yield rich.block([element for part in row.parts for element in rich.part(part)])
        if row.open:
            about = f"request {row.number} of {len(shown.rows)}"
            pressed = [actions.button(one, index) for index, one in enumerate(row.controls)]
            said = inputs.plain(f"Open {row.number}")
            opens = {"type": "button", "action_id": actions.OPEN, "text": said, "value": row.ref}
            yield actions.row([actions.speak(one, about) for one in (*pressed, opens)])


def _controls(drawn: batch.BatchCard) -> Iterator[Json]:
    buttons = [one for one in drawn.controls if isinstance(one, card.Button)]
    if buttons:
        yield actions.row([actions.speak(actions.button(one, at), drawn.subject) for at, one in enumerate(buttons)])
