"""Stop from a chat: two copies of the service on one PostgreSQL, one in Slack and one in Discord."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator

import pytest

import sayso
from sayso import errors, model
from sayso.desk.upkeep import stopping
from sayso.stores import postgres
from sayso.testing import samples
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord_scene import ANN, BOB, OPS
from tests.conftest import BOUND
from tests.fakes.pg import pg_schema, pg_server

__all__ = ["pg_schema", "pg_server"]

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})


@dataclasses.dataclass
class Copies:
    """Both copies, each with its own clock and its own connection to the database."""

    slack: slack_scene.Scene
    discord: discord_scene.Scene

    def pass_time(self, seconds: float) -> None:
        for clock in (self.slack.clock, self.discord.clock):
            clock.advance(seconds)

    async def deliver(self) -> None:
        await self.slack.deliver()
        # at Slack's pace its clock may have gone on, and what that copy wrote since is not due before
        behind = self.slack.clock.now() - self.discord.clock.now()
        self.discord.clock.advance(max(0.0, behind.total_seconds()))
        await self.discord.deliver()

    async def stands(self, ticket: model.Ticket, stopped: bool) -> None:
        """Until the request is brought in line by whichever copy is first."""
        async with asyncio.timeout(BOUND):
            while ((await self.slack.front.store.load(ticket.id)).stopped is not None) != stopped:  # noqa: ASYNC110 (it is in a database)
                await asyncio.sleep(0.002)


@pytest.fixture
async def copies(pg_schema: str) -> AsyncGenerator[Copies]:
    async with (
        slack_scene.scene(kept=await postgres.PostgresStore.open(pg_schema)) as slack,
        discord_scene.scene(kept=await postgres.PostgresStore.open(pg_schema)) as discord,
    ):
        for front in (slack.front, discord.front):
            front.setup = dataclasses.replace(front.setup, stoppers=("ann",))
        watching = [asyncio.create_task(stopping.watch(front)) for front in (slack.front, discord.front)]
        yield Copies(slack, discord)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def test_a_stop_in_slack_holds_in_discord_and_is_lifted_from_there(copies: Copies) -> None:
    slack, discord = copies.slack, copies.discord
    ann, ann_there = slack.slack.person("U1", name="ann"), discord.discord.person(ANN, name="ann")
    here, there = await slack.ask(DEPLOY), await discord.ask(DEPLOY)
    given = await discord.front.open(DEPLOY)
    await discord.front.answer(given.id, model.Answer(verdict="allow"), samples.actor())
    started = time.monotonic()
    seen = await ann.command("C1", "/sayso", "stop a key <!channel> leaked")
    assert "Everything was stopped by ann" in await slack.whispered(seen)
    for ticket in (here, there):
        await copies.stands(ticket, True)
    assert time.monotonic() - started < 2
    await copies.deliver()
    for shown in (slack.slack.visible_text(slack.card), discord.discord.visible_text(discord.cards()[0])):
        assert "Everything was stopped by" in shown
        assert "a key <!channel> leaked" in shown
        assert "after the stop is lifted" in shown
    assert "Allow" not in slack.slack.controls(slack.card)
    assert "Allow" not in discord.discord.controls(discord.cards()[0])
    with pytest.raises(errors.NotUsable, match="has stopped everything"):
        await discord.front.use(given.id)
    # no time runs, in either copy
    copies.pass_time(2 * 3_600)
    for front, ticket in ((slack.front, here), (discord.front, there)):
        assert (await front.let_time_act(ticket.id)).state == "pending"
    seen_there = await ann_there.command(OPS, "sayso resume")
    assert "Lifted. What was open goes on" in discord.discord.visible_text(seen_there.ephemerals[-1])
    for ticket in (here, there):
        await copies.stands(ticket, False)
    await copies.deliver()
    await ann.press(slack.card, "Allow")
    assert (await slack.decision(here)).allowed
    await ann_there.press(discord.cards()[0], "Allow")
    assert (await discord.decision(there)).allowed
    assert slack.slack.refusals == discord.discord.refusals == []


async def test_a_card_that_was_not_brought_up_to_date_allows_nothing_either(copies: Copies) -> None:
    slack, discord = copies.slack, copies.discord
    ann, ann_there = slack.slack.person("U1", name="ann"), discord.discord.person(ANN, name="ann")
    here, there = await slack.ask(DEPLOY, owner="bot"), await discord.ask(DEPLOY, owner="other")
    seen_there = await ann_there.command(OPS, "sayso stop", agent="bot", reason="it loops")
    assert "The agent bot was stopped by ann" in discord.discord.visible_text(seen_there.ephemerals[-1])
    seen = await ann.press(slack.card, "Allow")
    assert "has stopped the agent bot: it can only be denied now" in await slack.whispered(seen)
    await ann_there.press(discord.cards()[0], "Allow")
    assert (await discord.decision(there)).allowed
    await ann.press(slack.card, "Deny")
    assert (await slack.decision(here)).outcome == "denied"


async def test_whoever_is_not_named_is_told_so_and_stops_nothing(copies: Copies) -> None:
    slack, discord = copies.slack, copies.discord
    bob, bob_there = slack.slack.person("U2", name="bob"), discord.discord.person(BOB, name="bob")
    for word in ("stop", "resume"):
        seen = await bob.command("C1", "/sayso", word)
        assert "you may not stop agents" in (await slack.whispered(seen)).lower()
        seen_there = await bob_there.command(OPS, f"sayso {word}")
        assert "you may not stop agents" in discord.discord.visible_text(seen_there.ephemerals[-1]).lower()
    ann = slack.slack.person("U1", name="ann")
    seen = await ann.command("C1", "/sayso", "resume bot")
    assert "Type /sayso pending" in await slack.whispered(seen)
    ticket = await slack.ask(DEPLOY)
    await ann.press(slack.card, "Allow")
    assert (await slack.decision(ticket)).allowed
