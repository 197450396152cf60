"""What people have typed and chosen, in the form of Slack's `state.values`, and what their client checks by itself.

Rule: pure; leaves are named as in the payload reference (`value`, `selected_option`, `selected_options`, ...).
"""

from typing import Any

from tests.fakes.slack.controls import Control, Json, controls, offers

Entered = dict[tuple[str, str], Json]

_LEAF = {
    "static_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "checkboxes": "selected_options",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "external_select": "selected_option",
    "plain_text_input": "value",
    "number_input": "value",
    "url_text_input": "value",
    "email_text_input": "value",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
}


def untouched(element: Json) -> Json | None:
    """The leaf of an element nobody has used yet; None for elements without a value (buttons, overflow menus)."""
    name = _LEAF.get(element["type"])
    if name is None:
        return None
    first = element.get("initial_" + name.removeprefix("selected_").removeprefix("rich_text_"))
    empty: Any = [] if name in ("selected_options", "selected_users", "files") else None
    return {"type": element["type"], name: empty if first is None else first}


def filled(element: Json, given: Any) -> Json:
    """The leaf after a person gave *given*: a string, or option texts; raises LookupError for an option not there."""
    name = _LEAF[element["type"]]
    value: Any = given
    if name == "selected_option":
        value = option(element, given)
    elif name == "selected_options":
        wanted = [given] if isinstance(given, str) else given
        value = [option(element, text) for text in wanted]
    elif name == "rich_text_value":
        line: Json = {"type": "rich_text_section", "elements": [{"type": "text", "text": given}]}
        value = {"type": "rich_text", "elements": [line]}
    elif name == "value":
        value = given or None
    return {"type": element["type"], name: value}


def option(element: Json, text: str) -> Json:
    """The option a person reads as *text*."""
    for offered in offers(element):
        if offered["text"]["text"] == text:
            return offered
    raise LookupError(f"no option {text!r}, there are {[o['text']['text'] for o in offers(element)]}")


def values(blocks: list[Json], entered: Entered) -> Json:
    """`state.values` of *blocks*: what was entered, else what the elements started with."""
    found: dict[str, Json] = {}
    for control in controls(blocks):
        leaf = entered.get(control.key) or untouched(control.element)
        if leaf is not None:
            found.setdefault(control.key[0], {})[control.key[1]] = leaf
    return found


def complaints(blocks: list[Json], entered: Entered) -> dict[str, str]:
    """What the client says before it sends a form, by input label; empty when it would send it."""
    said: dict[str, str] = {}
    for control in controls(blocks):
        leaf = entered.get(control.key) or untouched(control.element)
        problem = _complaint(control, leaf) if control.block["type"] == "input" and leaf else ""
        if problem:
            said[control.label] = problem
    return said


def _complaint(control: Control, leaf: Json) -> str:
    element, value = control.element, leaf[_LEAF[control.element["type"]]]
    if not value:
        return "" if control.block.get("optional") else "Please complete this required field."
    if element["type"] == "plain_text_input":
        least, most = element.get("min_length") or 0, element.get("max_length") or 3000
        return "" if least <= len(value) <= most else f"Please enter {least} to {most} characters."
    if element["type"] == "number_input":
        return _number_complaint(element, value)
    return ""


def _number_complaint(element: Json, value: str) -> str:
    try:
        number = float(value) if element["is_decimal_allowed"] else int(value)
    except ValueError:
        return "Please enter a number."
    least, most = float(element.get("min_value") or "-inf"), float(element.get("max_value") or "inf")
    return "" if least <= number <= most else f"Please enter a number from {least} to {most}."
