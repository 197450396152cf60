"""What people read in messages of the fake Discord, and what is live in them."""

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest

from tests.fakes.discord import markdown
from tests.fakes.discord import stage as discord_stage
from tests.fakes.discord.permissions import MENTION_EVERYONE
from tests.fakes.discord.stage import ANN, OPS, V2, Stage, button, row, text
from tests.fakes.discord.world import BOT
from tests.tables import each

ROLE = "500000000000000001"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with discord_stage.stage() as made:
        yield made


def test_markdown_is_read_as_it_is_drawn() -> None:
    rows: list[tuple[str, str]] = [
        ("**bold** *it* __under__ ~~gone~~ ||spoiler||", "bold it under gone spoiler"),
        ("# Head\n-# small\n> quoted", "Head\nsmall\nquoted"),
        (r"\*\*not bold\*\* \# \[a\]", "**not bold** # [a]"),
        ("`**code**` and ``a`b``", "**code** and a`b"),
        ("```py\n**x** <@1>\n```after", "**x** <@1>after"),
        ("```\nopen fence", "```\nopen fence"),
        ("[**words**](https://x.example/)", "words"),
        ("see <https://x.example> and https://y.example.", "see https://x.example and https://y.example."),
        ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"),
    ]
    for one in each(rows):
        with one as (written, read):
            assert markdown.drawn(written) == read


async def test_live_links_are_found_and_code_is_not_live(stage: Stage) -> None:
    rows: list[tuple[str, list[str]]] = [
        ("[a](https://u.example) [b](https://v.example)", ["https://u.example", "https://v.example"]),
        ("[https://good.example](https://bad.example)", ["https://bad.example", "https://good.example"]),
        ("<https://quiet.example> x", ["https://quiet.example"]),
        ("`https://code.example` ```\nhttps://code.example\n```", []),
        (r"\[a](https://u.example)", ["https://u.example"]),
        ("[a\n](https://u.example)", ["https://u.example"]),
        ("[a](not a link) <a@b.example>", ["mailto:a@b.example"]),
    ]
    for one in each(rows):
        with one as (written, targets):
            assert stage.discord.links(await stage.post(content=written)) == targets


async def test_buttons_and_embeds_link_and_only_plain_content_unfurls(stage: Stage) -> None:
    link = {"type": 2, "style": 5, "label": "See", "url": "https://b.example"}
    message = await stage.post(
        content="https://c.example <https://q.example>", embeds=[{"url": "https://e.example"}], components=[row(link)]
    )
    quiet = await stage.post(content="https://c.example", flags=4)
    card = await stage.post(flags=V2, components=[text("https://c.example")])
    assert set(stage.discord.links(message)) == {f"https://{name}.example" for name in "cqeb"}
    assert [stage.discord.previews(m) for m in (message, quiet, card)] == [["https://c.example"], [], []]


async def test_only_allowed_mentions_ring(stage: Stage) -> None:
    rows: list[tuple[object, list[str]]] = [
        (None, ["@everyone", f"<@{ANN}>", f"<@&{ROLE}>"]),
        ({"parse": []}, []),
        ({"parse": ["users"]}, [f"<@{ANN}>"]),
        ({"parse": [], "users": [int(ANN)]}, [f"<@{ANN}>"]),
        ({"parse": [], "roles": [ROLE]}, [f"<@&{ROLE}>"]),
        ({"parse": ["everyone"]}, ["@everyone"]),
    ]
    for one in each(rows):
        with one as (allowed, rung):
            stage.discord.role(ROLE, name="approvers")
            stage.discord.overwrite(OPS, BOT, allow=MENTION_EVERYONE)
            message = await stage.post(content=f"@everyone <@{ANN}> <@&{ROLE}> <@999>", allowed_mentions=allowed)
            assert stage.discord.pings(message) == rung
            assert stage.discord.visible_text(message) == "@everyone @Ann @approvers @999"


async def test_an_edit_without_allowed_mentions_falls_back_to_the_defaults(stage: Stage) -> None:
    message = await stage.post(content="x", allowed_mentions={"parse": []})
    await stage.call("PATCH", f"/channels/{OPS}/messages/{message.id}", {"content": f"<@{ANN}>"})
    assert stage.discord.pings(stage.seen(message.id)) == [f"<@{ANN}>"]


async def test_discord_py_forgets_its_default_when_only_components_are_edited(stage: Stage) -> None:
    card = await stage.post(flags=V2, components=[text("x")], allowed_mentions={"parse": []})
    view: Any = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay(f"<@{ANN}>")).stop()
    async with stage.connected() as app:
        message = app.get_partial_messageable(int(OPS)).get_partial_message(int(card.id))
        await message.edit(view=view)
        forgotten = stage.seen(card.id)
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
    assert [stage.discord.pings(m) for m in (forgotten, stage.seen(card.id))] == [[f"<@{ANN}>"], []]


async def test_tricks_do_not_stop_a_mention_and_code_does(stage: Stage) -> None:
    stage.discord.overwrite(OPS, BOT, allow=MENTION_EVERYONE)
    tricks = ["@\u202eeveryone", r"\@everyone", r"\<@300000000000000001>", "||@here||"]
    assert [len(stage.discord.pings(await stage.post(content=trick))) for trick in tricks] == [1] * 4
    code = await stage.post(content="`@everyone` ```\n@here\n```")
    assert (stage.discord.pings(code), stage.discord.mentions(code)) == ([], [])


async def test_everyone_needs_the_permission_and_roles_must_be_mentionable(stage: Stage) -> None:
    stage.discord.role(ROLE, name="approvers", mentionable=False)
    message = await stage.post(content=f"@everyone <@&{ROLE}>")
    assert stage.discord.pings(message) == []


async def test_a_card_is_read_top_to_bottom_with_names_and_times(stage: Stage) -> None:
    section = {"type": 9, "components": [text(f"Asked by <@{ANN}> in <#{OPS}>")], "accessory": button("Details")}
    menu = {"type": 3, "custom_id": "m", "placeholder": "Which?", "options": [{"label": "One", "value": "1"}]}
    box = {
        "type": 17,
        "components": [text("# Deploy"), section, {"type": 14}, text("until <t:1800000000:R>"), row(menu)],
    }
    message = await stage.post(flags=V2, components=[box])
    assert stage.discord.visible_text(message).splitlines() == [
        "Deploy", "Asked by @Ann in #ops", "Details", "until 2027-01-15 08:00 UTC", "Which?", "One"
    ]  # fmt: skip
    assert stage.discord.controls(message) == ["Details", "Which?"]
    assert stage.discord.mentions(message) == [f"<@{ANN}>", f"<#{OPS}>"]
    assert [part["id"] for part in (message.components[0], *message.components[0]["components"])] == [1, 2, 3, 6, 7, 8]


async def test_an_old_style_message_is_read_with_its_embeds_and_files(stage: Stage) -> None:
    embed = {"title": "Deploy", "fields": [{"name": "Host", "value": "`web-1`"}], "footer": {"text": "r1"}}
    message = await stage.post(content="Please **decide**", embeds=[embed], components=[row(button("Allow"))])
    assert stage.discord.visible_text(message).splitlines() == [
        "Please decide", "Deploy", "Host", "web-1", "r1", "Allow"
    ]  # fmt: skip
