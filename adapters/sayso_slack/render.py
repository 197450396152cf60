"""A card becomes a Slack message, a dialog becomes a modal. Pure: plain dicts, and never more than `limits` allow.

The rule: foreign text goes only into rich text leaves and into plain_text objects with `emoji` off.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sayso.cards import asked, attached, batch, card, cutting, sections
from sayso.cards.dialog import Dialog, WindowLimits
from sayso.chat import bounds, sent
from sayso.chat.received import Json
from sayso.content import text
from sayso.machine import people
from sayso_slack import actions, batches, inputs, limits, reserve, rich


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

_IN_INBOX = "Open in the inbox"
CALLBACK = "sayso"
"""The callback id of our modals."""

# Characters of the headline's sign, and of whom it mentions.
_BESIDE = 400
_NONE: Mapping[int, str] = {}
_QUIET = {"unfurl_links": False, "unfurl_media": False}
_MARKS: Mapping[str, str] = {
    "pending": "raised_hand",
    "good": "white_check_mark",
    "bad": "no_entry",
    "gone": "heavy_minus_sign",
}


def render(drawn: card.Card, called: people.Called | None = None, files: Mapping[int, str] | None = None) -> Json:
    """The `text` and `blocks` of a message. It says what does not fit; then it offers no button that decides in favour.

    *called* are those whom it notifies, *files* the attached images that Slack has, by their numbers.
    """
    drawn = attached.unless_seen(drawn, files or {})
    room = reserve.CARD_CONTENT - sum(map(actions.length_of, drawn.controls))
    shown = asked.with_hint(_without_list(cutting.fit(drawn, room, bounds.EDITED)), ROOM)
    controls = _rows(shown) if isinstance(shown, batch.BatchCard) and shown.rows else list(actions.of_card(shown))
    blocks = _blocks(shown.parts, limits.MESSAGE_BLOCKS - len(controls) - 1, files or {})
    blocks[0]["elements"][0]["elements"][:0] = [*_sign(drawn), rich.leaf(" ")]
    if called is not None and (mentions := list(rich.mentions(called))):
        blocks.append(rich.block([rich.section([rich.leaf("For "), *mentions])]))
    return {"text": _escape(drawn.summary)[: limits.SUMMARY], "blocks": _name_blocks([*blocks, *controls])}


def _rows(shown: batch.BatchCard) -> list[Json]:
    head = sum(len(piece) for part in shown.parts for piece in card.pieces(part))
    return batches.blocks_of(shown, head + _BESIDE)


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
    jumps = [
        {**actions.button(jump, 0), "action_id": f"{actions.JUMP}{number}"} for number, jump in enumerate(dialog.jumps)
    ]
    if dialog.link:
        # a link of the operator's own; it only says that it was pressed, which nobody reads
        jumps.append({"type": "button", "action_id": actions.LINK, "text": plain(_IN_INBOX), "url": dialog.link})
    blocks = [actions.row(jumps)] if jumps else []
    blocks += _blocks(dialog.parts, limits.VIEW_BLOCKS - len(blocks))
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
    button = {"type": "button", "action_id": actions.UNDO, "text": plain("Take back"), "value": undo}
    return {"text": "About what you said here", "blocks": [told, *([actions.row([button])] if undo else [])]}


def message(line: card.Line, link: str = "") -> Json:
    """A direct message of the service, with the address of a card."""
    told = rich.part(line)
    more = [rich.section([{"type": "link", "url": link, "text": "Open the card"}])] if link else []
    said = "".join(card.words_of(span) for span in line.text)
    return {"text": _escape(said)[: limits.SUMMARY], "blocks": [rich.block([*told, *more])], **_QUIET}


def reminder(line: card.Line, called: people.Called) -> Json:
    """A message below a card, which notifies those who are *called*."""
    mentions = list(rich.mentions(called))
    for_them = [rich.section([*mentions])] if mentions else []
    return {**message(line), "blocks": [rich.block([*for_them, *rich.part(line)])]}


def without_controls(blocks: Iterable[Any]) -> Json:
    """A card as a press brings it back, without its buttons, and with the reason why."""
    said: list[Json] = [block for block in blocks if isinstance(block, dict)]
    kept = [block for block in said if block.get("type") not in ("actions", "input")][: limits.MESSAGE_BLOCKS - 1]
    shown: list[Json] = [_restore(block) for block in kept]
    gone = _line(card.Line((text.Trusted("This request is not known any more: nobody can answer it."),), strong=True))
    return {"text": "A request that nobody can answer any more", "blocks": _name_blocks([*shown, gone])}


def note(note: card.Says | card.Line) -> Json:
    """A progress note of an agent, labelled as such; or a line of the service itself."""
    who = "An agent tells what it is doing" if isinstance(note, card.Says) else "The service tells of its log"
    return {"text": who, "blocks": [rich.block(rich.part(note))], **_QUIET}


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
    # small print holds words of ours only: there a moment would not be in the reader's time, nor foreign text set apart
    if isinstance(part, card.Note) and all(isinstance(span, str) for span in part.text):
        return {"type": "context", "elements": [plain("".join(card.pieces(part)))]}
    return rich.block(rich.part(part))


def _without_list(drawn: card.Card) -> card.Card:
    """The card without its list of options, if its buttons or its menu show all of them."""
    menu = next((one for one in drawn.controls if isinstance(one, card.Pick) and not actions.has_buttons(one)), None)
    longest = limits.OPTION_TEXT if menu else limits.BUTTON_TEXT
    return asked.without_list(drawn, longest - inputs.NUMBERING, limits.OPTION_TEXT if menu else 0)


def _blocks(parts: Iterable[card.Part], most: int, files: Mapping[int, str] = _NONE) -> list[Json]:
    """A block for each part. If that is too much, what one voice says shares blocks: an agent's first, then ours."""
    split = [
        (section.kind, [block for part in section.parts for block in _with_image(part, files)])
        for section in sections.sections(parts)
    ]
    every = [block for _, blocks in split for block in blocks]
    if len(every) <= most:
        return every
    packed = [block for kind, blocks in split for block in (_pack(blocks, 1) if kind == "content" else blocks)]
    if len(packed) <= most:
        return packed
    # such as a warning for each of a hundred options
    return [block for _, blocks in split for block in _pack(blocks, 1)]


def _with_image(part: card.Part, files: Mapping[int, str]) -> Iterator[Json]:
    yield _block(part)
    if isinstance(part, card.Image) and part.index in files:
        yield {"type": "image", "slack_file": {"id": files[part.index]}, "alt_text": "Attached image"}


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
    content = hashlib.sha256(sent.to_json(blocks)).hexdigest()[:12]
    return [
        {**block, "block_id": f"{block.get('block_id', 'b')}:{index}:{content}"} for index, block in enumerate(blocks)
    ]


def _escape(said: str) -> str:
    # the top-level text is mrkdwn; the service's own words hold nothing live, and stay so
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
