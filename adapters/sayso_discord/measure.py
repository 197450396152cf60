"""Measures texts as Discord does, and checks a finished payload against its limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sayso.chat.bounds import excess
from sayso.chat.received import Json
from sayso_discord import components, limits, reserve

_BY_TYPE: Mapping[int, Mapping[str, int]] = {
    components.BUTTON: {"label": limits.BUTTON_LABEL},
    components.SELECT: {"placeholder": limits.PLACEHOLDER},
    components.TYPED_INPUT: {"value": limits.TYPED},
    components.LABEL: {"label": limits.INPUT_LABEL, "description": limits.INPUT_HINT},
}
_OPTIONS: Mapping[int, tuple[int, int]] = {
    components.SELECT: (1, limits.SELECT_OPTIONS),
    components.RADIO: (2, limits.BOX_OPTIONS),
    components.CHECKBOXES: (1, limits.BOX_OPTIONS),
}


def length(content: str) -> int:
    """UTF-16 units, the strictest way in which Discord counts."""
    return len(content.encode("utf-16-le", "surrogatepass")) // 2


def cut(content: str, longest: int) -> str:
    """*content* in at most *longest* units, ending in … if something is missing."""
    if length(content) <= longest:
        return content
    kept = content[: longest - 1]
    while length(kept) > longest - 1:
        kept = kept[:-1]
    return kept + "…"


def broken(payload: Mapping[str, Any]) -> list[str]:
    """The limits that a message or modal breaks, each in a few words; empty for a good payload."""
    parts = list(components.walk(payload.get("components")))
    found = [words for part in parts for words in _broken_here(part)]
    ids = [part["custom_id"] for part in parts if "custom_id" in part]
    if len(set(ids)) != len(ids):
        found.append("two components share a custom_id")
    found += excess("components", len(parts), limits.COMPONENTS)
    found += excess("custom_id", length(str(payload.get("custom_id", ""))), limits.CUSTOM_ID)
    if "title" in payload:
        found += excess("title", length(payload["title"]), limits.MODAL_TITLE)
        found += excess("parts of a modal", len(payload["components"]), limits.MODAL_PARTS)
    return found + _text_broken(parts)


def fits(parts: list[Json]) -> bool:
    """Whether the text of these parts is not too much for one message or modal."""
    return not _text_broken(list(components.walk(parts)))


def _text_broken(parts: list[Json]) -> list[str]:
    texts = [part["content"] for part in parts if part["type"] == components.TEXT]
    found = list(excess("text", sum(map(length, texts)), reserve.TEXT_LENGTH))
    weight = sum(len(content.encode("utf-8", "surrogatepass")) + limits.BYTES_EACH for content in texts)
    return [*found, *excess("bytes of text", weight, reserve.TEXT_BYTES)]


def _broken_here(part: Json) -> Iterator[str]:
    kind = part["type"]
    for key, most in _BY_TYPE.get(kind, {}).items():
        yield from excess(f"{kind}.{key}", length(part.get(key) or ""), most)
    yield from excess("custom_id", length(part.get("custom_id", "")), limits.CUSTOM_ID)
    if kind == components.TEXT and not part["content"].strip():
        yield "a text is empty"
    if kind == components.ROW:
        inner = part["components"]
        most = limits.ROW_BUTTONS if inner[0]["type"] == components.BUTTON else 1
        yield from ["too much in a row"] if len(inner) > most else []
    if kind in _OPTIONS:
        least, most = _OPTIONS[kind]
        if not least <= len(part["options"]) <= most:
            yield f"{len(part['options'])} options in a {kind}"
        for option in part["options"]:
            for key in ("label", "value", "description"):
                yield from excess(f"option.{key}", length(option.get(key, "")), limits.OPTION_TEXT)
