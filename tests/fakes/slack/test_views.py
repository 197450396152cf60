"""Modals and the Home tab of the fake Slack, against the real slack-bolt."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fakes.slack import stage as slack_stage
from tests.fakes.slack.controls import Json
from tests.fakes.slack.stage import Stage, card, field, modal, refused, text


@pytest.fixture
async def live() -> AsyncIterator[Stage]:
    async with slack_stage.stage() as made, made.connected():
        yield made


async def open_modal(stage: Stage, view: Json) -> str:
    async def deny(ack: Any, body: Json) -> None:
        await ack()
        await stage.client.views_open(trigger_id=body["trigger_id"], view=view)

    stage.app.action("deny")(deny)
    await stage.post("Deny")
    seen = await stage.press("Deny")
    await stage.slack.until(lambda: seen.views)
    trigger: str = seen.deliveries[0].payload["trigger_id"]
    return trigger


def answer_with(stage: Stage, *answers: Json) -> list[Json]:
    views: list[Json] = []

    async def submitted(ack: Any, view: Json) -> None:
        views.append(view)
        await ack(**answers[len(views) - 1])

    stage.app.view("deny")(submitted)
    return views


async def fill_correct_and_submit(live: Stage) -> None:
    views = answer_with(live, {"response_action": "errors", "errors": {"reason": "Say more"}}, {})
    await open_modal(live, modal(field("Reason")))
    assert (await live.ann.submit(live.ann.view)).errors == {"Reason": "Please complete this required field."}
    await live.ann.fill(live.ann.view, {"Reason": "no"})
    assert (await live.ann.submit(live.ann.view)).errors == {"Reason": "Say more"}
    await live.ann.fill(live.ann.view, {"Reason": "Not on a Friday"})
    assert (await live.ann.submit(live.ann.view)).acked
    assert live.slack.views("U1") == []
    typed = {"type": "plain_text_input", "value": "Not on a Friday"}
    assert [view["state"]["values"] for view in views][1:] == [{"reason": {"typed": typed}}]


async def test_a_modal_is_filled_corrected_and_submitted_over_socket_mode(live: Stage) -> None:
    await fill_correct_and_submit(live)


async def test_a_modal_is_filled_corrected_and_submitted_over_http(live: Stage) -> None:
    async with live.serving():
        await fill_correct_and_submit(live)


async def test_views_stack_three_deep_and_clear_closes_all(live: Stage) -> None:
    push: Json = {"response_action": "push", "view": modal()}
    answer_with(live, push, push, push, {"response_action": "clear"})
    await open_modal(live, modal())
    troubles = [(await live.ann.submit(live.ann.view)).trouble for _ in range(3)]
    assert troubles[:2] == ["", ""]
    assert "push_limit_reached" in troubles[2]
    assert len(live.slack.views("U1")) == 3
    await live.ann.submit(live.ann.view)
    assert live.slack.views("U1") == []


async def test_an_update_in_the_answer_replaces_the_view_in_place(live: Stage) -> None:
    answer_with(live, {"response_action": "update", "view": modal(title=text("Already decided"))})
    await open_modal(live, modal())
    before = live.ann.view
    await live.ann.submit(before)
    assert (live.ann.view.id, live.slack.visible_text(live.ann.view)) == (before.id, "Already decided\nSend")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"response_action": "update", "view": modal(title=text("t" * 25))}, "[json-pointer:/view/title/text]"),
        ({"response_action": "errors", "errors": {"elsewhere": "x"}}, "no input block: ['elsewhere']"),
    ],
)
async def test_an_invalid_answer_to_a_submission_is_trouble_for_the_person(
    live: Stage, answer: Json, problem: str
) -> None:
    answer_with(live, answer)
    await open_modal(live, modal())
    assert problem in (await live.ann.submit(live.ann.view)).trouble


async def test_closing_a_modal_is_not_told_unasked(live: Stage) -> None:
    await open_modal(live, modal())
    assert (await live.ann.close(live.ann.view)).deliveries == ()
    assert live.slack.views("U1") == []


async def test_closing_a_modal_is_told_when_asked_for(live: Stage) -> None:
    closed: list[str] = []

    async def gone(ack: Any, view: Json) -> None:
        closed.append(view["id"])
        await ack()

    live.app.view_closed("deny")(gone)
    await open_modal(live, modal(notify_on_close=True))
    view = live.ann.view
    assert (await live.ann.close(view)).acked
    assert closed == [view.id]


async def test_a_trigger_opens_one_view_within_three_seconds(live: Stage) -> None:
    async def pending(ack: Any) -> None:
        await ack()

    live.app.shortcut("pending")(pending)
    used = await open_modal(live, modal())
    assert (await refused(live.client.views_open(trigger_id=used, view=modal())))["error"] == "exchanged_trigger_id"
    unused = (await live.ann.use_shortcut("pending")).deliveries[0].payload["trigger_id"]
    live.clock.now += 3.0
    assert (await refused(live.client.views_open(trigger_id=unused, view=modal())))["error"] == "expired_trigger_id"
    assert (await refused(live.client.views_open(trigger_id="1.2.x", view=modal())))["error"] == "invalid_trigger_id"


async def test_an_update_with_an_old_hash_conflicts_and_typed_text_survives_a_good_one(live: Stage) -> None:
    await open_modal(live, modal(field("Reason")))
    old = live.ann.view
    await live.ann.fill(old, {"Reason": "typed before"})
    updated = await live.client.views_update(view_id=old.id, hash=old.hash, view=modal(field("Reason"), field("More")))
    assert updated["view"]["state"]["values"]["reason"]["typed"]["value"] == "typed before"
    again = await refused(live.client.views_update(view_id=old.id, hash=old.hash, view=modal()))
    assert again["error"] == "hash_conflict"


async def test_a_closed_view_cannot_be_updated(live: Stage) -> None:
    await open_modal(live, modal())
    view = live.ann.view
    await live.ann.close(view)
    assert (await refused(live.client.views_update(view_id=view.id, view=modal())))["error"] == "not_found"


async def test_the_home_tab_is_published_opened_and_pressed(live: Stage) -> None:
    async def opened(event: Json) -> None:
        await live.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": card("Allow")})

    live.app.event("app_home_opened")(opened)
    clicks = live.clicks("allow")
    await live.ann.open_home()
    await live.slack.until(lambda: "U1" in live.slack.world.homes)
    await live.ann.press(live.ann.home, "Allow")
    assert clicks[0]["container"] == {"type": "view", "view_id": live.ann.home.id}
    assert "response_url" not in clicks[0]
