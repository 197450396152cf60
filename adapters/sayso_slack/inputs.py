"""One input of a dialog becomes Slack blocks, and its state becomes what the dialog was sent. Pure.

The rule: an option is known by its index; its text is for reading only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, cast

from sayso import model
from sayso.cards import dialog
from sayso.chat.received import Json
from sayso.content import text, wording
from sayso_slack import limits, rich

ELEMENT = "sayso:input"
"""The action id of whatever a person fills in; what it is, is in the block id."""

_YES, _NO = "yes", "no"
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
# How much of a long label or hint stands beside its input; a longer one goes above it, in a box.
_BESIDE = 150
# How much of one input's long text a modal shows above it; and how much if many such inputs must share a modal.
_ABOVE, _ABOVE_TIGHT = 2_000, 200
_OPTION_TIGHT = 12
# What `numbered` puts before an option.
NUMBERING = len(f"{model.MAX_OPTIONS} · ")


def render(given: dialog.Input, *, tight: bool = False) -> list[Json]:
    """The blocks of an input: text that is too long for a label first, then the input itself.

    *tight* shows less of long texts, for a modal that would otherwise have too many bytes.
    """
    longest = _OPTION_TIGHT if tight else limits.OPTION_TEXT
    label = given.label_text
    hint = given.hint.text if given.hint else ""
    above = [content for content in (label, hint) if len(content) > _BESIDE]
    above += [_listing(given.options)] if any(len(one.text) > longest - NUMBERING for one in given.options) else []
    block: Json = {
        "type": "input",
        "block_id": given.name,
        "label": plain(label, _BESIDE),
        "optional": not given.required,
        "element": {**ELEMENTS[given.kind](given, longest), "action_id": ELEMENT},
    }
    if hint and len(hint) <= _BESIDE:
        block["hint"] = plain(hint)
    return [*(_box(content, _ABOVE_TIGHT if tight else _ABOVE) for content in above), block]


def chooser(
    labels: Sequence[text.Foreign],
    *,
    multiple: bool,
    longest: int = limits.OPTION_TEXT,
    described: Sequence[text.Foreign | None] = (),
) -> Json:
    """The element with which one or several of these are chosen; a description that is too long stays away."""
    options: list[Json] = [
        {"text": numbered(number, label, longest), "value": str(number - 1)} for number, label in enumerate(labels, 1)
    ]
    for option, about in zip(options, described, strict=False):
        if about is not None and about.text.strip() and len(about.text) <= limits.OPTION_TEXT:
            option["description"] = plain(about.text)
    if len(options) <= limits.BOX_OPTIONS:
        kind = "checkboxes" if multiple else "radio_buttons"
        return {"type": kind, "options": options, "action_id": ELEMENT}
    kind = "multi_static_select" if multiple else "static_select"
    placeholder = plain("Choose")
    return {"type": kind, "placeholder": placeholder, "options": options, "action_id": ELEMENT}


def numbered(number: int, label: text.Foreign, longest: int) -> Json:
    """An option's label under its number, which tells options apart whose labels begin alike."""
    return plain(f"{number} · {label.text}", longest)


def plain(content: str, longest: int = limits.TEXT_OBJECT) -> Json:
    """A text object in which nothing is live, cut if it is too long."""
    return {"type": "plain_text", "text": model.cut(content, longest) or "empty", "emoji": False}


def draft(values: Any) -> dict[str, dialog.Submitted]:
    """What was filled in, by input name, from a payload's `state.values`; what makes no sense is left out."""
    found: dict[str, dialog.Submitted] = {}
    for block_id, leaves in _items(values):
        for _, leaf in _items(leaves):
            if isinstance(leaf, Mapping):
                found[block_id.partition(":")[0]] = _submitted(cast("Mapping[str, Any]", leaf))
    return found


def _text_input(given: dialog.Input, longest_option: int) -> Json:
    longest = max(1, min(given.longest, limits.TYPED))
    value = given.value if given.value and len(given.value) <= longest else None
    element: Json = {"type": "plain_text_input", "multiline": given.multiline, "max_length": longest}
    return {**element, **_start("initial_value", value)}


