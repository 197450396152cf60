"""The shape of every component Discord accepts, in messages and in modals.

Rule: what one component may look like and what may sit in it; what counts over a whole message is in `limits`.
Numbers are from Discord's component reference (August 2026).
"""

from collections.abc import Iterator
from typing import Any

from tests.fakes.discord.errors import Json, Path, Problem
from tests.fakes.discord.shapes import Rule, anything, each, flag, number, one_of, shape, text

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
ENTITY_SELECTS = (5, 6, 7, 8)
SELECTS = (STRING_SELECT, *ENTITY_SELECTS)
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL, UPLOAD = 9, 10, 11, 12, 13, 14, 17, 18, 19
RADIO, CHECKBOXES, CHECKBOX = 21, 22, 23
LINK, PREMIUM = 5, 6

IN_MESSAGE = (ROW,)
IN_V2_MESSAGE = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)
IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
# A row with a text input is deprecated in modals, but discord.py still sends it for a bare TextInput.
IN_MODAL = (LABEL, TEXT, ROW)
IN_LABEL = (TEXT_INPUT, *SELECTS, UPLOAD, RADIO, CHECKBOXES, CHECKBOX)

_ID = text(1, 100)
_OPTION_FIELDS: dict[str, Rule] = {"label": text(1, 100), "value": text(1, 100), "description": text(0, 100)}
_OPTION = shape({**_OPTION_FIELDS, "default": flag, "emoji": anything}, {"label", "value"})
_PLAIN_OPTION = shape({**_OPTION_FIELDS, "default": flag}, {"label", "value"})
_MEDIA_FIELDS: dict[str, Rule] = {"url": text(1, 2048)}
# What Discord adds to a media item comes back when an app sends a message it was given.
_ECHOED = ("proxy_url", "height", "width", "content_type", "placeholder", "placeholder_version", "loading_state")
_MEDIA = shape({**_MEDIA_FIELDS, **dict.fromkeys((*_ECHOED, "flags", "attachment_id"), anything)}, {"url"})
_PICTURE: dict[str, Rule] = {"media": _MEDIA, "description": text(0, 1024), "spoiler": flag}
_SELECT: dict[str, Rule] = {
    "custom_id": _ID,
    "placeholder": text(0, 150),
    "min_values": number(0, 25),
    "max_values": number(1, 25),
    "disabled": flag,
    "required": flag,
}
_ENTITIES: dict[str, Rule] = {**_SELECT, "default_values": each(anything, 0, 25), "channel_types": anything}


def _inside(*kinds: int) -> Rule:
    return lambda value, at: component(value, at, kinds)


_FIELDS: dict[int, dict[str, Rule]] = {
    ROW: {"components": each(_inside(BUTTON, *SELECTS, TEXT_INPUT), 1, 5)},
    BUTTON: {
        "style": one_of(1, 2, 3, 4, LINK, PREMIUM),
        "label": text(0, 80),
        "emoji": anything,
        "custom_id": _ID,
        "url": text(1, 512),
        "sku_id": anything,
        "disabled": flag,
    },
    STRING_SELECT: {**_SELECT, "options": each(_OPTION, 1, 25)},
    **dict.fromkeys(ENTITY_SELECTS, _ENTITIES),
    TEXT_INPUT: {
        "custom_id": _ID,
        "style": one_of(1, 2),
        "label": text(1, 45),
        "min_length": number(0, 4000),
        "max_length": number(1, 4000),
        "required": flag,
        "value": text(0, 4000),
        "placeholder": text(0, 100),
    },
    SECTION: {"components": each(_inside(TEXT), 1, 3), "accessory": _inside(BUTTON, THUMBNAIL)},
    TEXT: {"content": text(1, 4000)},
    THUMBNAIL: _PICTURE,
    GALLERY: {"items": each(shape(_PICTURE, {"media"}), 1, 10)},
    FILE: {"file": _MEDIA, "spoiler": flag, "name": anything, "size": anything},
    SEPARATOR: {"divider": flag, "spacing": one_of(1, 2)},
    CONTAINER: {
        "components": each(_inside(*IN_CONTAINER), 1, 40),
        "accent_color": number(0, 0xFFFFFF),
        "spoiler": flag,
    },
    LABEL: {"label": text(1, 45), "description": text(0, 100), "component": _inside(*IN_LABEL)},
    UPLOAD: {"custom_id": _ID, "min_values": number(0, 10), "max_values": number(1, 10), "required": flag},
    RADIO: {"custom_id": _ID, "options": each(_PLAIN_OPTION, 2, 10), "required": flag},
    CHECKBOXES: {
        "custom_id": _ID,
        "options": each(_PLAIN_OPTION, 1, 10),
        "min_values": number(0, 10),
        "max_values": number(1, 10),
        "required": flag,
    },
    CHECKBOX: {"custom_id": _ID, "default": flag},
}
_OPTIONAL = {
    "label", "emoji", "url", "sku_id", "placeholder", "description", "spoiler", "accent_color", "divider", "spacing",
    "name", "size", "default", "default_values", "channel_types", "value", "disabled", "required", "min_values",
    "max_values", "min_length", "max_length",
}  # fmt: skip


