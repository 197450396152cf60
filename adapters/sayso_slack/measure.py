"""Measures texts as Slack does, and checks a finished payload against its limits. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from sayso.chat.bounds import excess
from sayso.chat.received import Json
from sayso_slack import limits, reserve

_NO_LIMIT = 1_000_000
_BY_TYPE: Mapping[str, Mapping[str, int]] = {
    "button": {
        "text": limits.BUTTON_TEXT,
        "value": limits.BUTTON_VALUE,
        "accessibility_label": limits.SPOKEN_LABEL,
    },
    "option": {"text": limits.OPTION_TEXT, "description": limits.OPTION_TEXT, "value": limits.OPTION_TEXT},
    "input": {"label": limits.INPUT_LABEL, "hint": limits.INPUT_LABEL},
    "plain_text_input": {"initial_value": limits.TYPED, "placeholder": limits.PLACEHOLDER},
    "modal": {
        "title": limits.TITLE,
        "submit": limits.TITLE,
        "close": limits.TITLE,
        "private_metadata": limits.PRIVATE_METADATA,
    },
}
_IDS: Mapping[str, int] = {
    "action_id": limits.ACTION_ID,
    "block_id": limits.BLOCK_ID,
    "callback_id": limits.CALLBACK_ID,
}
_LISTS: Mapping[str, tuple[str, int]] = {
    "actions": ("elements", limits.ACTIONS),
    "context": ("elements", limits.CONTEXT_ELEMENTS),
    "rich_text": ("elements", _NO_LIMIT),
    "rich_text_list": ("elements", _NO_LIMIT),
    "radio_buttons": ("options", limits.BOX_OPTIONS),
    "checkboxes": ("options", limits.BOX_OPTIONS),
    "static_select": ("options", limits.SELECT_OPTIONS),
    "multi_static_select": ("options", limits.SELECT_OPTIONS),
}


def broken(payload: Mapping[str, Any]) -> list[str]:
    """The limits that a message or view breaks, each in a few words; empty for a good payload."""
    view = payload.get("type") == "modal"
    blocks: list[Json] = payload.get("blocks", [])
    found = list(_broken_below(payload, "modal" if view else ""))
    found += excess("blocks", len(blocks), limits.VIEW_BLOCKS if view else limits.MESSAGE_BLOCKS)
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) != len(ids):
        found.append("two blocks share a block_id")
    if view:
        found += excess("bytes of the view", len(json.dumps(payload).encode()), limits.VIEW_BYTES)
        if any(block["type"] == "input" for block in blocks) and not payload.get("submit"):
            found.append("inputs without submit")
    else:
        found += excess("text of all blocks", text_length(blocks), reserve.MESSAGE_TEXT)
        found += excess("text", len(payload.get("text", "")), limits.SUMMARY)
    return found


def text_length(node: Any) -> int:
    """Characters of everything called `text` below *node*, which is what a message's total counts."""
    # what it is made of is JSON, and a Mapping takes ten times as long to tell
    if isinstance(node, dict):
        part = cast(Json, node)
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
    elif isinstance(node, dict):
        part = cast(Json, node)
        yield from _broken_here(part, str(part.get("type", kind)))
        for key, value in part.items():
            # most are texts
            if isinstance(value, dict | list):
                yield from _broken_below(value, "option" if "option" in key else "")


def _broken_here(part: Mapping[str, Any], kind: str) -> Iterator[str]:
    for key, most in _BY_TYPE.get(kind, {}).items():
        if key in part:
            yield from excess(f"{kind}.{key}", _length(part[key]), most)
    key, most = _LISTS.get(kind, ("", 0))
    if key:
        yield from excess(f"{kind}.{key}", len(part[key]), most)
        yield from [] if part[key] else [f"{kind}.{key} is empty"]
    if kind in ("plain_text", "mrkdwn"):
        yield from excess(kind, len(part["text"]), limits.TEXT_OBJECT)
    if kind in ("plain_text", "mrkdwn", "text") and not part["text"]:
        yield f"{kind} is empty"
    if kind == "actions" and len({e["action_id"] for e in part["elements"]}) < len(part["elements"]):
        yield "two elements share an action_id"
    for key, most in _IDS.items():
        if key in part:
            yield from excess(key, _length(part[key]), most)


def _length(value: Any) -> int:
    if isinstance(value, dict):
        return len(cast(Json, value).get("text", ""))
    return len(value) if isinstance(value, str) else 0
