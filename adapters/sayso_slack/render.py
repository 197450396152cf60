"""A card becomes a Slack message, a dialog becomes a modal. Pure: plain dicts, and never more than `limits` allow.

The rule: foreign text goes only into rich text leaves and into plain_text objects with `emoji` off.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sayso import model
from sayso.cards import asked, card, cutting, rows
from sayso.cards.dialog import Dialog, WindowLimits
from sayso.chat import bounds
from sayso.chat.received import Json
from sayso.content import text
from sayso.machine import people
from sayso_slack import inputs, limits, reserve, rich


def _json_length(shown: str) -> int:
    return len(json.dumps(shown)) - 2


def _block_length(part: card.Part) -> int:
    return len(json.dumps(_block(part))) + 2


ROOM = WindowLimits(
    content=reserve.CARD_CONTENT,
    inputs=8,
    typed=bounds.EDITED,
    answer=limits.TYPED,
    paper=cutting.Paper(reserve.VIEW_CONTENT, part=_block_length, text=_json_length),
)
"""What one modal holds: eight full inputs stay within the bytes of a view even if every character takes twelve."""

ACTION = "sayso:"
"""Every action id of ours begins with this; nothing else in the workspace does."""
BUTTON = f"{ACTION}button"
"""Those of the buttons on a card whose labels are the service's own."""
SUBMIT = f"{ACTION}submit"
"""The button that sends what was chosen on the card itself."""
JUMP = f"{ACTION}jump"
"""The buttons of a review that lead to another page in the same window."""
LINK = f"{ACTION}link"
_IN_INBOX = "Open in the inbox"
UNDO = f"{ACTION}undo"
"""The button of what one person was told; the card's own one is a button like others."""
CALLBACK = "sayso"
"""The callback id of our modals."""

_QUIET = {"unfurl_links": False, "unfurl_media": False}
_MARKS: Mapping[str, str] = {
    "pending": "raised_hand",
    "good": "white_check_mark",
    "bad": "no_entry",
    "gone": "heavy_minus_sign",
}


def render(drawn: card.Card, called: people.Called | None = None) -> Json:
    """The `text` and `blocks` of a message. It says what does not fit; then it offers no button that decides in favour.

    *called* are those whom it notifies.
    """
    room = reserve.CARD_CONTENT - sum(map(_length_of, drawn.controls))
    shown = asked.with_hint(_without_list(cutting.fit(drawn, room, bounds.EDITED)))
    blocks = [_block(part) for part in shown.parts]
    blocks[0]["elements"][0]["elements"][:0] = [*_sign(drawn), rich.leaf(" ")]
    if called is not None and (mentions := list(rich.mentions(called))):
        blocks.append(rich.block([rich.section([rich.leaf("For "), *mentions])]))
    controls = [_speak(block, drawn.subject) for block in _controls(shown)]
    blocks = [*_pack(blocks, limits.MESSAGE_BLOCKS - len(controls)), *controls]
    return {"text": _escape(drawn.summary)[: limits.SUMMARY], "blocks": _name_blocks(blocks)}


def _sign(drawn: card.Card) -> list[Json]:
    """What a headline begins with: what became of it, or how risky it is."""
    if drawn.risk is not None and drawn.risk in card.RISK_WORDS:
        return [rich.emoji(rich.RISKS[drawn.risk]), rich.leaf(f" {card.RISK_WORDS[drawn.risk]} ·", bold=True)]
    return [rich.emoji(_MARKS[drawn.tone])]


def render_dialog(dialog: Dialog, seat: Mapping[str, str] | None = None) -> Json:
    """A modal. It carries its token, and in *seat* the card on which it was opened."""
    view = _view(dialog, seat, tight=False)
    too_big = len(json.dumps(view)) > limits.VIEW_BYTES
    return _view(dialog, seat, tight=True) if too_big else view


