"""The app's manifest, and what `sayso doctor` says about tokens, scopes and the channel."""

import dataclasses
import logging
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

import sayso
import sayso_slack
from sayso import errors
from sayso_slack import app, manifest
from tests.adapters.slack_scene import Scene, scene
from tests.fakes.slack import Person
from tests.tables import each

TEXT = {"type": "string", "minLength": 1}
FLAG = {"type": "boolean"}
URL = {"type": "string", "pattern": "^https://", "maxLength": 3500}


def shape(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


SHORTCUT = shape(
    ["name", "type", "callback_id", "description"],
    name={**TEXT, "maxLength": 24},
    type={"enum": ["message", "global"]},
    callback_id={**TEXT, "maxLength": 255},
    description={**TEXT, "maxLength": 150},
)
COMMAND = shape(
    ["command", "description"],
    command={**TEXT, "pattern": "^/", "maxLength": 32},
    url=URL,
    description={**TEXT, "maxLength": 2000},
    usage_hint={**TEXT, "maxLength": 1000},
    should_escape=FLAG,
)
# What the facts about manifests say, as far as ours go.
SHAPE = shape(
    ["_metadata", "display_information", "features", "oauth_config", "settings"],
    _metadata=shape(["major_version"], major_version={"const": 2}),
    display_information=shape(["name"], name={**TEXT, "maxLength": 35}, description={**TEXT, "maxLength": 140}),
    features=shape(
        ["bot_user"],
        app_home=shape([], home_tab_enabled=FLAG, messages_tab_enabled=FLAG, messages_tab_read_only_enabled=FLAG),
        bot_user=shape(["display_name"], display_name={**TEXT, "maxLength": 80}, always_online=FLAG),
        shortcuts={"type": "array", "maxItems": 10, "items": SHORTCUT},
        slash_commands={"type": "array", "maxItems": 50, "items": COMMAND},
    ),
    oauth_config=shape(["scopes"], scopes=shape(["bot"], bot={"type": "array", "uniqueItems": True, "items": TEXT})),
    settings=shape(
        ["event_subscriptions", "interactivity", "socket_mode_enabled"],
        event_subscriptions=shape(["bot_events"], bot_events={"type": "array", "maxItems": 100}, request_url=URL),
        interactivity=shape(["is_enabled"], is_enabled=FLAG, request_url=URL),
        org_deploy_enabled=FLAG,
        socket_mode_enabled=FLAG,
        token_rotation_enabled={"const": False},
    ),
)


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


def test_the_manifest_for_socket_mode_needs_no_address() -> None:
    made = manifest.manifest()
    jsonschema.validate(made, SHAPE)
    assert made["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in str(made)


def test_the_manifest_for_http_names_both_addresses() -> None:
    made = manifest.manifest(socket_mode=False, url="https://sayso.example.com/")
    jsonschema.validate(made, SHAPE)
    assert made["settings"]["interactivity"]["request_url"] == "https://sayso.example.com/slack/interactions"
    assert made["settings"]["event_subscriptions"]["request_url"] == "https://sayso.example.com/slack/events"
    assert made["features"]["slash_commands"][0]["url"] == "https://sayso.example.com/slack/commands"


def test_the_manifest_asks_for_the_ways_in() -> None:
    made = manifest.manifest()
    features = made["features"]
    assert features["app_home"]["home_tab_enabled"]
    assert [one["command"] for one in features["slash_commands"]] == ["/sayso"]
    assert [(one["name"], one["type"]) for one in features["shortcuts"]] == [("Answer this", "message")]
    assert "commands" in made["oauth_config"]["scopes"]["bot"]


async def test_an_older_installation_is_told_what_it_lacks_and_nothing_is_wrong_with_it(there: Scene) -> None:
    there.slack.scopes.discard("commands")
    found = {one.name: one for one in await sayso_slack.check(there.settings)}
    assert all(one.ok for one in found.values())
    assert "/sayso pending" in found["ways in"].said
    assert "paste the manifest" in found["ways in"].said


async def test_images_on_cards_need_a_scope_that_is_named(there: Scene) -> None:
    found = {one.name: one for one in await sayso_slack.check(there.settings)}
    assert "slack.images = true" in found["images"].said
    there.slack.scopes.discard("files:write")
    wanted = dataclasses.replace(there.settings, images=True)
    found = {one.name: one for one in await sayso_slack.check(wanted)}
    assert not found["images"].ok
    assert "files:write" in found["images"].said
    assert "files:write" in manifest.manifest()["oauth_config"]["scopes"]["bot"]


def test_http_mode_without_a_public_address_is_refused() -> None:
    rows: list[str | None] = [None, "", "http://sayso.example.com", "https://" + "x" * 3500]
    for row in each(rows):
        with row as url:
            with pytest.raises(errors.InvalidSettings) as caught:
                manifest.manifest(socket_mode=False, url=url)
            assert caught.value.field == "url"


def test_every_scope_that_an_event_needs_is_asked_for() -> None:
    made = manifest.manifest()
    events, scopes = made["settings"]["event_subscriptions"]["bot_events"], set(made["oauth_config"]["scopes"]["bot"])
    assert {f"{event[8:]}:history" for event in events if event.startswith("message.")} <= scopes
    rooms = [event for event in events if not event.startswith("message.")]
    assert {f"{event.partition('_')[0]}s:read" for event in rooms if event != "app_home_opened"} <= scopes
    assert sorted(rooms) == [
        "app_home_opened",
        "channel_archive",
        "channel_deleted",
        "channel_id_changed",
        "channel_left",
        "channel_rename",
        "group_archive",
        "group_deleted",
        "group_left",
        "group_rename",
    ]


async def test_a_workspace_that_is_set_up_has_nothing_to_repair(there: Scene) -> None:
    found = await sayso_slack.check(there.settings)
    assert [(one.name, one.ok) for one in found] == [
        ("SLACK_BOT_TOKEN", True),
        ("scopes", True),
        ("ways in", True),
        ("images", True),
        ("SLACK_APP_TOKEN", True),
        ("channel", True),
    ]


async def findings(there: Scene, **changes: Any) -> dict[str, sayso_slack.Finding]:
    found = await sayso_slack.check(dataclasses.replace(there.settings, **changes))
    return {one.name: one for one in found if not one.ok}


async def test_a_wrong_bot_token_is_named_before_anything_else(there: Scene) -> None:
    found = await findings(there, bot_token="xoxb-wrong")
    assert list(found) == ["SLACK_BOT_TOKEN"]
    assert "Bot User OAuth Token" in (found["SLACK_BOT_TOKEN"].hint or "")


async def test_missing_scopes_are_listed_with_what_they_are_for(there: Scene) -> None:
    there.slack.scopes -= {"usergroups:read", "im:write"}
    found = await findings(there)
    assert found["scopes"].said == (
        "missing: im:write (send a card to one person); usergroups:read (let a user group decide)"
    )
    assert "reinstall" in (found["scopes"].hint or "")


async def test_a_wrong_app_token_says_where_to_make_one(there: Scene) -> None:
    found = await findings(there, app_token=there.slack.bot_token)
    assert "connections:write" in (found["SLACK_APP_TOKEN"].hint or "")


async def test_without_any_way_in_for_clicks_it_says_so(there: Scene) -> None:
    found = await findings(there, app_token=None, signing_secret=None)
    assert found["SLACK_SIGNING_SECRET"].said == "no way for clicks to come in"
    assert await findings(there, app_token=None) == {}


async def test_a_channel_without_the_app_says_how_to_invite_it(there: Scene) -> None:
    there.slack.world.channels["C1"].members.discard("UBOT")
    assert (await findings(there))["channel"].hint == "type there: /invite @sayso"


async def test_a_channel_that_is_not_there_or_archived_is_named(there: Scene) -> None:
    assert "#nowhere" in (await findings(there, channel="#nowhere"))["channel"].said
    there.slack.world.channels["C1"].is_archived = True
    assert "archived" in (await findings(there, channel="C1"))["channel"].said


async def test_a_name_is_said_to_be_better_written_as_an_id(there: Scene) -> None:
    assert (await sayso_slack.check(there.settings))[-1].said.startswith("#ops is C1; write the id C1 instead")
    by_id = dataclasses.replace(there.settings, channel="C1")
    assert (await sayso_slack.check(by_id))[-1].said == "C1 is C1"


async def test_a_name_among_more_channels_than_a_minute_lists_is_said_to_need_its_id(there: Scene) -> None:
    there.slack.per_minute["conversations.list"] = 0
    found = (await findings(there))["channel"]
    assert "not found yet" in found.said
    assert "the id C…" in (found.hint or "")


async def refused(there: Scene, channel: str) -> errors.InvalidSettings:
    with pytest.raises(errors.InvalidSettings) as caught:
        async with sayso_slack.connect(there.front, dataclasses.replace(there.settings, channel=channel)):
            pass
    return caught.value


async def test_the_service_does_not_start_with_a_channel_that_takes_no_card(there: Scene) -> None:
    there.slack.channel("C2", name="old", is_archived=True)
    there.slack.channel("C3", name="far", with_app=False)
    for channel, said in (("#nowhere", "#nowhere"), ("C404", "channel_not_found"), ("#old", "channel_not_found")):
        error = await refused(there, channel)
        assert (error.field, said in error.message) == ("slack.channel", True)
    assert "copy the id again" in str((await refused(there, "C404")).hint)
    assert "is archived" in (await refused(there, "C2")).message
    assert (await refused(there, "#far")).hint == "type there: /invite @sayso"


async def test_a_token_that_slack_takes_no_more_is_said_until_it_is_taken_again(there: Scene) -> None:
    await there.link.check_ready()
    there.slack.fail_next("chat.postMessage", "token_revoked")
    there.slack.fail_next("auth.test", "token_revoked")
    await there.ask(sayso.Question("Which customer?"))
    with pytest.raises(errors.ChannelError, match="token_revoked") as caught:
        await there.link.check_ready()
    assert "SLACK_BOT_TOKEN" in str(caught.value.hint)
    await there.link.check_ready()


async def test_a_person_may_be_where_requests_go(there: Scene) -> None:
    there.slack.person("U1", name="ann")
    async with sayso_slack.connect(there.front, dataclasses.replace(there.settings, channel="@ann")) as link:
        assert await link.healthy()
    assert await findings(there, channel="U1") == {}


async def test_a_scope_that_is_missing_stops_no_start(there: Scene) -> None:
    there.slack.scopes.discard("channels:read")
    async with sayso_slack.connect(there.front, dataclasses.replace(there.settings, channel="C1")) as link:
        assert await link.healthy()


async def test_the_service_starts_where_slack_cannot_say_now_whether_the_channel_is_there(there: Scene) -> None:
    there.slack.per_minute["conversations.list"] = 0
    async with sayso_slack.connect(there.front, there.settings) as link:
        assert await link.healthy()


async def test_a_channel_shared_with_others_is_pointed_out(there: Scene) -> None:
    there.slack.world.channels["C1"].is_ext_shared = True
    assert "another organisation" in (await findings(there))["channel sharing"].said


async def test_the_scopes_of_the_manifest_are_enough(there: Scene) -> None:
    there.slack.scopes.clear()
    there.slack.scopes.update(manifest.SCOPES)
    ann: Person = there.slack.person("U1", name="ann")
    for place in ("slack:#ops", "slack:U1"):
        ticket = await there.ask(sayso.Question("Which?", route=[place]))
        message = there.card if place == "slack:#ops" else there.slack.dms("U1")[0]
        await ann.reply(message, "Acme")
        assert (await there.decision(ticket)).text == "Acme"
    assert there.slack.refusals == []


def test_bolt_keeps_its_hands_off_our_own_log_levels() -> None:
    async def handle(payload: object) -> BoltResponse:
        raise AssertionError(payload)

    before = logging.getLogger("sayso").level
    app.build_app(handle, AsyncWebClient("xoxb-1"), AuthorizeResult(enterprise_id=None, team_id="T1"))
    assert logging.getLogger("sayso").level == before
