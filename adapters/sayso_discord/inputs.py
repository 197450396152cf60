"""One input of a dialog becomes labels of a modal, and what is sent back becomes what the dialog was sent. Pure.

The rule: an option is known by its index; its text is for reading only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from sayso import model
from sayso.cards import dialog
from sayso.chat.received import Json
from sayso.content import text, wording
from sayso_discord import components, limits, measure, reserve, rich

_INDEX = re.compile(r"[0-9]{1,6}")
_YES, _NO = "yes", "no"
# How much of one input's long text stands above the inputs.
_ABOVE = 600


def render(given: dialog.Input) -> list[Json]:
    """The labels of an input; a long list of options takes several."""
    label = given.label_text
    elements = list(ELEMENTS[given.kind](given))
    made: list[Json] = []
    for index, element in enumerate(elements):
        more = f" ({index + 1}/{len(elements)})" if len(elements) > 1 else ""
        shown = measure.cut(label.strip() or "empty", limits.INPUT_LABEL - len(more)) + more
        part: Json = {"type": components.LABEL, "label": shown, "component": element}
        if given.hint and given.hint.text.strip():
            part["description"] = measure.cut(given.hint.text, limits.INPUT_HINT)
        made.append(part)
    return made


def above(given: dialog.Input) -> str:
    """What of an input is too long for its label and hint, as Markdown to stand above it; mostly nothing."""
    label = given.label_text
    hint = given.hint.text if given.hint else ""
    long = [label] if measure.length(label) > limits.INPUT_LABEL else []
    long += [hint] if measure.length(hint) > limits.INPUT_HINT else []
    return "\n".join(map(_box, long))


def select(custom_id: str, labels: Sequence[text.Foreign], first: int, *, multiple: bool, placeholder: str) -> Json:
    """A menu of at most 25 options, of which the first has the index *first*."""
    options = [option(first + number, label) for number, label in enumerate(labels)]
    made: Json = {"type": components.SELECT, "custom_id": custom_id, "options": options}
    return {**made, "placeholder": placeholder, "min_values": 1, "max_values": len(options) if multiple else 1}


def option(index: int, label: text.Foreign) -> Json:
    """An option under its number, which tells options apart that begin alike; what is too long goes on below."""
    shown = f"{index + 1} · {label.text}"
    if measure.length(shown) <= limits.OPTION_TEXT:
        return {"label": shown, "value": str(index)}
    head = measure.cut(shown, limits.OPTION_TEXT)
    return {"label": head, "value": str(index), "description": measure.cut(shown[len(head) - 1 :], limits.OPTION_TEXT)}


def describe(menu: Json, described: Sequence[text.Foreign | None]) -> Json:
    """The menu with what is said about its options, as far as there is room for it."""
    for one, about in zip(menu["options"], described, strict=False):
        if about is not None and about.text.strip() and "description" not in one:
            one["description"] = measure.cut(about.text, limits.OPTION_TEXT)
    return menu


def draft(parts: Any) -> dict[str, dialog.Submitted]:
    """What was filled in, by input name, from a submitted modal; what makes no sense is left out."""
    found: dict[str, dialog.Submitted] = {}
    for part in components.walk(parts):
        name, _, _ = str(part.get("custom_id", "")).partition(".")
        if not name or part["type"] == components.LABEL:
            continue
        given, before = _submitted(part), found.get(name)
        # a list that was split over several menus is one input
        found[name] = [*before, *given] if isinstance(before, list) and isinstance(given, list) else given or before
        if given is False:
            found[name] = False
    return found


def chosen(values: Any) -> list[int]:
    """The indexes of options that were chosen in a menu or group."""
    several = cast("list[object]", values) if isinstance(values, list) else []
    return [int(one) for one in several if isinstance(one, str) and _INDEX.fullmatch(one)]


def _yes_or_no(given: dialog.Input) -> Iterator[Json]:
    options: list[Json] = [{"label": "Yes", "value": _YES}, {"label": "No", "value": _NO}]
    for one, value in zip(options, ("true", "false"), strict=True):
        one |= {"default": True} if given.value == value else {}
    yield {"type": components.RADIO, "custom_id": given.name, "options": options, "required": given.required}


def _choice(given: dialog.Input) -> Iterator[Json]:
    count = len(given.options)
    if 2 <= count <= limits.BOX_OPTIONS or (given.multiple and count <= limits.BOX_OPTIONS):
        options = [_first(option(index, label), index in given.chosen) for index, label in enumerate(given.options)]
        made: Json = {"custom_id": given.name, "options": options, "required": given.required}
        if given.multiple:
            least = 1 if given.required else 0
            yield {**made, "type": components.CHECKBOXES, "min_values": least, "max_values": count}
        else:
            yield {**made, "type": components.RADIO}
        return
    for start in range(0, count, limits.SELECT_OPTIONS):
        some = given.options[start : start + limits.SELECT_OPTIONS]
        needed = given.required and count <= limits.SELECT_OPTIONS
        menu = select(f"{given.name}.{start}", some, start, multiple=given.multiple, placeholder="Choose")
        menu["options"] = [_first(one, start + at in given.chosen) for at, one in enumerate(menu["options"])]
        yield {**menu, "required": needed, "min_values": 1 if needed else 0}


def _first(option: Json, chosen: bool) -> Json:
    """An option, chosen to begin with or not."""
    return {**option, "default": True} if chosen else option


def _typed(given: dialog.Input, placeholder: str = "") -> Iterator[Json]:
    longest = max(1, min(given.longest, reserve.ANSWER))
    made: Json = {
        "type": components.TYPED_INPUT,
        "custom_id": given.name,
        "style": components.PARAGRAPH if given.multiline else components.ONE_LINE,
        "required": given.required,
        "max_length": longest,
    }
    if given.value and measure.length(given.value) <= limits.TYPED:
        made["value"] = given.value
        made["max_length"] = min(limits.TYPED, max(longest, measure.length(given.value)))
    yield {**made, "placeholder": placeholder} if placeholder else made


def _box(content: str) -> str:
    left = len(content) - _ABOVE
    return rich.fence(content[:_ABOVE]) + (
        f"\n*… {wording.counted(left, 'more character is', 'more characters are')} not shown here*" if left > 0 else ""
    )


def _submitted(part: Json) -> dialog.Submitted:
    kind = part["type"]
    read = READERS.get(kind) if isinstance(kind, int) else None
    return read(part) if read else None


def _one_chosen(part: Json) -> dialog.Submitted:
    value = part.get("value")
    if value in (_YES, _NO):
        return bool(value == _YES)
    return chosen([value]) or None


def _several_chosen(part: Json) -> dialog.Submitted:
    return chosen(part.get("values")) or None


def _text(part: Json) -> dialog.Submitted:
    value = part.get("value")
    return value if isinstance(value, str) and value else None


ELEMENTS: Mapping[model.FieldKind, Callable[[dialog.Input], Iterator[Json]]] = {
    "text": _typed,
    "choice": _choice,
    "boolean": _yes_or_no,
    "number": lambda given: _typed(given, "A number"),
    "integer": lambda given: _typed(given, "A whole number"),
    "date": lambda given: _typed(given, "YYYY-MM-DD"),
}
"""The elements for each kind of field; a long list of options takes several."""

READERS: Mapping[int, Callable[[Json], dialog.Submitted]] = {
    components.TYPED_INPUT: _text,
    components.RADIO: _one_chosen,
    components.SELECT: _several_chosen,
    components.CHECKBOXES: _several_chosen,
}
"""What each of these elements sends."""
