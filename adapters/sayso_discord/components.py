"""Discord's components by their numbers, and a walk through what is made of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from sayso.chat.received import Json

ROW, BUTTON, SELECT, TYPED_INPUT, SECTION, TEXT = 1, 2, 3, 4, 9, 10
GALLERY, SEPARATOR, CONTAINER, LABEL, RADIO, CHECKBOXES = 12, 14, 17, 18, 21, 22
# Styles of a button, and of a typed input.
PRIMARY, SECONDARY, SUCCESS, DANGER, LINK = 1, 2, 3, 4, 5
ONE_LINE, PARAGRAPH = 1, 2
# Kinds of an application command: typed with a slash, and in the menu of a message.
COMMAND, MESSAGE_MENU = 1, 3
# Flags of a message.
SUPPRESS_EMBEDS, EPHEMERAL, COMPONENTS_V2 = 1 << 2, 1 << 6, 1 << 15


def walk(node: Any) -> Iterator[Json]:
    """Every component below *node*, in reading order."""
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from walk(item)
    # JSON: to tell a Mapping takes ten times as long
    elif isinstance(node, dict):
        part = cast(Json, node)
        if "type" in part:
            yield part
        # most hold nothing
        for name in ("components", "accessory", "component"):
            if name in part:
                yield from walk(part[name])
