"""The invitation, what `sayso doctor` says about token, intents, channel and permissions, and what stops the start."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from discord import http

import sayso
import sayso_discord
from sayso import errors
from sayso_discord import gateway, manifest
from tests.adapters.discord_scene import ANN, OPS, QUICK, Scene, scene
from tests.fakes.discord import permissions as may
from tests.fakes.discord.payloads import MESSAGE_CONTENT
from tests.tables import each


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as built:
        yield built


async def findings(there: Scene, **changes: Any) -> dict[str, sayso_discord.Finding]:
    found = await sayso_discord.check(dataclasses.replace(there.settings, **changes))
    return {one.name: one for one in found if not one.ok}


def test_the_invitation_asks_for_what_is_used_and_nothing_else() -> None:
    asked = parse_qs(urlsplit(manifest.invite("901")).query)
    assert asked == {
        "client_id": ["901"],
        "scope": ["bot applications.commands"],
        "permissions": [str(manifest.bits())],
    }
    used = may.VIEW | may.SEND | may.SEND_IN_THREADS | may.CREATE_PUBLIC_THREADS
    assert manifest.bits() == used | may.ATTACH_FILES | may.READ_HISTORY | may.ADD_REACTIONS


def test_an_application_id_that_is_none_is_refused() -> None:
    rows: list[str] = ["", "sayso", "1" * 21, "٣"]
    for row in each(rows):
        with row as application, pytest.raises(errors.InvalidSettings):
            manifest.invite(application)


async def test_a_server_that_is_set_up_has_nothing_to_repair(there: Scene) -> None:
    found = await sayso_discord.check(there.settings)
    assert [(one.name, one.ok) for one in found] == [
        ("DISCORD_BOT_TOKEN", True),
        ("interactions", True),
        ("intents", True),
        ("commands", True),
        ("channel", True),
        ("permissions", True),
    ]


async def test_the_start_asks_once_what_the_application_is() -> None:
    async with scene("http") as there:
        asked = [call.operation for call in there.discord.calls]
        assert asked.count("get_my_oauth2_application") == asked.count("get_my_user") == 1


async def test_it_says_whether_plain_words_in_threads_are_heard(there: Scene) -> None:
    def said(found: list[sayso_discord.Finding]) -> str:
        return next(one.said for one in found if one.name == "intents")

    assert "by replies and by mentions" in said(await sayso_discord.check(there.settings))
    there.discord.world.privileged = MESSAGE_CONTENT
    assert "any message" in said(await sayso_discord.check(there.settings))


async def test_a_wrong_token_is_named_before_anything_else(there: Scene) -> None:
    found = await findings(there, bot_token="wrong")
    assert list(found) == ["DISCORD_BOT_TOKEN"]
    assert "Reset Token" in (found["DISCORD_BOT_TOKEN"].hint or "")


async def test_a_public_key_without_an_address_in_the_portal_is_pointed_out(there: Scene) -> None:
    found = await findings(there, public_key=there.discord.public_key)
    assert "Interactions Endpoint URL" in (found["interactions"].hint or "")


async def test_missing_permissions_are_listed_with_what_they_are_for(there: Scene) -> None:
    there.discord.overwrite(OPS, there.discord.bot_role_id, deny=may.ATTACH_FILES | may.SEND_IN_THREADS)
    found = await findings(there)
    assert found["permissions"].said == (
        "missing: Send Messages in Threads (post questions into the thread of a session);"
        " Attach Files (hand out what is too long for a card)"
    )
    assert "channel settings" in (found["permissions"].hint or "")


async def test_a_channel_that_is_not_there_or_hidden_is_named(there: Scene) -> None:
    assert "10003" in (await findings(there, channel="1"))["channel"].said
    there.discord.overwrite(OPS, there.discord.bot_role_id, deny=may.VIEW)
    assert "50001" in (await findings(there))["channel"].said


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"bot_token": "wrong"}, "DISCORD_BOT_TOKEN"), ({"channel": "1"}, "discord.channel"),
     ({"channel": "ops"}, "discord.channel"), ({"api_url": "http://example.com/api"}, "DISCORD_API_URL")],
)  # fmt: skip
async def test_wrong_settings_stop_the_start_with_their_name(there: Scene, changes: Any, field: str) -> None:
    with pytest.raises(errors.InvalidSettings) as caught:
        async with sayso_discord.connect(there.front, dataclasses.replace(there.settings, **changes), QUICK):
            pass
    assert caught.value.field == field
    assert caught.value.hint


@pytest.mark.parametrize(("without", "proxy"), [("", "http://127.0.0.1:9"), ("discord.com", None)])
async def test_the_gateway_goes_through_the_proxy_of_the_environment(
    there: Scene, monkeypatch: pytest.MonkeyPatch, without: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", without)
    assert there.link.gateway is not None
    made = gateway._Client(there.link.gateway, content=False)  # pyright: ignore[reportPrivateUsage]
    assert made.http.proxy is None, "nothing of this machine is asked through a proxy"
    monkeypatch.setattr(http.Route, "BASE", "https://discord.com/api/v10")
    made = gateway._Client(there.link.gateway, content=False)  # pyright: ignore[reportPrivateUsage]
    assert made.http.proxy == proxy


async def test_a_token_that_discord_takes_no_more_is_said_until_it_is_taken_again(there: Scene) -> None:
    await there.link.check_ready()
    there.discord.fail_next("create_message", "40001")
    there.discord.fail_next("get_my_user", "40001")
    await there.ask(sayso.Question("Which customer?"))
    with pytest.raises(errors.ChannelError, match="40001") as caught:
        await there.link.check_ready()
    assert "DISCORD_BOT_TOKEN" in str(caught.value.hint)
    await there.link.check_ready()


async def test_a_missing_permission_stops_the_start(there: Scene) -> None:
    there.discord.overwrite(OPS, there.discord.bot_role_id, deny=may.SEND)
    with pytest.raises(errors.InvalidSettings, match="Send Messages") as caught:
        async with sayso_discord.connect(there.front, there.settings, QUICK):
            pass
    assert "Permissions" in (caught.value.hint or "")


async def test_the_permissions_of_the_invitation_are_enough() -> None:
    async with scene(threads="session") as there:
        role = there.discord.bot_role_id
        there.discord.overwrite(OPS, there.discord.guild_id, deny=may.EVERYTHING)
        there.discord.overwrite(OPS, role, allow=manifest.bits(), deny=may.EVERYTHING & ~manifest.bits())
        ann = there.discord.person(ANN, name="ann")
        there.discord.overwrite(OPS, ANN, allow=may.MEMBER)
        await there.stop()
        await there.start()
        ticket = await there.ask(sayso.Question("Which?", source=sayso.Source(session="s")))
        (thread,) = there.discord.threads(OPS)
        said = await ann.reply(there.cards(thread.id)[0], "Acme")
        await there.front.wait(ticket.id)
        await there.discord.until(lambda: there.discord.messages(thread.id)[-1].reactions)
        assert (await there.decision(ticket)).text == "Acme"
        assert said.channel == thread.id
        assert there.discord.refusals == []
