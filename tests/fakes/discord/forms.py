"""What people have typed and chosen in a modal, what their client says before it sends, and the form it is sent in.

Rule: pure; the shapes are those of `data.components` in Discord's modal submit.
"""

from typing import Any

from tests.fakes.discord.components import (
    CHECKBOX,
    CHECKBOXES,
    ENTITY_SELECTS,
    LABEL,
    RADIO,
    ROW,
    STRING_SELECT,
    TEXT,
    TEXT_INPUT,
    UPLOAD,
)
from tests.fakes.discord.controls import controls
from tests.fakes.discord.errors import Json
from tests.fakes.discord.shapes import length

Entered = dict[str, Any]
"""Values by custom id."""


def untouched(element: Json) -> Any:
    """The value of an element nobody has used yet."""
    kind, chosen = element["type"], [o["value"] for o in element.get("options") or [] if o.get("default")]
    if kind == TEXT_INPUT:
        return element.get("value") or ""
    if kind == CHECKBOX:
        return bool(element.get("default"))
    if kind == RADIO:
        return chosen[0] if chosen else None
    return chosen or [str(item["id"]) for item in element.get("default_values") or []]


def filled(element: Json, given: Any) -> Any:
    """The value after a person gave *given*: text, option labels, ids, or true; LookupError for what is not there."""
    kind = element["type"]
    if kind == RADIO:
        return option(element, given)
    if kind in (STRING_SELECT, CHECKBOXES):
        return [option(element, label) for label in ([given] if isinstance(given, str) else given)]
    if kind in ENTITY_SELECTS:
        return [given] if isinstance(given, str) else list(given)
    if kind == CHECKBOX and not isinstance(given, bool):
        raise LookupError(f"a checkbox takes true or false, not {given!r}")
    return given


def option(element: Json, label: str) -> str:
    """The value of the option a person reads as *label*."""
    for offered in element["options"]:
        if offered["label"] == label:
            return str(offered["value"])
    raise LookupError(f"no option {label!r}, there are {[o['label'] for o in element['options']]}")


def complaints(components: list[Json], entered: Entered) -> dict[str, str]:
    """What the client says before it sends a form, by label; empty when it would send it."""
    said: dict[str, str] = {}
    for control in controls(components):
        value = entered.get(control.element["custom_id"], untouched(control.element))
        if problem := _complaint(control.element, value):
            said[control.label] = problem
    return said


def submitted(components: list[Json], entered: Entered) -> list[Json]:
    """`data.components` of the submit."""
    return [_sent(part, entered) for part in components]


def bounds(element: Json) -> tuple[int, int]:
    """How many options may be chosen."""
    least = element.get("min_values")
    # A group of checkboxes may by default have all of them ticked, everything else has one.
    most = element.get("max_values") or (len(element["options"]) if element["type"] == CHECKBOXES else 1)
    return 1 if least is None else least, most


def _complaint(element: Json, value: Any) -> str:
    kind = element["type"]
    if kind == CHECKBOX:
        return ""
    if value in (None, "", []):
        return "This field is required" if element.get("required", True) else ""
    if kind == TEXT_INPUT:
        least, most = element.get("min_length") or 0, element.get("max_length") or 4000
        return "" if least <= length(value) <= most else f"Must be between {least} and {most} in length."
    if kind == RADIO:
        return ""
    least, most = bounds(element)
    return "" if least <= len(value) <= most else f"Choose between {least} and {most}."


def _sent(part: Json, entered: Entered) -> Json:
    kind, plain = part["type"], {"type": part["type"], "id": part["id"]}
    if kind == TEXT:
        return plain
    if kind == LABEL:
        return {**plain, "component": _sent(part["component"], entered)}
    if kind == ROW:
        return {**plain, "components": [_sent(child, entered) for child in part["components"]]}
    value = entered.get(part["custom_id"], untouched(part))
    name = "values" if kind in (STRING_SELECT, CHECKBOXES, UPLOAD, *ENTITY_SELECTS) else "value"
    return {**plain, "custom_id": part["custom_id"], name: value}
