"""What Slack takes, as numbers, and a check of a finished payload against them. Pure.

From the Block Kit reference, the `@slack/types` 3.2.0 declarations and the method pages of the Web API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

Json = dict[str, Any]

# blocks: 50 in a message, 100 in a modal
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
# Slack staff name 12,000 characters for all blocks of a message (bolt-js#2509), and 11,341 were once refused (#2867).
MESSAGE_TEXT = 11_000
# So a card holds this much content; the rest of the room is for labels, numbers and the words of controls.
CARD_CONTENT = 8_000
# chat.update refuses a longer top-level text
SUMMARY = 4_000
ACTIONS = 25
CONTEXT_ELEMENTS = 10
TEXT_OBJECT = 3_000
BUTTON_TEXT = 75
BUTTON_VALUE = 2_000
ACTION_ID = 255
BLOCK_ID = 255
OPTION_TEXT = 75
BOX_OPTIONS = 10
SELECT_OPTIONS = 100
INPUT_LABEL = 2_000
PLACEHOLDER = 150
TYPED = 3_000
TITLE = 24
PRIVATE_METADATA = 3_000
CALLBACK_ID = 255
# bytes of a view as JSON
VIEW_BYTES = 250_000

_BY_TYPE: Mapping[str, Mapping[str, int]] = {
    "button": {"text": BUTTON_TEXT, "value": BUTTON_VALUE},
    "option": {"text": OPTION_TEXT, "description": OPTION_TEXT, "value": OPTION_TEXT},
    "input": {"label": INPUT_LABEL, "hint": INPUT_LABEL},
    "plain_text_input": {"initial_value": TYPED, "placeholder": PLACEHOLDER},
    "modal": {"title": TITLE, "submit": TITLE, "close": TITLE, "private_metadata": PRIVATE_METADATA},
}
_LISTS: Mapping[str, tuple[str, int]] = {
    "actions": ("elements", ACTIONS),
    "context": ("elements", CONTEXT_ELEMENTS),
    "rich_text": ("elements", 1_000_000),
    "rich_text_list": ("elements", 1_000_000),
    "radio_buttons": ("options", BOX_OPTIONS),
    "checkboxes": ("options", BOX_OPTIONS),
    "static_select": ("options", SELECT_OPTIONS),
    "multi_static_select": ("options", SELECT_OPTIONS),
}


def broken(payload: Mapping[str, Any]) -> list[str]:
    """The limits that a message or view breaks, each in a few words; none in a good payload."""
    view = payload.get("type") == "modal"
    blocks: list[Json] = payload.get("blocks", [])
    found = list(_broken_below(payload, "modal" if view else ""))
    found += _too_much("blocks", len(blocks), VIEW_BLOCKS if view else MESSAGE_BLOCKS)
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) != len(ids):
        found.append("two blocks share a block_id")
    if view:
        found += _too_much("bytes of the view", len(json.dumps(payload).encode()), VIEW_BYTES)
        if any(block["type"] == "input" for block in blocks) and not payload.get("submit"):
            found.append("inputs without submit")
    else:
        found += _too_much("text of all blocks", text_length(blocks), MESSAGE_TEXT)
        found += _too_much("text", len(payload.get("text", "")), SUMMARY)
    return found


def text_length(node: Any) -> int:
    """Characters of everything called `text` below *node*, which is what a message's total counts."""
    if isinstance(node, Mapping):
        part = cast("Mapping[str, Any]", node)
        return sum(
            len(value) if key == "text" and isinstance(value, str) else text_length(value)
            for key, value in part.items()
        )
    if isinstance(node, list):
        return sum(text_length(item) for item in cast("list[object]", node))
    return 0


def _broken_below(node: Any, kind: str) -> Iterator[str]:
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _broken_below(item, kind)
    elif isinstance(node, Mapping):
        part = cast("Mapping[str, Any]", node)
        yield from _broken_here(part, str(part.get("type", kind)))
        for key, value in part.items():
            yield from _broken_below(value, "option" if "option" in key else "")


def _broken_here(part: Mapping[str, Any], kind: str) -> Iterator[str]:
    for key, most in _BY_TYPE.get(kind, {}).items():
        yield from _too_much(f"{kind}.{key}", _length(part.get(key)), most)
    key, most = _LISTS.get(kind, ("", 0))
    if key:
        yield from _too_much(f"{kind}.{key}", len(part[key]), most)
        yield from [] if part[key] else [f"{kind}.{key} is empty"]
    if kind in ("plain_text", "mrkdwn"):
        yield from _too_much(kind, len(part["text"]), TEXT_OBJECT)
    if kind in ("plain_text", "mrkdwn", "text") and not part["text"]:
        yield f"{kind} is empty"
    if kind == "actions" and len({e["action_id"] for e in part["elements"]}) < len(part["elements"]):
        yield "two elements share an action_id"
    yield from _too_much("action_id", _length(part.get("action_id")), ACTION_ID)
    yield from _too_much("block_id", _length(part.get("block_id")), BLOCK_ID)
    yield from _too_much("callback_id", _length(part.get("callback_id")), CALLBACK_ID)


def _too_much(what: str, there: int, most: int) -> Iterator[str]:
    if there > most:
        yield f"{what}: {there} is more than {most}"


def _length(value: Any) -> int:
    if isinstance(value, Mapping):
        return len(cast("Mapping[str, Any]", value).get("text", ""))
    return len(value) if isinstance(value, str) else 0
