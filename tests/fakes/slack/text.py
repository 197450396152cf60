"""What a person reads in blocks, in order, and what would ring or link somebody there.

Rule: works on payloads as the app sent them (not on Slack's HTML-escaped echo), so a token that shows up here is live.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.fakes.slack.controls import Json, children, offers, several

Names = Callable[[str], str]

_TOKEN = re.compile(r"<([^<>\n]+)>")
_CODE = re.compile(r"(```.+?```|`[^`\n]+`)", re.S)
_STYLE = re.compile(r"(?<![\w*_~])([*_~]{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*_~])")


def mrkdwn(text: str, name: Names) -> str:
    """*text* as it looks: tokens resolved, style marks gone, entities decoded."""
    # Marks inside code stay as they are, tokens inside code do not: Slack resolves `<@U1>` there, too.
    pieces = _CODE.split(text)
    shown = [p.strip("`") if n % 2 else _unstyled(p) for n, p in enumerate(pieces)]
    drawn = _TOKEN.sub(lambda found: _token(found[1], name), "".join(shown))
    return drawn.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def visible(blocks: list[Json], name: Names) -> Iterator[str]:
    """One line for each thing a person reads, top to bottom."""
    for block in blocks:
        yield from (line for line in _block(block, name) if line)
        yield from visible(children(block), name)


def pings(node: Any) -> Iterator[str]:
    """Every live mention (`@U1`, `!here`, `!subteam^S1`) anywhere in a payload."""
    yield from (target for kind, target in _live(node) if kind == "ping")


def links(node: Any) -> Iterator[str]:
    """Every live link target anywhere in a payload, button addresses included."""
    yield from (target for kind, target in _live(node) if kind == "link")


def _unstyled(text: str) -> str:
    while (plainer := _STYLE.sub(r"\2", text)) != text:
        text = plainer
    return re.sub(r"^&gt; ?", "", text, flags=re.M)


def _token(inside: str, name: Names) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("!date^"):
        return label
    if target[0] in "@#":
        return target[0] + name(target[1:])
    if target[0] == "!":
        return "@" + (label or target[1:].partition("^")[2] or target[1:])
    return label or target.removeprefix("mailto:")


def _block(block: Json, name: Names) -> Iterator[str]:
    kind = block["type"]
    if kind == "markdown":
        yield mrkdwn(block["text"], name)
    elif kind == "rich_text":
        yield from (line for element in block["elements"] for line in _rich(element, name))
    elif kind == "table":
        yield from (" | ".join(_cell(cell, name) for cell in row) for row in block["rows"])
    else:
        yield from _parts(block, name)


def _parts(block: Json, name: Names) -> Iterator[str]:
    for part in ("title", "subtitle", "text", "label"):
        yield _text(block.get(part), name)
    yield from (_text(field, name) for field in several(block, "fields"))
    yield from (line for element in several(block, "elements") for line in _element(element, name))
    for single in ("accessory", "element"):
        if single in block:
            yield from _element(block[single], name)
    yield _text(block.get("hint"), name)
    yield str(block.get("alt_text") or "")


def _element(element: Json, name: Names) -> Iterator[str]:
    if element["type"] in ("plain_text", "mrkdwn"):
        yield _text(element, name)
    elif element["type"] == "image":
        yield str(element["alt_text"])
    elif element["type"] in ("radio_buttons", "checkboxes"):
        for option in offers(element):
            yield _text(option["text"], name)
            yield _text(option.get("description"), name)
    else:
        first: Json = element.get("initial_option") or element
        chosen = ", ".join(_text(option["text"], name) for option in several(element, "initial_options"))
        typed = str(element.get("initial_value") or "")
        yield typed or chosen or _text(first.get("text") or element.get("placeholder"), name)


def _text(value: Json | str | None, name: Names) -> str:
    if not value:
        return ""
    if isinstance(value, str):
        return value
    return mrkdwn(value["text"], name) if value["type"] == "mrkdwn" else str(value["text"])


def _cell(cell: Json, name: Names) -> str:
    if cell["type"] == "rich_text":
        return " ".join(line for element in cell["elements"] for line in _rich(element, name))
    return str(cell.get("text", cell.get("value", "")))


def _rich(element: Json, name: Names) -> Iterator[str]:
    if element["type"] == "rich_text_list":
        yield from (line for item in element["elements"] for line in _rich(item, name))
    else:
        yield "".join(_leaf(leaf, name) for leaf in element["elements"])


def _leaf(leaf: Json, name: Names) -> str:
    match leaf["type"]:
        case "user":
            return "@" + name(leaf["user_id"])
        case "usergroup":
            return "@" + name(leaf["usergroup_id"])
        case "channel":
            return "#" + name(leaf["channel_id"])
        case "broadcast":
            return f"@{leaf['range']}"
        case "emoji":
            return f":{leaf['name']}:"
        case "date":
            return str(leaf.get("fallback") or leaf["timestamp"])
        case _:
            return str(leaf.get("text") or leaf.get("url") or "")


def _live(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        items: list[Any] = node  # pyright: ignore[reportUnknownVariableType]
        for item in items:
            yield from _live(item)
    elif isinstance(node, dict):
        part: Json = node  # pyright: ignore[reportUnknownVariableType]
        yield from _live_here(part)
        for key, child in part.items():
            if key not in ("metadata", "option") and not isinstance(child, str):
                yield from _live(child)


def _live_here(part: Json) -> Iterator[tuple[str, str]]:
    match part.get("type"):
        case "mrkdwn" | "markdown":
            yield from _tokens(part["text"])
        case "user" | "usergroup" | "broadcast":
            yield "ping", str(part.get("user_id") or part.get("usergroup_id") or part.get("range"))
        case "link" | "button":
            yield from [("link", part["url"])] if part.get("url") else []
        case _:
            pass


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(text):
        target = found[1].partition("|")[0]
        if target[0] == "@" or (target[0] == "!" and not target.startswith("!date^")):
            yield "ping", target
        elif target[0] not in "!#":
            yield "link", target
