"""Refuses messages and modals that Discord would refuse.

Rule: pure functions over payloads; nothing here knows who posts, where, or when.
Sources: Discord's message and component reference; where it is silent, the issue of discord/discord-api-docs is named.
"""

from collections.abc import Iterator
from typing import Any

from tests.fakes.discord import components as discord_components
from tests.fakes.discord.components import IN_MESSAGE, IN_MODAL, IN_V2_MESSAGE, ROW, SELECTS, TEXT, TEXT_INPUT
from tests.fakes.discord.controls import walk
from tests.fakes.discord.errors import Broken, Json, Path, Problem, Refused, form, wrong
from tests.fakes.discord.shapes import Rule, anything, each, flag, length, number, one_of, shape, text

SUPPRESS_EMBEDS, EPHEMERAL, LOADING, SILENT, V2 = 1 << 2, 1 << 6, 1 << 7, 1 << 12, 1 << 15
SETTABLE = SUPPRESS_EMBEDS | SILENT | V2

_ROWS = 5
_COMPONENTS = 40  # of a V2 message, nested ones counted
_V2_TEXT = 4000  # over all text displays; discord.py's documentation and api-docs#8562
_V2_BYTES = 10_170  # api-docs#8554: UTF-8 bytes + 12 for each text display; more is answered with HTTP 500
_V2_BYTES_EACH = 12
_EMBED_TEXT = 6000  # over all embeds of a message
_NONCE = 25

_FIELD = shape({"name": text(1, 256), "value": text(1, 1024), "inline": flag}, {"name", "value"})
_EMBED_FIELDS: dict[str, Rule] = {
    "title": text(0, 256),
    "description": text(0, 4096),
    "url": text(0, 2048),
    "color": number(0, 0xFFFFFF),
    "fields": each(_FIELD, 0, 25),
    "footer": shape({"text": text(1, 2048), "icon_url": anything}, {"text"}),
    "author": shape({"name": text(1, 256), "url": anything, "icon_url": anything}, {"name"}),
    **dict.fromkeys(("type", "timestamp", "image", "thumbnail", "flags", "provider", "video"), anything),
}
_SNOWFLAKES = each(anything, 0, 100)
_ALLOWED: dict[str, Rule] = {
    "parse": each(one_of("users", "roles", "everyone"), 0, 3),
    "users": _SNOWFLAKES,
    "roles": _SNOWFLAKES,
    "replied_user": flag,
}
_MESSAGE_FIELDS: dict[str, Rule] = {
    "content": text(0, 2000),
    "embeds": each(shape(_EMBED_FIELDS), 0, 10),
    "allowed_mentions": shape(_ALLOWED),
    "flags": number(0, 2**31 - 1),
    "tts": flag,
    "attachments": each(anything, 0, 10),
    **dict.fromkeys(("nonce", "enforce_nonce", "message_reference", "components", "poll", "sticker_ids"), anything),
    **dict.fromkeys(("username", "avatar_url", "thread_name", "applied_tags"), anything),
}


def check_body(body: Json) -> None:
    """Raise `Refused` when a field of a message body is wrong by itself."""
    # `embed` and friends are long gone; `shape` names them as unknown.
    problems = list(shape(_MESSAGE_FIELDS)(body, ()))
    if not problems:
        problems = [*_mentions(body.get("allowed_mentions") or {}), *_embeds(body.get("embeds") or [])]
    form(problems)
    nonce = body.get("nonce")
    if not isinstance(nonce, str | int | None):
        raise wrong("nonce", "BASE_TYPE_BAD_TYPE", "Must be a string or a number.")
    if isinstance(nonce, str) and length(nonce) > _NONCE:
        raise wrong("nonce", "NONCE_TYPE_TOO_LONG", f"Must be {_NONCE} or fewer in length.")


def check_message(message: Json) -> None:
    """Raise `Refused` (or `Broken`) when a message that looks like this in the end cannot be.

    *message* has content, embeds, components, flags, attachments and attached file names as they would be stored.
    """
    components: list[Json] = message["components"]
    v2 = bool(message["flags"] & V2)
    form(_kinds(components, IN_V2_MESSAGE if v2 else IN_MESSAGE))
    form([*_unique(components), *_never(components, TEXT_INPUT), *_attached(components, message["attached"])])
    if v2:
        _check_v2(message)
    elif len(components) > _ROWS:
        raise wrong("components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_ROWS} in length.")
    if not (message["content"].strip() or message["embeds"] or components or message["attached"]) or (
        v2 and not components
    ):
        raise Refused(50006)


