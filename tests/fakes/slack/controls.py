"""Finds what can be pressed, chosen or typed in a set of blocks.

Rule: reads payloads only; the one place that knows where in a block its interactive elements hide.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Control:
    """One interactive element and the block it sits in."""

    block: Json
    element: Json

    @property
    def label(self) -> str:
        """The label of an input block, the text of a button, else the placeholder."""
        if self.block["type"] == "input":
            return str(self.block["label"]["text"])
        named: Json = self.element.get("text") or self.element.get("placeholder") or {}
        return str(named.get("text", ""))

    @property
    def options(self) -> list[str]:
        """The visible texts of the options on offer."""
        return [option["text"]["text"] for option in offers(self.element)]

    @property
    def key(self) -> tuple[str, str]:
        """Block id and action id: the place of this element's value in `state.values`."""
        return self.block["block_id"], self.element["action_id"]


def elements(block: Json) -> Iterator[tuple[str, Json]]:
    """Every interactive element directly in one block, with its pointer inside the block, in reading order."""
    for name in ("accessory", "element"):
        if name in block and block[name]["type"] != "image":
            yield f"/{name}", block[name]
    if block["type"] == "actions":
        yield from ((f"/elements/{index}", element) for index, element in enumerate(block["elements"]))


def children(block: Json) -> list[Json]:
    """The blocks inside a container."""
    return block["child_blocks"] if block["type"] == "container" else []


def controls(blocks: list[Json]) -> Iterator[Control]:
    """Every interactive element of *blocks*, nested blocks included, in reading order."""
    for block in blocks:
        yield from (Control(block, element) for _, element in elements(block))
        yield from controls(children(block))


def several(part: Json, name: str) -> list[Json]:
    """The list *name* of a payload part, empty when it is absent or null."""
    return part.get(name) or []


def offers(element: Json) -> list[Json]:
    """The options of a select, radio, checkbox or overflow element, groups flattened."""
    grouped = [option for group in several(element, "option_groups") for option in group["options"]]
    return [*several(element, "options"), *grouped]
