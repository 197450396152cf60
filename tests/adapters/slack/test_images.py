"""Attached images in Slack: shown on the card from files of Slack, or said not to be, and then nothing is allowed."""

import base64
from collections.abc import Sequence
from typing import Any

import pytest

import sayso
from sayso import model
from sayso_slack import measure, plugin
from sayso_slack.uploads import IMAGES_KIND
from tests.adapters.slack_scene import Scene, scene
from tests.core.content.test_images import png
from tests.fakes.slack import Person
from tests.tables import each

BUTTONS = ["Allow", "Deny", "Deny with reason…", "Ask back…"]


def asked(*contents: bytes, **more: Any) -> sayso.Permission:
    files = [
        model.Attachment(name=f"shop-{number}", kind="image", data=base64.b64encode(content).decode())
        for number, content in enumerate(contents)
    ]
    return sayso.Permission(tool="Bash", input={"command": "make deploy"}, attachments=files, **more)


def ann(there: Scene) -> Person:
    return there.slack.person("U1", name="ann")


def images_on(there: Scene) -> Sequence[str]:
    return [block["slack_file"]["id"] for block in there.card.blocks if block["type"] == "image"]


async def deliver(there: Scene, seconds: float) -> None:
    """Time goes on by so much, and what is due then goes out."""
    there.clock.advance(seconds)
    await there.deliver()


@pytest.mark.parametrize("content", [png(), png() + bytes(300_000)], ids=["small", "beside the request"])
async def test_a_card_shows_its_image_once_slack_has_looked_at_it(content: bytes) -> None:
    async with scene(images=True, policy=model.Policy(quorum=2)) as there:
        await there.ask(asked(content))
        assert there.cards() == []
        await deliver(there, 1)
        (file,) = images_on(there)
        assert there.slack.world.uploads[file]["content"] == content
        assert there.slack.controls(there.card) == BUTTONS
        assert measure.broken({"text": there.card.text, "blocks": list(there.card.blocks)}) == []
        # a card that is brought up to date shows the same file
        await ann(there).press(there.card, "Allow")
        await there.deliver()
        assert images_on(there) == [file]
        assert len([call for call in there.slack.calls if call.method == "files.getUploadURLExternal"]) == 1


async def test_a_card_that_does_not_show_its_image_allows_nothing() -> None:
    async with scene() as there:
        ticket = await there.ask(asked(png()))
        assert there.slack.controls(there.card) == ["Deny", "Deny with reason…", "Ask back…"]
        assert "Not all attached images are shown here." in there.slack.visible_text(there.card)
        await ann(there).press(there.card, "Deny")
        assert (await there.decision(ticket)).outcome == "denied"


async def test_an_image_that_slack_does_not_draw_is_not_uploaded() -> None:
    async with scene(images=True) as there:
        await there.ask(asked(b"RIFF\x00\x00\x00\x00WEBPVP8 "))
        assert there.slack.world.uploads == {}
        assert "Allow" not in there.slack.controls(there.card)


@pytest.mark.parametrize("fault", ["missing_scope", "500", "file_uploads_disabled"])
async def test_an_upload_that_fails_keeps_no_card_back(fault: str) -> None:
    async with scene(images=True) as there:
        there.slack.fail_next("files.completeUploadExternal", fault)
        await there.ask(asked(png()))
        assert images_on(there) == []
        assert "Allow" not in there.slack.controls(there.card)


async def test_an_image_that_slack_never_takes_is_left_out_at_last() -> None:
    async with scene(images=True) as there:
        there.slack.fail_next("chat.postMessage", "invalid_blocks", times=20)
        ticket = await there.ask(asked(png()))
        for _ in range(20):
            await deliver(there, 1)
        record = await there.front.store.get(IMAGES_KIND, ticket.id)
        assert record is not None
        assert record.value["files"] == {}


async def test_two_cards_of_one_request_share_its_files() -> None:
    async with scene(images=True, route=("slack:#ops", "slack:@U1")) as there:
        await there.ask(asked(png()))
        await deliver(there, 1)
        assert len(there.slack.world.uploads) == 1
        assert images_on(there) == list(there.slack.world.uploads)


def test_the_setting_switches_it_on() -> None:
    rows: list[bool] = [True, False]
    for row in each(rows):
        with row as on:
            given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
            assert plugin.configure(plugin.SlackTable(channel="#ops", images=on), given).settings.images is on