def check_modal(data: Any) -> None:
    """Raise `Refused` when this modal cannot be shown."""
    fields: dict[str, Rule] = {"title": text(1, 45), "custom_id": text(1, 100), "components": each(anything, 1, 5)}
    form(shape(fields, set(fields))(data, ("data",)))
    components: list[Json] = data["components"]
    form(_kinds(components, IN_MODAL, ("data", "components")))
    form([*_unique(components), *_modal_rules(components)])
    texts = [part["content"] for part in walk(components) if part["type"] == TEXT]
    if sum(map(length, texts)) > _V2_TEXT:
        raise wrong("data.components", "COMPONENT_TEXT_TOO_LONG", f"Must be {_V2_TEXT} or fewer in length.")


def _kinds(components: Any, kinds: tuple[int, ...], at: Path = ("components",)) -> Iterator[Problem]:
    yield from each(lambda value, path: discord_components.component(value, path, kinds), 0, _COMPONENTS)(
        components, at
    )


def _check_v2(message: Json) -> None:
    legacy = [name for name in ("content", "embeds") if message[name]]
    code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    form([((name,), code, f"The '{name}' field cannot be used with IS_COMPONENTS_V2") for name in legacy])
    parts = list(walk(message["components"]))
    if len(parts) > _COMPONENTS:
        raise wrong("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", f"More than {_COMPONENTS} components.")
    texts = [part["content"] for part in parts if part["type"] == TEXT]
    if sum(map(length, texts)) > _V2_TEXT:
        words = f"The total displayable text size exceeds {_V2_TEXT}."
        raise wrong("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", words)
    if sum(len(each_text.encode()) + _V2_BYTES_EACH for each_text in texts) > _V2_BYTES:
        raise Broken


def _unique(components: list[Json]) -> Iterator[Problem]:
    for name in ("custom_id", "id"):
        seen: set[Any] = set()
        for part in walk(components):
            value = part.get(name)
            if value and value in seen:
                code = f"COMPONENT_{name.upper()}_DUPLICATED"
                yield ("components", name), code, f"Component {name} {value!r} cannot be duplicated"
            seen.add(value)


def _never(components: list[Json], *kinds: int) -> Iterator[Problem]:
    if any(part["type"] in kinds for part in walk(components)):
        yield ("components",), "UNION_TYPE_CHOICES", f"None of {kinds} may be used here."


def _attached(components: list[Json], names: list[str]) -> Iterator[Problem]:
    for part in walk(components):
        media = [item["media"] for item in part.get("items") or []]
        media += [part[name] for name in ("file", "media") if name in part]
        for item in media:
            scheme, _, name = item["url"].partition("attachment://")
            if not scheme and name not in names:
                yield ("components",), "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", f"{name} is not attached."


def _modal_rules(components: list[Json]) -> Iterator[Problem]:
    for part in walk(components):
        if part.get("disabled") is not None and part["type"] in SELECTS and part["disabled"]:
            yield ("data", "components"), "COMPONENT_DISABLED_IN_MODAL", "Nothing can be disabled in a modal."
        if part["type"] == ROW and [child["type"] for child in part["components"]] != [TEXT_INPUT]:
            yield ("data", "components"), "UNION_TYPE_CHOICES", "A row of a modal holds one text input."
        inner = part.get("component") or {}
        if inner.get("label"):
            yield ("data", "components"), "COMPONENT_LABEL_TWICE", "Inside a label only the label has words."


def _mentions(allowed: Json) -> Iterator[Problem]:
    for kind in ("users", "roles"):
        if kind in (allowed.get("parse") or []) and allowed.get(kind):
            words = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            yield ("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words


def _embeds(embeds: list[Json]) -> Iterator[Problem]:
    total = 0
    for embed in embeds:
        fields = [field[name] for field in embed.get("fields") or [] for name in ("name", "value")]
        ends = [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
        total += sum(length(words or "") for words in (embed.get("title"), embed.get("description"), *fields, *ends))
    if total > _EMBED_TEXT:
        yield ("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {_EMBED_TEXT}"
