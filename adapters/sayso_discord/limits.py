"""What Discord takes, as numbers, and a check of a finished payload against them. Pure.

From Discord's component and message reference of August 2026; what it leaves open is named beside its number. The
client library checks hardly any of this, and the server answers some of it with a status 500.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

Json = dict[str, Any]

ROW, BUTTON, SELECT, TYPED_INPUT, TEXT, CONTAINER, LABEL, RADIO, CHECKBOXES = 1, 2, 3, 4, 10, 17, 18, 21, 22
SUPPRESS_EMBEDS, EPHEMERAL, COMPONENTS_V2 = 1 << 2, 1 << 6, 1 << 15

COMPONENTS = 40
# all text displays of a message together: 4,000 UTF-16 units (api-docs#8562), kept a little below
TEXT_LENGTH = 3_900
# UTF-8 bytes of all text displays and 12 for each; above 10,170 the answer is a status 500 (api-docs#8554)
TEXT_BYTES, BYTES_EACH = 10_000, 12
# So a card holds this much content where it is plain; less of what must be escaped.
CARD_CONTENT = 3_200
# One page of a review or the text above the inputs of a modal: it fits even where every character is escaped.
PAGE_CONTENT = 1_600
CUSTOM_ID = 100
BUTTON_LABEL = 80
ROW_BUTTONS = 5
SELECT_OPTIONS = 25
BOX_OPTIONS = 10
OPTION_TEXT = 100
PLACEHOLDER = 150
MODAL_TITLE = 45
MODAL_PARTS = 5
INPUT_LABEL = 45
INPUT_HINT = 100
TYPED = 4_000
# our own: an answer; only what is there already may be longer
ANSWER = 3_000
THREAD_NAME = 100
NONCE = 25
# of a message without the V2 flag
CONTENT = 2_000

_BY_TYPE: Mapping[int, Mapping[str, int]] = {
    BUTTON: {"label": BUTTON_LABEL},
    SELECT: {"placeholder": PLACEHOLDER},
    TYPED_INPUT: {"value": TYPED},
    LABEL: {"label": INPUT_LABEL, "description": INPUT_HINT},
}
_OPTIONS: Mapping[int, tuple[int, int]] = {
    SELECT: (1, SELECT_OPTIONS),
    RADIO: (2, BOX_OPTIONS),
    CHECKBOXES: (1, BOX_OPTIONS),
}


def length(content: str) -> int:
    """UTF-16 units, the strictest way in which Discord counts."""
    return len(content.encode("utf-16-le", "surrogatepass")) // 2


def cut(content: str, longest: int) -> str:
    """*content* in at most *longest* units, ending in … where something is missing."""
    if length(content) <= longest:
        return content
    kept = content[: longest - 1]
    while length(kept) > longest - 1:
        kept = kept[:-1]
    return kept + "…"


def walk(node: Any) -> Iterator[Json]:
    """Every component below *node*, in reading order."""
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from walk(item)
    elif isinstance(node, Mapping):
        part = cast(Json, node)
        if "type" in part:
            yield part
        yield from walk(part.get("components"))
        yield from walk(part.get("component"))


def broken(payload: Mapping[str, Any]) -> list[str]:
    """The limits that a message or modal breaks, each in a few words; none in a good payload."""
    parts = list(walk(payload.get("components")))
    found = [words for part in parts for words in _broken_here(part)]
    ids = [part["custom_id"] for part in parts if "custom_id" in part]
    if len(set(ids)) != len(ids):
        found.append("two components share a custom_id")
    found += _too_much("components", len(parts), COMPONENTS)
    found += _too_much("custom_id", length(str(payload.get("custom_id", ""))), CUSTOM_ID)
    if "title" in payload:
        found += _too_much("title", length(payload["title"]), MODAL_TITLE)
        found += _too_much("parts of a modal", len(payload["components"]), MODAL_PARTS)
    return found + _text_broken(parts)


def fits(components: list[Json]) -> bool:
    """Whether the text of these components is not too much for one message or modal."""
    return not _text_broken(list(walk(components)))


def _text_broken(parts: list[Json]) -> list[str]:
    texts = [part["content"] for part in parts if part["type"] == TEXT]
    found = list(_too_much("text", sum(map(length, texts)), TEXT_LENGTH))
    weight = sum(len(content.encode("utf-8", "surrogatepass")) + BYTES_EACH for content in texts)
    return [*found, *_too_much("bytes of text", weight, TEXT_BYTES)]


def _broken_here(part: Json) -> Iterator[str]:
    kind = part["type"]
    for key, most in _BY_TYPE.get(kind, {}).items():
        yield from _too_much(f"{kind}.{key}", length(part.get(key) or ""), most)
    yield from _too_much("custom_id", length(part.get("custom_id", "")), CUSTOM_ID)
    if kind == TEXT and not part["content"].strip():
        yield "a text is empty"
    if kind == ROW and len(part["components"]) > (ROW_BUTTONS if part["components"][0]["type"] == BUTTON else 1):
        yield "too much in a row"
    if kind in _OPTIONS:
        least, most = _OPTIONS[kind]
        if not least <= len(part["options"]) <= most:
            yield f"{len(part['options'])} options in a {kind}"
        for option in part["options"]:
            for key in ("label", "value", "description"):
                yield from _too_much(f"option.{key}", length(option.get(key, "")), OPTION_TEXT)


def _too_much(what: str, there: int, most: int) -> Iterator[str]:
    if there > most:
        yield f"{what}: {there} is more than {most}"