def _view(dialog: Dialog, seat: Mapping[str, str] | None, *, tight: bool) -> Json:
    jumps = [{**_button(jump, 0), "action_id": f"{JUMP}{number}"} for number, jump in enumerate(dialog.jumps)]
    if dialog.link:
        # a link of the operator's own; it only says that it was pressed, which nobody reads
        jumps.append({"type": "button", "action_id": LINK, "text": plain(_IN_INBOX), "url": dialog.link})
    blocks = [_actions(jumps)] if jumps else []
    blocks += [_block(part) for part in dialog.parts]
    for given in dialog.inputs:
        blocks += inputs.render(given, tight=tight)
    view: Json = {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": json.dumps({"token": dialog.token, **(seat or {})}),
        "title": plain(dialog.heading(limits.TITLE), limits.TITLE),
        "close": plain("Close" if dialog.submit is None else "Cancel"),
        "blocks": _pack(blocks, limits.VIEW_BLOCKS),
    }
    if dialog.submit is not None:
        view["submit"] = plain(dialog.submit, limits.TITLE)
    return view


def notice(title: str, line: card.Line) -> Json:
    """A modal that only tells something, in place of a modal that cannot be submitted any more."""
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain(title, limits.TITLE),
        "close": plain("Close"),
        "blocks": [_line(line)],
    }


def whisper(line: card.Line | str, undo: str = "") -> Json:
    """A message for one person; with *undo*, also the button that takes an answer back."""
    told = _line(line if isinstance(line, card.Line) else card.Line((text.Trusted(line),)))
    button = {"type": "button", "action_id": UNDO, "text": plain("Take back"), "value": undo}
    return {"text": "About what you said here", "blocks": [told, *([_actions([button])] if undo else [])]}


def message(line: card.Line, link: str = "") -> Json:
    """A direct message of the service, with the address of a card."""
    told = rich.part(line)
    more = [rich.section([{"type": "link", "url": link, "text": "Open the card"}])] if link else []
    said = "".join(card.words_of(span) for span in line.text)
    return {"text": _escape(said)[: limits.SUMMARY], "blocks": [rich.block([*told, *more])], **_QUIET}


def without_controls(blocks: Iterable[Mapping[str, Any]]) -> Json:
    """A card as a press brings it back, without its buttons, and with the reason why."""
    kept = [block for block in blocks if block.get("type") not in ("actions", "input")][: limits.MESSAGE_BLOCKS - 1]
    shown: list[Json] = [_restore(block) for block in kept]
    gone = _line(card.Line((text.Trusted("This request is not known any more: nobody can answer it."),), strong=True))
    return {"text": "A request that nobody can answer any more", "blocks": _name_blocks([*shown, gone])}


def note(note: card.Says) -> Json:
    """A progress note of an agent, labelled as such."""
    return {"text": "An agent tells what it is doing", "blocks": [rich.block(rich.part(note))], **_QUIET}


def opening(session: card.Session) -> Json:
    """The message that the thread of a session's notes hangs on."""
    shown = rich.section([rich.leaf("Notes of the session "), rich.inline(session.name)])
    return {"text": "Notes of an agent's session", "blocks": [rich.block([shown])], **_QUIET}


def plain(content: str, longest: int = limits.TEXT_OBJECT) -> Json:
    """A text object in which nothing is live, cut if it is too long."""
    return inputs.plain(content, longest)


def _line(line: card.Line) -> Json:
    return rich.block(rich.part(line))


def _restore(node: Any) -> Any:
    """Undo the escapes that Slack puts into what it hands back."""
    if isinstance(node, list):
        items: list[Any] = list(node)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return [_restore(item) for item in items]
    if not isinstance(node, Mapping):
        return node
    part: Json = {key: _restore(value) for key, value in node.items() if key != "block_id"}  # pyright: ignore[reportUnknownVariableType]
    return {**part, "text": html.unescape(part["text"])} if part.get("type") == "plain_text" else part


def _block(part: card.Part) -> Json:
    if isinstance(part, card.Note):
        shown = "".join(rich.inline(span).get("text") or rich.inline(span)["fallback"] for span in part.text)
        return {"type": "context", "elements": [plain(shown)]}
    return rich.block(rich.part(part))


def _controls(drawn: card.Card) -> Iterator[Json]:
    for control in drawn.controls:
        if isinstance(control, card.Pick):
            yield from _pick(control)
    for row in rows.rows_of(drawn.controls):
        yield _actions([_button(button, index) for index, button in enumerate(row)])