def _number_input(given: dialog.Input, longest_option: int) -> Json:
    value = given.value if given.value and _NUMBER.fullmatch(given.value) else None
    element: Json = {"type": "number_input", "is_decimal_allowed": given.kind == "number"}
    return {**element, **_start("initial_value", value)}


def _date_input(given: dialog.Input, longest_option: int) -> Json:
    return {"type": "datepicker", **_start("initial_date", given.value if _is_date(given.value) else None)}


def _choice_input(given: dialog.Input, longest_option: int) -> Json:
    made = chooser(given.options, multiple=given.multiple, longest=longest_option)
    return {**made, **_chosen(made["options"], given)}


def _chosen(options: Sequence[Json], given: dialog.Input) -> Json:
    """What is chosen to begin with: the options themselves, as Slack wants them repeated."""
    found = [options[index] for index in given.chosen]
    if not found:
        return {}
    return {"initial_options": found} if given.multiple else {"initial_option": found[0]}


def _yes_or_no(given: dialog.Input, longest_option: int) -> Json:
    options = [{"text": plain("Yes"), "value": _YES}, {"text": plain("No"), "value": _NO}]
    first = {"true": options[0], "false": options[1]}.get(given.value or "")
    return {"type": "radio_buttons", "options": options, **({"initial_option": first} if first else {})}


def _start(key: str, value: str | None) -> Json:
    return {} if value is None else {key: value}


def _is_date(value: str | None) -> bool:
    try:
        return value is not None and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _listing(options: Sequence[text.Foreign]) -> str:
    return "\n".join(f"{number}. {option.text}" for number, option in enumerate(options, 1))


def _box(content: str, room: int) -> Json:
    left = len(content) - room
    said = f"… {wording.counted(left, 'more character is', 'more characters are')} not shown here"
    note = [rich.section([rich.leaf(said, italic=True)])] if left > 0 else []
    return rich.block([{"type": "rich_text_preformatted", "elements": [rich.leaf(content[:room])]}, *note])


def _one_chosen(leaf: Mapping[str, Any]) -> dialog.Submitted:
    chosen = _value(leaf.get("selected_option"))
    if chosen in (_YES, _NO):
        return bool(chosen == _YES)
    return _indexes([chosen]) or None


def _several_chosen(leaf: Mapping[str, Any]) -> dialog.Submitted:
    several = leaf.get("selected_options")
    options = cast("list[object]", several) if isinstance(several, list) else []
    return _indexes(map(_value, options)) or None


def _submitted(leaf: Mapping[str, Any]) -> dialog.Submitted:
    read = READERS.get(str(leaf.get("type")))
    return read(leaf) if read else None


def _indexes(values: Any) -> list[int]:
    return [int(value) for value in values if isinstance(value, str) and value.isascii() and value.isdigit()]


def _value(option: Any) -> Any:
    return cast("Mapping[str, Any]", option).get("value") if isinstance(option, Mapping) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _items(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in cast("Mapping[object, Any]", node).items():
            yield str(key), value


ELEMENTS: Mapping[model.FieldKind, Callable[[dialog.Input, int], Json]] = {
    "text": _text_input,
    "choice": _choice_input,
    "boolean": _yes_or_no,
    "number": _number_input,
    "integer": _number_input,
    "date": _date_input,
}
"""The element for each kind of field. The second argument is how many characters of an option it shows."""

READERS: Mapping[str, Callable[[Mapping[str, Any]], dialog.Submitted]] = {
    "plain_text_input": lambda leaf: _text(leaf.get("value")),
    "number_input": lambda leaf: _text(leaf.get("value")),
    "datepicker": lambda leaf: _text(leaf.get("selected_date")),
    "radio_buttons": _one_chosen,
    "static_select": _one_chosen,
    "checkboxes": _several_chosen,
    "multi_static_select": _several_chosen,
}
"""What each of these elements sends."""
