"""What the fake Discord refuses, in Discord's words, by raw calls and by the real discord.py."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest

from tests.fakes.discord import stage as discord_stage
from tests.fakes.discord.errors import Json
from tests.fakes.discord.stage import OPS, V2, Stage, button, label, problems, row, text
from tests.tables import each

OPTION: Json = {"label": "x", "value": "x"}
LINK: Json = {"type": 2, "style": 5, "label": "See"}
MENU: Json = {"type": 3, "custom_id": "menu"}
TOO_LONG = "BASE_TYPE_MAX_LENGTH"
BAD_LENGTH = "BASE_TYPE_BAD_LENGTH"
REQUIRED = "BASE_TYPE_REQUIRED"
UNION = "UNION_TYPE_CHOICES"
TOO_MANY = "COMPONENT_MIN_GREATER_THAN_MAX"
INNER = "data.components.0.component"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with discord_stage.stage() as made:
        yield made


def options(count: int) -> list[Json]:
    return [{"label": f"o{n}", "value": str(n)} for n in range(count)]


async def test_a_component_out_of_bounds_is_refused_at_its_place(stage: Stage) -> None:
    rows: list[tuple[Json, str, str]] = [
        (button("x" * 81, custom_id="a"), "label", TOO_LONG),
        (button("x", custom_id="a" * 101), "custom_id", BAD_LENGTH),
        (button("x", custom_id=None), "custom_id", REQUIRED),
        (button("", custom_id="a"), "", "BUTTON_COMPONENT_NO_LABEL_OR_EMOJI"),
        (button("x", style=7), "style", "BASE_TYPE_CHOICES"),
        (button("x", url="https://x"), "url", "BUTTON_COMPONENT_INVALID_FIELD"),
        (button("x", colour="red"), "colour", "UNKNOWN_KEY"),
        (button("x", disabled="yes"), "disabled", "BASE_TYPE_BAD_TYPE"),
        (LINK, "url", REQUIRED),
        ({**LINK, "url": "javascript:x"}, "url", "URL_TYPE_INVALID_SCHEME"),
        ({**LINK, "url": "https://" + "x" * 505}, "url", BAD_LENGTH),
        ({**LINK, "url": "https://x", "custom_id": "a"}, "custom_id", "BUTTON_COMPONENT_INVALID_FIELD"),
        ({**MENU, "options": options(26)}, "options", BAD_LENGTH),
        ({**MENU, "options": []}, "options", BAD_LENGTH),
        (MENU, "options", REQUIRED),
        ({**MENU, "options": [{**OPTION, "label": "x" * 101}]}, "options.0.label", BAD_LENGTH),
        ({**MENU, "options": [{**OPTION, "value": "x" * 101}]}, "options.0.value", BAD_LENGTH),
        ({**MENU, "options": [{**OPTION, "description": "x" * 101}]}, "options.0.description", TOO_LONG),
        ({**MENU, "options": [OPTION] * 2}, "options.1.value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"),
        ({**MENU, "options": [OPTION], "placeholder": "x" * 151}, "placeholder", TOO_LONG),
        ({**MENU, "options": options(3), "max_values": 26}, "max_values", "NUMBER_TYPE_MAX"),
        ({**MENU, "options": options(3), "min_values": 3, "max_values": 2}, "min_values", TOO_MANY),
        ({"type": 4, "custom_id": "a", "style": 1}, "", ""),
        ({"type": 10, "content": "x"}, "type", UNION),
    ]
    for one_row in each(rows):
        with one_row as (component, place, code):
            answer = await stage.refused(content="x", components=[row(component)])
            inside = ".".join(filter(None, ["components.0.components.0", place]))
            assert (answer["status"], answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
            assert problems(answer) == ({inside: code} if code else {"components": UNION})


async def test_a_message_out_of_bounds_is_refused_at_its_place(stage: Stage) -> None:
    rows: list[tuple[Json, Json]] = [
        ({"content": "x" * 2001}, {"content": TOO_LONG}),
        ({"content": "x", "nonce": "n" * 26}, {"nonce": "NONCE_TYPE_TOO_LONG"}),
        ({"components": [row(*[button("x")] * 2)]}, {"components.custom_id": "COMPONENT_CUSTOM_ID_DUPLICATED"}),
        ({"components": [row(button("x", id=3), button("y", id=3))]}, {"components.id": "COMPONENT_ID_DUPLICATED"}),
        ({"components": [row(*(button(f"b{n}") for n in range(6)))]}, {"components.0.components": BAD_LENGTH}),
        ({"components": [row(button(f"b{n}")) for n in range(6)]}, {"components": BAD_LENGTH}),
        (
            {"components": [row(button("x"), {**MENU, "options": [OPTION]})]},
            {"components.0.components": "COMPONENT_LAYOUT_WIDTH_EXCEEDED"},
        ),
        ({"components": [text("x")]}, {"components.0.type": UNION}),
        ({"embeds": [{"title": "x" * 257}]}, {"embeds.0.title": TOO_LONG}),
        ({"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, {"embeds.0.fields": BAD_LENGTH}),
        ({"embeds": [{"description": "x" * 3001}] * 2}, {"embeds": "MAX_EMBED_SIZE_EXCEEDED"}),
        ({"embeds": [{"title": "x"}] * 11}, {"embeds": BAD_LENGTH}),
        ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, {"allowed_mentions.parse.0": "BASE_TYPE_CHOICES"}),
        ({"content": "x", "allowed_mentions": {"users": ["1"] * 101}}, {"allowed_mentions.users": BAD_LENGTH}),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            {"allowed_mentions": "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
        ),
        ({"content": "x", "message_reference": {"message_id": "1"}}, {"message_reference": "REPLIES_UNKNOWN_MESSAGE"}),
        (
            {"flags": V2, "content": "x", "components": [text("x")]},
            {"content": "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"},
        ),
        ({"flags": V2, "components": [text("")]}, {"components.0.content": REQUIRED}),
        ({"flags": V2, "components": [text("x" * 4001)]}, {"components.0.content": BAD_LENGTH}),
        (
            {"flags": V2, "components": [text("x" * 2001)] * 2},
            {"components": "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"},
        ),
        (
            {"flags": V2, "components": [{"type": 17, "components": [text("x")] * 30}, *[text("x")] * 10]},
            {"components": "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"},
        ),
        (
            {"flags": V2, "components": [{"type": 9, "components": [text("x")] * 4, "accessory": button("x")}]},
            {"components.0.components": BAD_LENGTH},
        ),
        ({"flags": V2, "components": [{"type": 9, "components": [text("x")]}]}, {"components.0.accessory": REQUIRED}),
        (
            {"flags": V2, "components": [{"type": 17, "components": [{"type": 17, "components": [text("x")]}]}]},
            {"components.0.components.0.type": UNION},
        ),
        (
            {"flags": V2, "components": [{"type": 13, "file": {"url": "attachment://a.txt"}}]},
            {"components": "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"},
        ),
        (
            {"flags": V2, "components": [{"type": 13, "file": {"url": "https://x/a.txt"}}]},
            {"components.0.file.url": "UNFURLED_MEDIA_ITEM_ATTACHMENT_ONLY"},
        ),
        ({"flags": V2, "components": [{"type": 14, "spacing": 3}]}, {"components.0.spacing": "BASE_TYPE_CHOICES"}),
    ]
    for one_row in each(rows):
        with one_row as (body, found):
            answer = await stage.refused(**body)
            assert (answer["status"], answer["code"], problems(answer)) == (400, 50035, found)
            assert stage.discord.messages(OPS) == []


async def test_an_empty_message_is_refused(stage: Stage) -> None:
    bodies: list[Json] = [{}, {"content": "  "}, {"flags": V2}, {"components": []}]
    assert [(await stage.refused(**body))["code"] for body in bodies] == [50006] * 4


async def test_too_many_bytes_of_text_break_the_server(stage: Stage) -> None:
    answer = await stage.refused(flags=V2, components=[text("審" * 3400)])
    await stage.post(flags=V2, components=[text("審" * 3380)])
    assert (answer["status"], answer["code"]) == (500, 0)


async def test_the_largest_message_that_fits_is_taken(stage: Stage) -> None:
    await stage.post(content="x" * 2000, components=[row(*(button(f"{r}{n}") for n in range(5))) for r in range(5)])
    await stage.post(flags=V2, components=[{"type": 17, "components": [text("x" * 100)] * 39}])
    await stage.post(flags=V2, components=[row({**MENU, "options": options(25), "max_values": 25})])
    assert stage.discord.refusals == []


async def test_the_v2_flag_comes_by_an_edit_only_without_content_and_never_goes(stage: Stage) -> None:
    message = await stage.post(content="x")
    path, card = f"/channels/{OPS}/messages/{message.id}", [text("x")]
    status, answer = await stage.call("PATCH", path, {"flags": V2, "components": card})
    assert (status, list(problems(answer))) == (400, ["content"])
    assert (await stage.call("PATCH", path, {"flags": V2, "components": card, "content": None, "embeds": []}))[0] == 200
    assert problems((await stage.call("PATCH", path, {"flags": 0}))[1]) == {
        "flags": "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG"
    }
    assert list(problems((await stage.call("PATCH", path, {"content": "back"}))[1])) == ["content"]
    assert (await stage.call("PATCH", path, {"components": [text("y")]}))[0] == 200


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"title": "x" * 46}, {"data.title": BAD_LENGTH}),
        ({"custom_id": "x" * 101}, {"data.custom_id": BAD_LENGTH}),
        ({"components": []}, {"data.components": BAD_LENGTH}),
        ({"components": [label(f"l{n}", type=4, style=1) for n in range(6)]}, {"data.components": BAD_LENGTH}),
        ({"components": [label("x" * 46, type=4, style=1)]}, {"data.components.0.label": BAD_LENGTH}),
        ({"components": [label("x", type=4, style=3)]}, {INNER + ".style": "BASE_TYPE_CHOICES"}),
        (
            {"components": [label("x", type=4, style=1, max_length=4001)]},
            {INNER + ".max_length": "NUMBER_TYPE_MAX"},
        ),
        ({"components": [label("x", type=2, style=1, label="x")]}, {INNER + ".type": UNION}),
        ({"components": [row(button("x"))]}, {"data.components": UNION}),
        ({"components": [label("x", type=21, options=options(1))]}, {f"{INNER}.options": BAD_LENGTH}),
        ({"components": [label("x", type=22, options=options(11))]}, {f"{INNER}.options": BAD_LENGTH}),
        (
            {"components": [label("x", type=23, required=True)]},
            {INNER + ".required": "UNKNOWN_KEY"},
        ),
        (
            {"components": [label("x", type=3, options=options(2), disabled=True)]},
            {"data.components": "COMPONENT_DISABLED_IN_MODAL"},
        ),
    ],
)  # fmt: skip
async def test_a_modal_out_of_bounds_is_refused_at_its_place(stage: Stage, changes: Json, found: Json) -> None:
    modal: Json = {"title": "Deny", "custom_id": "f", "components": [label("Why", type=4, style=1)], **changes}
    pressing = asyncio.create_task(stage.pressed("Deny", press="Deny"))
    await stage.discord.until(lambda: stage.discord.interactions)
    made = stage.discord.interactions[0]
    path = f"/interactions/{made.id}/{made.token}/callback"
    status, answer = await stage.call("POST", path, {"type": 9, "data": modal}, token=False)
    # A refused answer is none: the interaction can still be answered.
    assert (await stage.call("POST", path, {"type": 6}, token=False))[0] == 204
    assert (await pressing).acked
    assert (status, answer["code"], problems(answer)) == (400, 50035, found)


async def test_discord_py_lets_what_is_too_long_through_and_gets_the_form_error(stage: Stage) -> None:
    async with stage.connected() as app:
        made: Any = discord.ui.View(timeout=None)
        made.add_item(discord.ui.Button(label="x" * 81, custom_id="x"))
        made.stop()
        with pytest.raises(discord.HTTPException, match="Must be 80 or fewer in length") as caught:
            await app.get_partial_messageable(int(OPS)).send("x", view=made)
    assert (caught.value.status, caught.value.code) == (400, 50035)
