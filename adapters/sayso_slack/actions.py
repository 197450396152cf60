"""The controls of a card as Slack blocks, and the ids by which a press on them is known. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sayso import model
from sayso.cards import card, rows
from sayso.chat import bounds
from sayso.chat.received import Json
from sayso_slack import inputs, limits

ACTION = "sayso:"
"""Every action id of ours begins with this; nothing else in the workspace does."""
BUTTON = f"{ACTION}button"
"""Those of the buttons on a card whose labels are the service's own."""
SUBMIT = f"{ACTION}submit"
"""The button that sends what was chosen on the card itself."""
JUMP = f"{ACTION}jump"
"""The buttons of a review that lead to another page in the same window."""
LINK = f"{ACTION}link"
OPEN = f"{ACTION}open"
"""The button that opens one request of a list, or of a card of several."""
UNDO = f"{ACTION}undo"
"""The button of what one person was told; the card's own one is a button like others."""


def of_card(drawn: card.Card) -> Iterator[Json]:
    """All that there is to press or to choose from on a card."""
    for control in drawn.controls:
        if isinstance(control, card.Pick):
            yield from _pick(control)
    for some in rows.rows_of(drawn.controls):
        yield row([speak(button(one, index), drawn.subject) for index, one in enumerate(some)])


def has_buttons(pick: card.Pick) -> bool:
    """Whether each option is a button of its own."""
    return not pick.multiple and len(pick.labels) <= bounds.OPTION_BUTTONS


def _pick(pick: card.Pick) -> Iterator[Json]:
    if has_buttons(pick):
        labels = [inputs.numbered(number, label, limits.BUTTON_TEXT) for number, label in enumerate(pick.labels, 1)]
        yield row(
            [
                {"type": "button", "action_id": f"{ACTION}option{index}", "text": label, "value": token}
                for index, (label, token) in enumerate(zip(labels, pick.tokens, strict=True))
            ]
        )
        return
    chosen = inputs.chooser(pick.labels, multiple=pick.multiple, described=pick.described)
    label = inputs.plain("Choose one or several" if pick.multiple else "Choose one")
    yield {"type": "input", "block_id": pick.name, "label": label, "optional": True, "element": chosen}
    yield row([{"type": "button", "action_id": SUBMIT, "text": inputs.plain("Submit"), "value": pick.submit}])


def row(elements: list[Json]) -> Json:
    """A row of buttons."""
    return {"type": "actions", "elements": elements}


def button(button: card.Button, index: int) -> Json:
    """A button of the service, by its number in the row."""
    made: Json = {
        "type": "button",
        "action_id": f"{BUTTON}{index}",
        "text": inputs.plain(button.label, limits.BUTTON_TEXT),
        "value": button.token,
    }
    if button.confirm is not None:
        asked = button.confirm
        made["confirm"] = {
            "title": inputs.plain(asked.title, limits.CONFIRM_TITLE),
            "text": inputs.plain(asked.question, limits.CONFIRM_TEXT),
            "confirm": inputs.plain(asked.submit, limits.CONFIRM_BUTTON),
            "deny": inputs.plain("Cancel"),
            "style": "danger",
        }
    return made if button.style == "plain" else {**made, "style": button.style}


def speak(element: Json, subject: str) -> Json:
    """A button with what a screen reader says for it: the label, and who asks for what."""
    # options are not spoken like this: their labels are foreign text, which is read as it stands
    label = model.cut(f"{element['text']['text']}: {subject}", limits.SPOKEN_LABEL)
    return {**element, "accessibility_label": label}


def length_of(control: card.Control) -> int:
    """How many characters of a message the words of a control take."""
    if isinstance(control, card.Button):
        return len(control.label)
    return sum(min(len(label.text) + inputs.NUMBERING, limits.OPTION_TEXT) for label in control.labels)
