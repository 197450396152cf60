"""What the fake Slack refuses, and how it fails on demand, against the real slack_sdk."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.fakes.slack import stage as slack_stage
from tests.fakes.slack.controls import Json
from tests.fakes.slack.stage import Stage, button, card, field, modal, refused, text
from tests.tables import each

SECTION: Json = {"type": "section", "text": text("x", "mrkdwn")}
OPTIONS = [{"text": text(f"o{n}"), "value": str(n)} for n in range(101)]
METADATA: Json = {"event_type": "e", "event_payload": {}}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with slack_stage.stage() as made:
        yield made


def actions(*found: Json) -> list[Json]:
    return [{"type": "actions", "elements": [*found]}]


def picks(kind: str, count: int) -> Json:
    return {"type": kind, "action_id": "pick", "options": OPTIONS[:count]}


async def test_blocks_over_a_limit_are_refused_with_a_pointer(stage: Stage) -> None:
    rows: list[tuple[list[Json], str]] = [
        ([SECTION] * 51, "/blocks"),
        ([{"type": "header", "text": text("x" * 151)}], "/blocks/0/text/text"),
        ([{"type": "header", "text": text("x", "mrkdwn")}], "/blocks/0/text/type"),
        ([{"type": "section", "text": text("x" * 3001, "mrkdwn")}], "/blocks/0/text/text"),
        ([{"type": "section", "text": text("", "mrkdwn")}], "/blocks/0/text/text"),
        ([{"type": "section"}], "/blocks/0"),
        ([{"type": "section", "fields": [text("x" * 2001)]}], "/blocks/0/fields/0/text"),
        ([{"type": "section", "fields": [text("x")] * 11}], "/blocks/0/fields"),
        ([{"type": "context", "elements": [text("x")] * 11}], "/blocks/0/elements"),
        ([{"type": "alert", "text": text("x")}], "/blocks/0/type"),
        ([{"type": "made_up"}], "/blocks/0/type"),
        ([{**SECTION, "block_id": "same"}] * 2, "/blocks/1/block_id"),
        ([{**SECTION, "colour": "red"}], "/blocks/0/colour"),
        (actions(button("x" * 76, action_id="a")), "/blocks/0/elements/0/text/text"),
        (actions(button("x", value="v" * 2001)), "/blocks/0/elements/0/value"),
        (actions(button("x", style="default")), "/blocks/0/elements/0/style"),
        (actions(button("x"), button("x")), "/blocks/0/elements/1/action_id"),
        (actions(*(button(f"b{n}") for n in range(26))), "/blocks/0/elements"),
        (actions(picks("static_select", 101)), "/blocks/0/elements/0/options"),
        (actions(picks("radio_buttons", 11)), "/blocks/0/elements/0/options"),
        (actions(picks("overflow", 6)), "/blocks/0/elements/0/options"),
        (actions({"type": "plain_text_input", "action_id": "a"}), "/blocks/0/elements/0/type"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}], "/blocks/0/rows/0"),
    ]
    for row in each(rows):
        with row as (blocks, pointer):
            answer = await refused(stage.client.chat_postMessage(channel="C1", text="x", blocks=blocks))
            assert answer["error"] == "invalid_blocks"
            assert answer["response_metadata"]["messages"][0].endswith(f"[json-pointer:{pointer}]")
            assert stage.slack.messages("C1") == []


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "header", "text": text("x" * 150)}],
        [{"type": "section", "text": text("x" * 3000, "mrkdwn"), "fields": [text("x")] * 10}],
        actions(*(button(f"b{n}", value="v" * 2000) for n in range(25))),
        actions(picks("static_select", 100), {**picks("checkboxes", 10), "action_id": "b"}),
        [SECTION] * 50,
    ],
)
async def test_blocks_at_a_limit_are_taken(stage: Stage, blocks: list[Json]) -> None:
    await stage.client.chat_postMessage(channel="C1", text="x", blocks=blocks)
    assert len(stage.slack.messages("C1")) == 1


async def test_views_over_a_limit_are_refused_with_a_pointer(stage: Stage) -> None:
    rows: list[tuple[Json, str]] = [
        ({"type": "modal", "blocks": []}, "/view"),
        (modal(title=text("t" * 25)), "/view/title/text"),
        (modal(private_metadata="m" * 3001), "/view/private_metadata"),
        (modal(*[SECTION] * 101), "/view/blocks"),
        (modal(field("Reason"), submit=None), "/view"),
        (modal(field("Reason", max_length=3001)), "/view/blocks/0/element/max_length"),
        (modal({"type": "markdown", "text": "x"}), "/view/blocks/0/type"),
        (modal(field("A", focus_on_load=True), field("B", focus_on_load=True)), "/view/blocks"),
    ]
    for row in each(rows):
        with row as (view, pointer):
            answer = await refused(stage.client.views_open(trigger_id="1.1.trigger", view=view))
            assert answer["error"] == "invalid_arguments"
            assert answer["response_metadata"]["messages"][0].endswith(f"[json-pointer:{pointer}]")


async def test_too_much_text_altogether_is_refused(stage: Stage) -> None:
    long = {"type": "section", "text": text("x" * 2500, "mrkdwn")}
    answer = await refused(stage.client.chat_postMessage(channel="C1", text="x", blocks=[long] * 5))
    assert answer["error"] == "msg_blocks_too_long"
    huge = modal(*[field(f"F{n}", initial_value="v" * 3000) for n in range(90)])
    assert (await refused(stage.client.views_open(trigger_id="1.1.x", view=huge)))["error"] == "view_too_large"


async def test_updates_are_only_for_own_lasting_messages_of_4000_characters(stage: Stage) -> None:
    ephemeral = (await stage.client.chat_postEphemeral(channel="C1", user="U1", text="psst"))["message_ts"]
    own = (await stage.client.chat_postMessage(channel="C1", text="x" * 4001, metadata=METADATA))["ts"]
    foreign = "1800000000.999999"
    stage.slack.world.put(dataclasses.replace(stage.slack.messages("C1")[0], ts=foreign, user="U1"))
    wrong: dict[str, Json] = {
        "message_not_found": {"channel": "C1", "ts": ephemeral, "text": "x"},
        "msg_too_long": {"channel": "C1", "ts": own, "text": "x" * 4001},
        "cant_update_message": {"channel": "C1", "ts": foreign, "text": "x"},
        "channel_not_found": {"channel": "ops", "ts": own, "text": "x"},
        "no_text": {"channel": "C1", "ts": own},
    }
    for error, args in wrong.items():
        assert (await refused(stage.client.api_call("chat.update", json=args)))["error"] == error
    await stage.client.chat_update(channel="C1", ts=own, text="short")
    assert stage.slack.messages("C1")[0].metadata == METADATA


async def test_tokens_and_scopes_are_checked(stage: Stage) -> None:
    who = await stage.client.auth_test()
    assert "chat:write" in who.headers["x-oauth-scopes"]
    assert (await refused(stage.client.auth_test(token="xoxb-wrong")))["error"] == "invalid_auth"
    assert (await stage.client.users_info(user="U1"))["user"]["profile"]["email"] == "ann@example.com"
    stage.slack.scopes.discard("users:read")
    answer = await refused(stage.client.users_info(user="U1"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "users:read")


async def test_places_where_the_app_may_not_write_are_refused(stage: Stage) -> None:
    stage.slack.channel("C2", name="other", with_app=False)
    stage.slack.channel("C3", name="old", is_archived=True)
    stage.slack.channel("C4", name="secret", with_app=False, is_private=True)
    post = stage.client.chat_postMessage
    answers = [(await refused(post(channel=some_id, text="x")))["error"] for some_id in ("C2", "C3", "C4", "C9")]
    assert answers == ["not_in_channel", "is_archived", "channel_not_found", "channel_not_found"]
    stranger = await refused(stage.client.chat_postEphemeral(channel="C1", user="U9", text="x"))
    assert stranger["error"] == "user_not_in_channel"


async def test_planned_faults_hit_the_next_calls_only(stage: Stage) -> None:
    def fail(how: str) -> Any:
        stage.slack.fail_next("chat.postMessage", how, retry_after=7)
        return stage.client.chat_postMessage(channel="C1", text="x")

    with pytest.raises(SlackApiError) as limited:
        await fail("429")
    response = cast(Any, limited.value).response
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert (await refused(fail("fatal_error")))["error"] == "fatal_error"
    with pytest.raises(aiohttp.ClientConnectionError):
        await fail("reset")
    assert stage.slack.messages("C1") == []
    with pytest.raises(aiohttp.ClientConnectionError):
        await fail("lost")
    assert len(stage.slack.messages("C1")) == 1
    stage.slack.fail_next("chat.postMessage", "hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stage.client.chat_postMessage(channel="C1", text="x"), 0.1)
    await stage.client.chat_postMessage(channel="C1", text="x")
    assert len(stage.slack.messages("C1")) == 2


async def test_more_calls_in_a_minute_than_allowed_are_put_off(stage: Stage) -> None:
    stage.slack.per_minute["chat.update"] = 2
    ts = (await stage.client.chat_postMessage(channel="C1", text="x"))["ts"]
    for _ in range(2):
        await stage.client.chat_update(channel="C1", ts=ts, text="y")
    assert (await refused(stage.client.chat_update(channel="C1", ts=ts, text="y")))["error"] == "ratelimited"
    stage.clock.now += 61
    await stage.client.chat_update(channel="C1", ts=ts, text="y")


async def test_calls_that_were_refused_use_up_nothing_and_the_wait_is_exact(stage: Stage) -> None:
    stage.slack.per_minute["chat.update"] = 2
    ts = (await stage.client.chat_postMessage(channel="C1", text="x"))["ts"]
    await stage.client.chat_update(channel="C1", ts=ts, text="y")
    stage.clock.now += 20
    await stage.client.chat_update(channel="C1", ts=ts, text="y")
    for _ in range(10):
        with pytest.raises(SlackApiError) as caught:
            await stage.client.chat_update(channel="C1", ts=ts, text="y")
        assert caught.value.response.headers["Retry-After"] == "40"
    stage.clock.now += 40
    await stage.client.chat_update(channel="C1", ts=ts, text="y")


async def test_lists_come_in_pages_and_history_newest_first(stage: Stage) -> None:
    stage.slack.usergroup("S1", ["U1"])
    for words in ("one", "two", "three"):
        await stage.client.chat_postMessage(channel="C1", text=words)
    first = await stage.client.conversations_history(channel="C1", limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    rest = await stage.client.conversations_history(channel="C1", limit=2, cursor=cursor)
    assert [m["text"] for m in [*first["messages"], *rest["messages"]]] == ["three", "two", "one"]
    assert (await stage.client.conversations_members(channel="C1"))["members"] == ["U1", "U2", "UBOT"]
    assert (await stage.client.usergroups_users_list(usergroup="S1"))["users"] == ["U1"]
    assert (await stage.client.conversations_open(users="U1"))["channel"]["id"] == "D1"


async def test_a_file_is_uploaded_and_shared_in_a_thread(stage: Stage) -> None:
    ts = (await stage.client.chat_postMessage(channel="C1", text="x"))["ts"]
    await stage.client.files_upload_v2(channel="C1", thread_ts=ts, filename="input.json", content="{}")
    shared = stage.slack.messages("C1")[1]
    assert (shared.thread_ts, shared.files[0]["content"]) == (ts, b"{}")


async def test_visible_text_is_what_a_person_reads_and_pings_are_what_rings(stage: Stage) -> None:
    literal = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "<!here> *literal*"}]}
    blocks = [*card("Allow"), {"type": "rich_text", "elements": [literal]}]
    await stage.client.chat_postMessage(channel="C1", text="fallback", blocks=blocks)
    message = stage.slack.messages("C1")[0]
    assert stage.slack.visible_text(message).splitlines() == ["Deploy @ann <now>?", "Allow", "<!here> *literal*"]
    assert stage.slack.pings(message) == ["@U1"]
    assert stage.slack.controls(message) == ["Allow"]
    await stage.client.chat_update(channel="C1", ts=message.ts, text="<https://evil.example|safe> <!channel>")
    assert stage.slack.links(stage.slack.messages("C1")[0]) == ["https://evil.example"]
    assert stage.slack.visible_text(stage.slack.messages("C1")[0]) == "safe @channel"
