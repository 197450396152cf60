"""Clicks and events of the fake Slack, against the real slack-bolt over both transports."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.slack import stage as slack_stage
from tests.fakes.slack.controls import Json
from tests.fakes.slack.stage import Stage, card, text


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with slack_stage.stage() as made:
        yield made


@pytest.fixture
async def live(stage: Stage) -> AsyncIterator[Stage]:
    async with stage.connected():
        yield stage


async def allow_and_tell(stage: Stage) -> Json:
    bodies: list[Json] = []

    async def allow(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        bodies.append(body)
        await stage.client.chat_postEphemeral(channel="C1", user="U1", text="Thanks")
        await stage.client.chat_update(channel="C1", ts=body["message"]["ts"], text="Allowed", blocks=[])
        await respond("Noted", response_type="in_channel", replace_original=False)

    stage.app.action("allow")(allow)
    await stage.post("Allow", "Deny")
    seen = await stage.press("Allow")
    await stage.slack.until(lambda: len(stage.slack.messages("C1")) == 2)
    assert seen.acked
    assert [message.text for message in seen.ephemerals] == ["Thanks"]
    assert stage.slack.refusals == []
    return bodies[0]


async def test_a_click_over_socket_mode_is_acked_and_the_app_can_answer_it(live: Stage) -> None:
    body = await allow_and_tell(live)
    assert body["actions"][0]["value"] == "req_1"
    assert body["container"]["message_ts"] == live.slack.messages("C1")[0].ts
    assert [(m.text, m.edits) for m in live.slack.messages("C1")] == [("Allowed", 1), ("Noted", 0)]


async def test_a_click_over_signed_http_is_acked_and_the_app_can_answer_it(stage: Stage) -> None:
    async with stage.serving():
        body = await allow_and_tell(stage)
    assert body["user"] == {"id": "U1", "username": "ann", "name": "ann", "team_id": "T1"}


async def test_a_late_ack_is_seen_as_a_failure(live: Stage) -> None:
    given_up = asyncio.Event()

    async def allow(ack: Any) -> None:
        await given_up.wait()
        await ack()

    live.app.action("allow")(allow)
    await live.post("Allow")
    seen = await live.press("Allow")
    given_up.set()
    await live.slack.until(lambda: live.slack.sockets.late_acks)
    assert not seen.acked
    assert "trouble" in seen.trouble
    assert seen.deliveries[0].why == "timeout"


async def test_a_double_click_arrives_twice_with_two_triggers(live: Stage) -> None:
    clicks = live.clicks("allow")
    await live.post("Allow")
    seen = await live.press("Allow", times=2)
    assert len(seen.deliveries) == len({click["trigger_id"] for click in clicks}) == 2


async def test_a_click_without_a_connection_is_lost(stage: Stage) -> None:
    await stage.post("Allow")
    seen = await stage.press("Allow")
    assert [delivery.why for delivery in seen.deliveries] == ["no connection"]


async def test_a_message_seen_earlier_can_still_be_clicked(live: Stage) -> None:
    clicks = live.clicks("allow")
    await live.post("Allow")
    before = live.slack.messages("C1")[0]
    await live.client.chat_update(channel="C1", ts=before.ts, text="Decided", blocks=[])
    await live.ann.press(before, "Allow")
    assert clicks[0]["actions"][0]["action_id"] == "allow"
    assert live.slack.controls(live.slack.messages("C1")[0]) == []


async def test_a_person_cannot_press_what_is_not_there_or_not_theirs(stage: Stage) -> None:
    stage.slack.person("U2", name="bob")
    await stage.client.chat_postMessage(channel="U2", text="Deploy?", blocks=card("Allow"))
    await stage.post("Allow")
    with pytest.raises(LookupError, match="on the screen"):
        await stage.press("Approve")
    with pytest.raises(LookupError, match="cannot see"):
        await stage.ann.press(stage.slack.dms("U2")[0], "Allow")


async def test_a_select_in_a_message_sends_its_option_and_the_whole_state(live: Stage) -> None:
    clicks = live.clicks("db")
    options = [{"text": text("Postgres & co"), "value": "0"}, {"text": text("SQLite"), "value": "1"}]
    menu = {"type": "static_select", "action_id": "db", "placeholder": text("Which?"), "options": options}
    block = {"type": "actions", "block_id": "b", "elements": [menu]}
    await live.client.chat_postMessage(channel="C1", text="Which?", blocks=[block])
    assert live.slack.controls(live.slack.messages("C1")[0]) == ["Which?"]
    await live.ann.choose(live.slack.messages("C1")[0], "Postgres & co")
    chosen = clicks[0]["actions"][0]["selected_option"]
    assert (chosen["value"], chosen["text"]["text"]) == ("0", "Postgres &amp; co")
    assert clicks[0]["state"]["values"]["b"]["db"]["selected_option"] == chosen


async def test_checkboxes_and_a_text_input_in_a_message_arrive_with_the_button(live: Stage) -> None:
    clicks = live.clicks("send")
    live.clicks("boxes")
    options = [{"text": text(word), "value": word} for word in ("red", "green", "blue")]
    boxes = {"type": "checkboxes", "action_id": "boxes", "options": options}
    section = {"type": "section", "block_id": "s", "text": text("Colours"), "accessory": boxes}
    await live.client.chat_postMessage(
        channel="C1", text="?", blocks=[section, slack_stage.field("Other"), *card("Send")]
    )
    message = live.slack.messages("C1")[0]
    await live.ann.choose(message, "red", "blue")
    await live.ann.fill(message, {"Other": "mauve <3"})
    await live.ann.press(message, "Send")
    values = clicks[0]["state"]["values"]
    assert [option["value"] for option in values["s"]["boxes"]["selected_options"]] == ["red", "blue"]
    assert values["other"]["typed"]["value"] == "mauve <3"


async def test_a_response_url_works_five_times_and_for_half_an_hour(stage: Stage) -> None:
    responds: list[Any] = []

    async def allow(ack: Any, respond: Any) -> None:
        responds.append(respond)
        await ack()

    stage.app.action("allow")(allow)
    await stage.post("Allow")
    async with stage.serving():
        await stage.press("Allow", times=2)
    codes = [(await responds[0](f"note {n}")).status_code for n in range(6)]
    assert codes == [200] * 5 + [404]
    assert [message.text for message in stage.slack.ephemerals("U1")][-1] == "note 4"
    stage.clock.now += 30 * 60
    assert (await responds[1]("too late")).status_code == 404


async def test_only_a_response_url_changes_an_ephemeral_message(live: Stage) -> None:
    async def retry(ack: Any, respond: Any, body: Json) -> None:
        await ack()
        assert "message" not in body
        await respond("Done", replace_original=True)

    live.app.action("retry")(retry)
    await live.client.chat_postEphemeral(channel="C1", user="U1", text="Again?", blocks=card("Retry"))
    await live.ann.press(live.slack.ephemerals("U1")[0], "Retry")
    await live.slack.until(lambda: [m.text for m in live.slack.ephemerals("U1")] == ["Done"])


async def test_a_thread_reply_arrives_as_slack_writes_it(live: Stage) -> None:
    events = live.events("message")
    await live.client.chat_postMessage(channel="C1", text="Which customer?")
    asked = live.slack.messages("C1")[0]
    assert (await live.ann.reply(asked, "A&B <https://example.com")).acked
    await live.ann.edit(live.slack.messages("C1")[1], "C")
    await live.slack.until(lambda: len(events) == 2)
    assert events[0]["text"] == "A&amp;B &lt;<https://example.com>"
    assert (events[0]["thread_ts"], events[0]["parent_user_id"]) == (asked.ts, "UBOT")
    assert events[1]["subtype"] == "message_changed"


async def test_the_app_does_not_hear_what_is_said_where_it_is_not_a_member(live: Stage) -> None:
    live.slack.channel("C2", name="elsewhere", members=["U1"], with_app=False)
    assert (await live.ann.say("C2", "hello")).deliveries == ()
    assert live.slack.deliveries == []


async def test_an_event_is_repeated_until_a_restarted_app_acks_it(stage: Stage) -> None:
    events = stage.events("message")
    writing = asyncio.create_task(stage.ann.say("C1", "hello"))
    await stage.slack.until(lambda: stage.slack.deliveries)
    async with stage.connected():
        seen = await writing
        await stage.slack.until(lambda: events)
    assert seen.acked
    assert (seen.deliveries[0].attempt, events[0]["headers"]["x-slack-retry-num"]) == (1, ["1"])
    assert len({delivery.payload["event_id"] for delivery in stage.slack.deliveries}) == 1


def replaced(stage: Stage, old: web.WebSocketResponse) -> bool:
    return bool(stage.slack.sockets.open) and old not in stage.slack.sockets.open


async def test_the_app_reconnects_after_a_refresh_and_after_a_cut(live: Stage) -> None:
    live.clicks("allow")
    await live.post("Allow")
    sockets = live.slack.sockets
    for end in (sockets.disconnect, sockets.close):
        old = sockets.open[0]
        await end()
        await live.slack.until(partial(replaced, live, old))
        assert (await live.press("Allow")).acked


async def test_each_payload_goes_to_one_of_several_connections(live: Stage) -> None:
    clicks = live.clicks("allow")
    await live.post("Allow")
    async with live.connected():
        await live.press("Allow", times=4)
    assert len(clicks) == 4


async def test_an_http_answer_other_than_200_is_seen_as_a_failure(stage: Stage) -> None:
    await stage.post("Allow")
    async with stage.serving():
        nobody_listens = await stage.press("Allow")
    nobody_is_there = await stage.press("Allow")
    failures = [seen.deliveries[0].why for seen in (nobody_listens, nobody_is_there)]
    assert failures == ["http_error 404", "connection_failed"]


async def test_events_over_http_are_repeated_with_slacks_headers(stage: Stage) -> None:
    events = stage.events("message")
    async with stage.serving() as base:
        stage.slack.use_http(base, events="/elsewhere")
        assert not (await stage.ann.say("C1", "hello")).acked
        stage.slack.use_http(base)
        event = stage.slack.deliveries[-1].payload
        await stage.slack.send_event(event["event"], event_id=event["event_id"])
    assert [(delivery.attempt, delivery.acked) for delivery in stage.slack.deliveries] == [
        (0, False), (1, False), (2, False), (3, False), (0, True)
    ]  # fmt: skip
    assert events[0]["text"] == "hello"


async def test_the_request_url_handshake_and_forged_signatures_work_as_in_slack(stage: Stage) -> None:
    async with stage.serving() as base, aiohttp.ClientSession() as session:
        hello = await stage.slack.verify_url()
        stale = stage.slack.use_http(base).signature("{}", age=301)
        async with session.post(base + "/slack/events", data="{}", headers=stale) as response:
            assert response.status == 401
    assert hello.acked
    assert hello.answer == {"challenge": "knock-knock"}