def _without_list(drawn: card.Card) -> card.Card:
    """The card without its list of options, if its buttons or its menu show all of them."""
    menu = next((one for one in drawn.controls if isinstance(one, card.Pick) and not _has_buttons(one)), None)
    longest = limits.OPTION_TEXT if menu else limits.BUTTON_TEXT
    return asked.without_list(drawn, longest - inputs.NUMBERING, limits.OPTION_TEXT if menu else 0)


def _has_buttons(pick: card.Pick) -> bool:
    return not pick.multiple and len(pick.labels) <= bounds.OPTION_BUTTONS


def _pick(pick: card.Pick) -> Iterator[Json]:
    if _has_buttons(pick):
        labels = [inputs.numbered(number, label, limits.BUTTON_TEXT) for number, label in enumerate(pick.labels, 1)]
        yield _actions(
            [
                {"type": "button", "action_id": f"{ACTION}option{index}", "text": label, "value": token}
                for index, (label, token) in enumerate(zip(labels, pick.tokens, strict=True))
            ]
        )
        return
    chosen = inputs.chooser(pick.labels, multiple=pick.multiple, described=pick.described)
    label = plain("Choose one or several" if pick.multiple else "Choose one")
    yield {"type": "input", "block_id": pick.name, "label": label, "optional": True, "element": chosen}
    yield _actions([{"type": "button", "action_id": SUBMIT, "text": plain("Submit"), "value": pick.submit}])


def _actions(elements: list[Json]) -> Json:
    return {"type": "actions", "elements": elements}


def _button(button: card.Button, index: int) -> Json:
    made: Json = {
        "type": "button",
        "action_id": f"{BUTTON}{index}",
        "text": plain(button.label, limits.BUTTON_TEXT),
        "value": button.token,
    }
    if button.confirm is not None:
        asked = button.confirm
        made["confirm"] = {
            "title": plain(asked.title, limits.CONFIRM_TITLE),
            "text": plain(asked.question, limits.CONFIRM_TEXT),
            "confirm": plain(asked.submit, limits.CONFIRM_BUTTON),
            "deny": plain("Cancel"),
            "style": "danger",
        }
    return made if button.style == "plain" else {**made, "style": button.style}


def _speak(block: Json, subject: str) -> Json:
    """Buttons of the service with what a screen reader says for them: the label, and who asks for what."""
    if block["type"] != "actions":
        return block
    return {**block, "elements": [_speak_one(one, subject) for one in block["elements"]]}


def _speak_one(element: Json, subject: str) -> Json:
    # the label of an option is foreign text, which is read as it stands
    if element["type"] != "button" or not element["action_id"].startswith(BUTTON):
        return element
    label = model.cut(f"{element['text']['text']}: {subject}", limits.SPOKEN_LABEL)
    return {**element, "accessibility_label": label}


def _pack(blocks: list[Json], most: int) -> list[Json]:
    """At most *most* blocks: rich text blocks in a row become one, which shows the same."""
    if len(blocks) <= most:
        return blocks
    packed: list[Json] = []
    for block in blocks:
        if packed and block["type"] == packed[-1]["type"] == "rich_text":
            packed[-1] = rich.block([*packed[-1]["elements"], *block["elements"]])
        else:
            packed.append(block)
    return packed


def _name_blocks(blocks: list[Json]) -> list[Json]:
    """Block ids that change with the content, so that Slack never keeps a choice made on other content."""
    content = hashlib.sha256(json.dumps(blocks).encode()).hexdigest()[:12]
    return [
        {**block, "block_id": f"{block.get('block_id', 'b')}:{index}:{content}"} for index, block in enumerate(blocks)
    ]


def _length_of(control: card.Control) -> int:
    if isinstance(control, card.Button):
        return len(control.label)
    return sum(min(len(label.text) + inputs.NUMBERING, limits.OPTION_TEXT) for label in control.labels)


def _escape(said: str) -> str:
    # the top-level text is mrkdwn; the service's own words hold nothing live, and stay so
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