def component(value: Any, at: Path, kinds: tuple[int, ...]) -> Iterator[Problem]:
    """Problems of one component at a place where only *kinds* may be."""
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield (*at, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of {kinds}.'
        return
    part: Json = value  # pyright: ignore[reportUnknownVariableType]
    fields = _FIELDS[part["type"]]
    # A button's needs depend on its style, a label is needed only by the component of that name.
    needed = set(fields) - _OPTIONAL - ({"custom_id"} if part["type"] == BUTTON else set())
    needed |= {"label"} if part["type"] == LABEL else set()
    ids: dict[str, Rule] = {"type": anything, "id": number(0, 2**31 - 1)}
    problems = list(shape({**ids, **fields}, needed)(part, at))
    # The second look reads fields by name, which is only safe when the shapes are right.
    yield from problems or _together(part, at)


def _together(part: Json, at: Path) -> Iterator[Problem]:
    kind = part["type"]
    if kind == BUTTON:
        yield from _button(part, at)
    elif kind == ROW:
        yield from _row(part, at)
    elif kind == FILE and not part["file"]["url"].startswith("attachment://"):
        yield (*at, "file", "url"), "UNFURLED_MEDIA_ITEM_ATTACHMENT_ONLY", "Only attachment:// may be used in a file."
    if "options" in part:
        yield from _options(part, at)
    for least, most in (("min_values", "max_values"), ("min_length", "max_length")):
        if part.get(least) is not None and part.get(most) is not None and part[least] > part[most]:
            yield (*at, least), "COMPONENT_MIN_GREATER_THAN_MAX", f"{least} must not be greater than {most}."


def _button(part: Json, at: Path) -> Iterator[Problem]:
    if part["style"] == PREMIUM:
        return
    wanted, never = ("url", "custom_id") if part["style"] == LINK else ("custom_id", "url")
    if not part.get(wanted):
        yield (*at, wanted), "BASE_TYPE_REQUIRED", "This field is required"
    if part.get(never):
        yield (*at, never), "BUTTON_COMPONENT_INVALID_FIELD", "A button has either a custom id or a URL."
    if part["style"] == LINK and not str(part.get("url")).startswith(("http://", "https://", "discord://")):
        yield (*at, "url"), "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https', 'discord')."
    if not part.get("label") and not part.get("emoji"):
        yield at, "BUTTON_COMPONENT_NO_LABEL_OR_EMOJI", "A button must have a label or an emoji."


def _row(part: Json, at: Path) -> Iterator[Problem]:
    kinds = [child["type"] for child in part["components"]]
    if len(kinds) > 1 and set(kinds) != {BUTTON}:
        yield (*at, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A row has up to five buttons or one select."


def _options(part: Json, at: Path) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, option in enumerate(part["options"]):
        if option["value"] in seen:
            yield (*at, "options", index, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "Values must be unique."
        seen.add(option["value"])
    most = part.get("max_values") or (len(part["options"]) if part["type"] == CHECKBOXES else 1)
    if sum(bool(option.get("default")) for option in part["options"]) > most:
        yield (*at, "options"), "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", f"At most {most} may be chosen at first."
    if (part.get("min_values") or 0) > len(part["options"]):
        yield (*at, "min_values"), "SELECT_COMPONENT_MIN_VALUES", "More values needed than there are options."
