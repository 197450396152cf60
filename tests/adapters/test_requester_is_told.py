"""The person on whose behalf something was asked is told what became of it: once, privately, with a link to it."""

import dataclasses
from collections.abc import AsyncGenerator

import pytest

import sayso
from sayso import model
from sayso.machine import events, people
from sayso.stores import Job
from sayso.stores.outbox import outbox_key
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord_scene import ANN, BOB, OPS
from tests.fakes.slack import text as slack_text

DEPLOY = sayso.Permission(tool="Bash", input={"command": "<@U2> make deploy"}, title="<!channel>", expires_in=60)


@pytest.fixture
async def slack() -> AsyncGenerator[slack_scene.Scene]:
    async with slack_scene.scene() as there:
        there.slack.person("U1", name="ann")
        yield there


@pytest.fixture
async def discord() -> AsyncGenerator[discord_scene.Scene]:
    async with discord_scene.scene() as there:
        there.discord.person(ANN, name="ann")
        yield there


async def test_in_slack_the_requester_is_told_by_a_direct_message(slack: slack_scene.Scene) -> None:
    bob = slack.slack.person("U2", name="bob")
    await slack.ask(DEPLOY, owner="release-bot", requester="ann")
    await bob.press(slack.card, "Allow")
    await slack.deliver()
    (told,) = slack.slack.dms("U1")
    said = slack.slack.visible_text(told)
    assert said.startswith("release-bot asks to run Bash on your behalf. Allowed by slack:T1/U2.")
    assert told.text == "release-bot asks to run Bash on your behalf. Allowed by slack:T1/U2."
    (link,) = slack_text.links(list(told.blocks))
    assert link.endswith(f"/archives/C1/p{slack.card.ts.replace('.', '')}")
    assert list(slack_text.pings(list(told.blocks))) == []


async def test_in_discord_the_requester_is_told_by_a_direct_message(discord: discord_scene.Scene) -> None:
    bob = discord.discord.person(BOB, name="bob")
    await discord.ask(DEPLOY, owner="release-bot", requester="ann")
    await bob.press(discord.card, "Deny")
    await discord.deliver()
    (told,) = discord.discord.dms(ANN)
    assert f"release-bot asks to run Bash on your behalf. Denied by discord:{BOB}." in discord.discord.visible_text(
        told
    )
    (link,) = discord.discord.links(told)
    assert link.endswith(f"/{OPS}/{discord.card.id}")
    assert discord.discord.pings(told) == []


@pytest.mark.parametrize("how", ["decided by them", "withdrawn", "no account", "nobody", "not wanted"])
async def test_who_knows_or_cannot_be_reached_is_not_told(slack: slack_scene.Scene, how: str) -> None:
    requester = {"no account": "carl", "nobody": None}.get(how, "ann")
    if how == "not wanted":
        slack.front.setup = dataclasses.replace(slack.front.setup, tell_requester=False)
    question = sayso.Question("Which?")
    ticket = await slack.ask(question, requester=requester)
    if how == "withdrawn":
        await slack.front.cancel(ticket.id)
    else:
        who = people.Actor("slack:T1/U1" if how == "decided by them" else "slack:T1/U2", "Somebody", member=True)
        await slack.front.answer(ticket.id, sayso.Answer(text="Acme"), who)
    await slack.deliver()
    assert slack.slack.dms("U1") == []


async def test_what_nobody_answered_is_told_too(slack: slack_scene.Scene) -> None:
    ticket = await slack.ask(DEPLOY, requester="ann")
    slack.clock.advance(61)
    await slack.front.let_time_act(ticket.id)
    await slack.deliver()
    (told,) = slack.slack.dms("U1")
    assert "Expired: no decision in time." in told.text


@pytest.mark.parametrize("chat", ["slack", "discord"])
async def test_a_try_that_was_cut_short_after_it_got_through_tells_nobody_twice(
    slack: slack_scene.Scene, discord: discord_scene.Scene, chat: str
) -> None:
    there = slack if chat == "slack" else discord
    ticket = await there.ask(DEPLOY, requester="ann")
    there.clock.advance(61)
    await there.front.let_time_act(ticket.id)
    await there.deliver()
    for _ in range(2):
        await there.courier._perform(job_of(ticket, f"{chat}:@ann"))
    await there.stop()
    await there.start()
    await there.courier._perform(job_of(ticket, f"{chat}:@ann"))
    told = slack.slack.dms("U1") if chat == "slack" else discord.discord.dms(ANN)
    assert len(told) == 1


def job_of(ticket: model.Ticket, place: str) -> Job:
    """The effect as it is taken again by whoever comes after a process that was killed."""
    tell = events.Tell(place=place)
    return Job(outbox_key(ticket.id, tell), ticket.id, tell, 1, 0, ticket.expires_at)


async def test_a_message_that_is_refused_is_logged_and_harms_nothing(
    slack: slack_scene.Scene, caplog: pytest.LogCaptureFixture
) -> None:
    slack.slack.fail_next("conversations.open", "user_disabled")
    ticket = await slack.ask(DEPLOY, requester="ann")
    slack.clock.advance(61)
    await slack.front.let_time_act(ticket.id)
    await slack.deliver()
    assert slack.slack.dms("U1") == []
    assert (await slack.front.get(ticket.id)).undelivered == ()
    assert "delivery given up" in caplog.text
