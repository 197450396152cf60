"""What people of the fake Slack read, type and choose, in every kind of block and input."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fakes.slack import stage
from tests.fakes.slack.controls import Json
from tests.fakes.slack.stage import Stage, button, field, modal, refused, text

COLOURS = [{"text": text(word), "value": word[0]} for word in ("red", "green", "blue")]


@pytest.fixture
async def live() -> AsyncIterator[Stage]:
    async with stage.stage() as made, made.connected():
        yield made


def entry(label: str, kind: str, **element: Any) -> Json:
    named = {"type": kind, "action_id": "typed", **element}
    return {"type": "input", "block_id": label.lower(), "label": text(label), "element": named}


FORM = modal(
    field("Reason", min_length=3, max_length=9),
    entry("Amount", "number_input", is_decimal_allowed=False, min_value="1", max_value="10"),
    entry("Due", "datepicker"),
    entry("Who", "users_select"),
    entry("Colour", "radio_buttons", options=COLOURS),
    entry("Extras", "checkboxes", options=COLOURS),
    entry("Database", "static_select", option_groups=[{"label": text("All"), "options": COLOURS}]),
    entry("Many", "multi_static_select", options=COLOURS),
    entry("Notes", "rich_text_input") | {"optional": True},
)
ANSWERS = {
    "Reason": "enough", "Amount": "10", "Due": "2027-01-02", "Who": "U1", "Colour": "red", "Extras": ["red", "blue"],
    "Database": "green", "Many": ["blue"],
}  # fmt: skip


async def open_form(live: Stage, view: Json) -> list[Json]:
    views: list[Json] = []

    async def fill_in(ack: Any, body: Json) -> None:
        await ack()
        await live.client.views_open(trigger_id=body["trigger_id"], view=view)

    async def submitted(ack: Any, view: Json) -> None:
        views.append(view)
        await ack()

    live.app.action("fill")(fill_in)
    live.app.view("deny")(submitted)
    await live.post("Fill")
    seen = await live.press("Fill")
    await live.slack.until(lambda: seen.views)
    return views


async def test_every_kind_of_input_arrives_under_its_own_name(live: Stage) -> None:
    views = await open_form(live, FORM)
    await live.ann.fill(live.ann.view, ANSWERS)
    assert (await live.ann.submit(live.ann.view)).errors == {}
    values = {block: leaves["typed"] for block, leaves in views[0]["state"]["values"].items()}
    assert values["reason"]["value"] == "enough"
    assert values["amount"]["value"] == "10"
    assert values["due"]["selected_date"] == "2027-01-02"
    assert values["who"]["selected_user"] == "U1"
    assert values["colour"]["selected_option"]["value"] == "r"
    assert [option["value"] for option in values["extras"]["selected_options"]] == ["r", "b"]
    assert values["database"]["selected_option"]["value"] == "g"
    assert [option["value"] for option in values["many"]["selected_options"]] == ["b"]
    assert values["notes"]["rich_text_value"] is None


@pytest.mark.parametrize(
    ("label", "given", "complaint"),
    [
        ("Reason", "no", "Please enter 3 to 9 characters."),
        ("Amount", "1.5", "Please enter a number."),
        ("Amount", "11", "Please enter a number from 1.0 to 10.0."),
        ("Many", [], "Please complete this required field."),
    ],
)
async def test_the_client_keeps_a_wrong_form_to_itself(live: Stage, label: str, given: Any, complaint: str) -> None:
    views = await open_form(live, FORM)
    await live.ann.fill(live.ann.view, {**ANSWERS, label: given})
    assert (await live.ann.submit(live.ann.view)).errors == {label: complaint}
    assert views == []


async def test_an_option_that_is_not_offered_cannot_be_chosen(live: Stage) -> None:
    await open_form(live, FORM)
    with pytest.raises(LookupError, match="no option 'mauve'"):
        await live.ann.fill(live.ann.view, {"Colour": "mauve"})


async def test_overflow_menus_and_views_with_buttons_send_actions(live: Stage) -> None:
    clicks = live.clicks("more")
    menu = {"type": "overflow", "action_id": "more", "options": COLOURS}
    section: Json = {"type": "section", "block_id": "s", "text": text("Which?"), "accessory": menu}
    await open_form(live, modal(section))
    await live.ann.choose(live.ann.view, "green")
    assert clicks[0]["actions"][0]["selected_option"]["value"] == "g"
    assert clicks[0]["view"]["id"] == live.ann.view.id


async def test_a_screen_is_read_top_to_bottom(live: Stage) -> None:
    leaves: list[Json] = [
        {"type": "user", "user_id": "U1"}, {"type": "text", "text": " in "}, {"type": "channel", "channel_id": "C1"},
        {"type": "emoji", "name": "wave"}, {"type": "link", "url": "https://a.example"},
    ]  # fmt: skip
    line: Json = {"type": "rich_text_section", "elements": leaves}
    image = {"type": "image", "image_url": "https://a.example/x.png", "alt_text": "A chart"}
    blocks: list[Json] = [
        {"type": "header", "text": text("Big")},
        {"type": "section", "fields": [text("_left_", "mrkdwn"), text("_right_")], "accessory": image},
        {"type": "context", "elements": [text("<!date^1^{date}|today> `*x*` <#C1>", "mrkdwn")]},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": [line]}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, {"type": "raw_number", "value": 1}]]},
        {"type": "markdown", "text": "**bold** <!here>"},
        {"type": "container", "title": text("Arguments"), "child_blocks": [{"type": "divider"}, image]},
        {"type": "actions", "elements": [button("Open", url="https://b.example")]},
    ]
    await live.client.chat_postMessage(channel="C1", text="x", blocks=blocks)
    message = live.slack.messages("C1")[0]
    assert live.slack.visible_text(message).splitlines() == [
        "Big", "left", "_right_", "A chart", "today *x* #ops", "@ann in #ops:wave:https://a.example", "a | 1",
        "bold @here", "Arguments", "A chart", "Open",
    ]  # fmt: skip
    assert live.slack.pings(message) == ["U1", "!here"]
    assert live.slack.links(message) == ["https://a.example", "https://b.example"]


async def test_a_modal_is_read_with_its_inputs_and_buttons(live: Stage) -> None:
    await open_form(live, modal(field("Reason"), entry("Colour", "radio_buttons", options=COLOURS[:2])))
    words = ["Deny", "Reason", "Colour", "red", "green", "Send"]
    assert live.slack.visible_text(live.ann.view).splitlines() == words
    assert live.slack.controls(live.ann.view) == ["Reason", "Colour", "Send"]


async def test_attachments_are_read_and_pressed_like_blocks(live: Stage) -> None:
    clicks = live.clicks("allow")
    block: Json = {"type": "actions", "elements": [button("Allow")]}
    attachment: Json = {"color": "#cc0000", "fallback": "Allow", "blocks": [block]}
    await live.client.chat_postMessage(channel="C1", text="Deploy?", attachments=[attachment])
    assert live.slack.visible_text(live.slack.messages("C1")[0]) == "Deploy?\nAllow"
    await live.press("Allow")
    assert len(clicks) == 1


async def test_a_deleted_message_is_gone_and_threads_can_be_read_back(live: Stage) -> None:
    ts = (await live.client.chat_postMessage(channel="C1", text="root"))["ts"]
    reply = (await live.client.chat_postMessage(channel="C1", text="note", thread_ts=ts))["ts"]
    replies = (await live.client.conversations_replies(channel="C1", ts=ts))["messages"]
    assert [message["text"] for message in replies] == ["root", "note"]
    await live.client.chat_delete(channel="C1", ts=reply)
    assert [message.ts for message in live.slack.messages("C1")] == [ts]
    late = live.client.chat_postMessage(channel="C1", text="x", thread_ts=reply)
    assert (await refused(late))["error"] == "cannot_reply_to_message"


async def test_channels_can_be_looked_up(live: Stage) -> None:
    live.slack.channel("C2", name="shared", is_ext_shared=True)
    await live.client.chat_postMessage(channel="U1", text="a direct message")
    listed = await live.client.conversations_list(types="public_channel,im")
    assert [channel["id"] for channel in listed["channels"]] == ["C1", "C2", "D1"]
    assert (await live.client.conversations_info(channel="C2"))["channel"]["is_ext_shared"] is True
    assert [message.text for message in live.slack.dms("U1")] == ["a direct message"]
