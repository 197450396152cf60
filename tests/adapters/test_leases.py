"""Once a lease is over nothing is sent to a platform, whatever it is for; once it is taken anew all of it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

import pytest

# pyright: reportPrivateUsage=false
import sayso
from sayso import model
from sayso.desk import Caller
from sayso.desk.posting import leases
from sayso_http import outbound
from tests.adapters import discord_scene, slack_scene

POLICY = model.Policy(remind=(60.0,), expires_in=3600.0)
DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"}, source=model.Source(session="s1"))
ROOMS = {"slack": "C1", "discord": discord_scene.OPS}

Scene = slack_scene.Scene | discord_scene.Scene


@pytest.fixture(params=["slack", "discord"])
async def there(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    if request.param == "slack":
        async with slack_scene.scene(policy=POLICY) as slack:
            slack.slack.person("U1", name="ann")
            yield slack
        return
    async with discord_scene.scene(policy=POLICY, threads="session") as discord:
        discord.discord.person(discord_scene.ANN, name="ann")
        yield discord


def said(there: Scene) -> list[tuple[str, Sequence[str]]]:
    """All that stands in the chat, and what can be pressed there."""
    if isinstance(there, slack_scene.Scene):
        slack = there.slack
        return [(slack.visible_text(one), slack.controls(one)) for one in [*slack.messages("C1"), *slack.dms("U1")]]
    discord = there.discord
    rooms = (channel.id for channel in discord.world.channels.values())
    found = (one for room in rooms for one in discord.messages(room))
    return [(discord.visible_text(one), discord.controls(one)) for one in found]


def over(there: Scene) -> AbstractContextManager[None]:
    """What is done there is done by a process that stood still over it."""
    return leases.under(there.clock, there.clock.now)


async def perform(there: Scene) -> int:
    """Perform what is due, as whoever has just taken it; how many effects there were."""
    jobs = await there.front.store.take([next(iter(there.front.platforms))], there.clock.now(), leases.LEASE)
    for job in jobs:
        await there.courier._perform(job)
    return len(jobs)


async def come_to_nothing(there: Scene, least: int) -> None:
    before = said(there)
    with over(there):
        assert await perform(there) >= least
    assert said(there) == before
    there.clock.advance(5)
    await there.deliver()
    assert said(there) != before


@pytest.mark.parametrize("asked", [DEPLOY, sayso.Question("Which?", source=model.Source(session="s1"))])
async def test_no_card_no_edit_no_reminder_and_no_direct_message_is_sent(there: Scene, asked: model.Request) -> None:
    ticket = await there.front.open(asked, Caller(owner="agent", requester="ann"))
    await come_to_nothing(there, 1)
    there.clock.advance(60)
    await there.front.let_time_act(ticket.id)
    await come_to_nothing(there, 1)
    there.clock.advance(3600)
    await there.front.let_time_act(ticket.id)
    await come_to_nothing(there, 2)
    assert await there.front.store.next_job(list(there.front.platforms)) is None


async def test_no_door_to_slack_is_open() -> None:
    async with slack_scene.scene() as there:
        api = there.link.channel._api
        doors: list[Callable[[], Awaitable[object]]] = [
            lambda: api.post("chat.postMessage", channel="C1", text="late"),
            lambda: api.upload(f"{there.slack.api_url}/upload", b"late"),
            lambda: api.respond(f"{there.slack.api_url}/respond", {"text": "late"}),
        ]
        calls = len(there.slack.calls)
        await closed(there, doors)
        assert len(there.slack.calls) == calls


async def test_no_door_to_discord_is_open() -> None:
    async with discord_scene.scene() as there:
        api, path, room = there.link.channel._api, "/channels/{channel_id}/messages", discord_scene.OPS
        doors: list[Callable[[], Awaitable[object]]] = [
            lambda: api.send("POST", path, {"content": "late"}, channel_id=room),
            lambda: api.send_files(path, {}, {"late.png": ("image/png", b"late")}, channel_id=room),
        ]
        calls = len(there.discord.calls)
        await closed(there, doors)
        assert len(there.discord.calls) == calls


async def test_no_address_is_called() -> None:
    async with slack_scene.scene() as there:
        await closed(there, [lambda: outbound.Poster(["127.0.0.1"]).post(there.slack.api_url, b"late", {})])


async def closed(there: Scene, doors: Sequence[Callable[[], Awaitable[object]]]) -> None:
    for go in doors:
        with over(there), pytest.raises(leases.LeaseOver):
            await go()
