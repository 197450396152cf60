"""What a team's policy wants, in both chats: places, stages, who is away, a reason, a name to type, time to read."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import sayso
from sayso import model
from sayso.machine import people
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord_scene import ANN, BOB
from tests.fakes.slack import text as slack_text

WHY = "Why? It is on record, and the agent reads it."
DROP = sayso.Permission(tool="drop", input={"database": "prod-eu"})
MIX = [{"who": ["group:release"]}, {"who": ["group:security"]}]
ORDER = [{"approvers": ["group:release"]}, {"approvers": ["group:leads"]}]


def directory(platform: str, ann: str, bob: str, *delegations: people.Delegation) -> people.Directory:
    return people.Directory(
        {
            "ann": people.Profile(frozenset({f"{platform}:{ann}"})),
            "bob": people.Profile(frozenset({f"{platform}:{bob}"})),
        },
        {
            "release": people.Group(frozenset({"ann"})),
            "security": people.Group(frozenset({"bob"})),
            "leads": people.Group(frozenset({"bob"})),
        },
        delegations,
    )


@asynccontextmanager
async def slack(**policy: Any) -> AsyncGenerator[tuple[slack_scene.Scene, Any, Any]]:
    known = directory("slack", "T1/U1", "T1/U2")
    async with slack_scene.scene(policy=model.Policy(**policy), directory=known) as there:
        yield there, there.slack.person("U1", name="Ann"), there.slack.person("U2", name="Bob")


@asynccontextmanager
async def discord(**policy: Any) -> AsyncGenerator[tuple[discord_scene.Scene, Any, Any]]:
    known = directory("discord", ANN, BOB)
    async with discord_scene.scene(policy=model.Policy(**policy), directory=known) as there:
        yield there, there.discord.person(ANN, name="Ann"), there.discord.person(BOB, name="Bob")


# --- the board of places -----------------------------------------------------------------------------------------


async def test_in_slack_a_window_with_a_reason_tells_what_is_still_needed() -> None:
    async with slack(needs=MIX, reason="allow") as (there, ann, _):
        await there.ask(DROP)
        await ann.press(there.card, "Allow")
        await there.slack.until(lambda: there.slack.views("U1"))
        await ann.fill(ann.view, {WHY: "wanted"})
        assert await there.whispered(await ann.submit(ann.view)) == "Counted. Still needed: 1 of security."
        assert there.slack.views("U1") == []


async def test_in_slack_passing_it_on_in_a_window_tells_who_is_asked() -> None:
    async with slack(approvers=["ann", "bob"]) as (there, ann, _):
        await there.ask(DROP)
        await ann.press(there.card, "Ask someone else…")
        await there.slack.until(lambda: there.slack.views("U1"))
        await ann.choose(ann.view, "1 · bob")
        assert await there.whispered(await ann.submit(ann.view)) == "bob is asked now. You can still answer."


async def test_in_slack_the_card_counts_places_and_says_who_sat_where() -> None:
    async with slack(needs=MIX) as (there, ann, bob):
        ticket = await there.ask(DROP)
        assert "release 0 of 1 · security 0 of 1" in there.slack.visible_text(there.card)
        seen = await ann.press(there.card, "Allow")
        assert await there.whispered(seen) == "Counted. Still needed: 1 of security."
        await there.deliver()
        assert "release 1 of 1 (Ann) · security 0 of 1" in there.slack.visible_text(there.card)
        seen = await ann.press(there.card, "Allow")
        assert await there.whispered(seen) == "You have allowed this. Still needed: 1 of security."
        await bob.press(there.card, "Allow")
        assert (await there.decision(ticket)).outcome == "allowed"
        assert "release: Ann · security: Bob" in there.slack.visible_text(there.card)


async def test_in_discord_the_card_counts_places_and_says_who_sat_where() -> None:
    async with discord(needs=MIX) as (there, ann, bob):
        ticket = await there.ask(DROP)
        assert "release 0 of 1 · security 0 of 1" in there.discord.visible_text(there.card)
        seen = await ann.press(there.card, "Allow")
        assert await there.whispered(seen) == "Counted. Still needed: 1 of security."
        await there.deliver()
        assert "release 1 of 1 (Ann) · security 0 of 1" in there.discord.visible_text(there.card)
        await bob.press(there.card, "Allow")
        assert (await there.decision(ticket)).outcome == "allowed"
        assert "release: Ann · security: Bob" in there.discord.visible_text(there.card)


async def test_in_slack_a_stage_is_said_and_a_press_out_of_turn_is_told_why() -> None:
    async with slack(stages=ORDER) as (there, ann, bob):
        await there.ask(DROP)
        assert "Stage 1 of 2: release 0 of 1 · then leads" in there.slack.visible_text(there.card)
        told = await there.whispered(await bob.press(there.card, "Allow"))
        assert told.startswith("It is not your turn: now it is for the group release (ann). You can deny it now")
        await ann.press(there.card, "Allow")
        await there.deliver()
        card, mention = there.cards()
        assert "Stage 2 of 2: leads 0 of 1" in there.slack.visible_text(card)
        # those whose turn it is are mentioned where it stands
        assert mention.thread_ts == card.ts
        assert list(slack_text.pings(list(mention.blocks))) == ["U2"]


async def test_in_discord_a_stage_is_said_and_a_press_out_of_turn_is_told_why() -> None:
    async with discord(stages=ORDER) as (there, ann, bob):
        await there.ask(DROP)
        assert "Stage 1 of 2: release 0 of 1 · then leads" in there.discord.visible_text(there.card)
        told = await there.whispered(await bob.press(there.card, "Allow"))
        assert told.startswith("It is not your turn: now it is for the group release (ann). You can deny it now")
        await ann.press(there.card, "Allow")
        await there.deliver()
        assert "Stage 2 of 2: leads 0 of 1" in there.discord.visible_text(there.card)


# --- somebody is away --------------------------------------------------------------------------------------------


async def test_in_slack_a_delegate_acts_for_who_is_away_and_both_names_stand_there() -> None:
    async with slack(approvers=["ann"]) as (there, _, bob):
        until = there.clock.now() + timedelta(days=1)
        away = people.Delegation("ann", frozenset({"bob"}), until)
        setup = there.front.setup
        ticket = await there.ask(DROP)
        told = await there.whispered(await bob.press(there.card, "Allow"))
        assert told == "You may not answer this request; it is for ann."
        object.__setattr__(setup, "directory", directory("slack", "T1/U1", "T1/U2", away))
        await bob.press(there.card, "Allow")
        decision = await there.decision(ticket)
        assert [(one.person, one.delegate, one.name) for one in decision.by] == [("ann", "bob", "Bob")]
        assert "Allowed by Bob for ann" in there.slack.visible_text(there.card)


# --- a reason, a name, time --------------------------------------------------------------------------------------


async def test_in_slack_a_window_asks_for_the_reason_and_the_name() -> None:
    async with slack(reason="both", confirm="input.database") as (there, ann, _):
        ticket = await there.ask(DROP)
        view = await there.open(ann, "Allow")
        assert "prod-eu" in there.slack.visible_text(view)
        await ann.fill(view, {"Type this name to allow it": "prod", WHY: "wanted"})
        seen = await ann.submit(ann.view)
        assert list(seen.errors.values()) == ["To allow this, its name has to be typed: the value of input.database."]
        await ann.fill(ann.view, {"Type this name to allow it": "prod-eu", WHY: "wanted"})
        await ann.submit(ann.view)
        assert (await there.decision(ticket)).reason == "wanted"


async def test_in_discord_a_window_asks_for_the_reason_and_the_name() -> None:
    async with discord(reason="both", confirm="input.database") as (there, ann, _):
        ticket = await there.ask(DROP)
        modal = await there.opened(ann, "Allow")
        await ann.fill(modal, {"Type this name to allow it": "prod", WHY: "x"})
        told = await there.whispered(await ann.submit(modal))
        assert told.startswith("To allow this, its name has to be typed: the value of input.database.")
        modal = await there.opened(ann, "Allow")
        await ann.fill(modal, {"Type this name to allow it": "prod-eu", WHY: "wanted"})
        await ann.submit(modal)
        assert (await there.decision(ticket)).reason == "wanted"


async def test_in_slack_time_to_read_is_kept() -> None:
    async with slack(confirm=10.0) as (there, ann, _):
        ticket = await there.ask(DROP)
        view = await there.open(ann, "Allow")
        assert "Its policy gives it 10 seconds to be read." in there.slack.visible_text(view)
        await ann.submit(view)
        assert "Read it first: you can allow it in 10 seconds." in there.slack.visible_text(ann.view)
        there.clock.advance(10)
        await ann.submit(await there.open(ann, "Allow"))
        assert (await there.decision(ticket)).outcome == "allowed"


async def test_in_discord_time_to_read_is_kept() -> None:
    async with discord(confirm=10.0) as (there, ann, _):
        ticket = await there.ask(DROP)
        seen = await ann.press(there.card, "Allow")
        assert "Its policy gives it 10 seconds to be read." in await there.whispered(seen)
        await ann.press(seen.ephemerals[-1], "Allow")
        assert "Read it first: you can allow it in 10 seconds." in await there.whispered(seen)
        there.clock.advance(10)
        await ann.press(seen.ephemerals[-1], "Try again")
        await ann.press(seen.ephemerals[-1], "Allow")
        assert (await there.decision(ticket)).outcome == "allowed"


# --- break glass -------------------------------------------------------------------------------------------------


async def test_in_slack_whoever_may_break_the_glass_finds_the_window_behind_allow() -> None:
    glass = {"who": ["bob"], "review": ["ann"]}
    async with slack(approvers=["ann"], break_glass=glass) as (there, ann, bob):
        ticket = await there.ask(DROP)
        assert "Break the glass…" not in there.slack.controls(there.card)
        view = await there.open(bob, "Allow")
        assert "Others are told now, and review it." in there.slack.visible_text(view)
        await bob.fill(view, {"Why can it not wait? It is on record.": "the site is down"})
        await bob.submit(bob.view)
        decision = await there.decision(ticket)
        assert (decision.outcome, decision.break_glass) == ("allowed", True)
        card, review = there.cards()
        assert "Glass broken and allowed by Bob" in there.slack.visible_text(card)
        assert "The glass was broken: this was allowed by one person" in there.slack.visible_text(review)
        assert "the site is down" in there.slack.visible_text(review)
        told = await there.whispered(await bob.press(review, "1 · It was justified"))
        assert told == "You cannot review what you allowed yourself."
        await ann.press(review, "1 · It was justified")
        await there.deliver()
        assert "It was justified" in there.slack.visible_text(there.cards()[1])


async def test_in_discord_whoever_may_break_the_glass_finds_the_window_behind_allow() -> None:
    glass = {"who": ["bob"], "review": ["ann"]}
    async with discord(approvers=["ann"], break_glass=glass) as (there, _, bob):
        ticket = await there.ask(DROP)
        modal = await there.opened(bob, "Allow")
        await bob.fill(modal, {"Why can it not wait? It is on record.": "the site is down"})
        await bob.submit(modal)
        decision = await there.decision(ticket)
        assert (decision.outcome, decision.break_glass) == ("allowed", True)
        card, review = there.cards()
        assert "Glass broken and allowed by Bob" in there.discord.visible_text(card)
        assert "the site is down" in there.discord.visible_text(review)


# --- an account that was closed ----------------------------------------------------------------------------------


async def test_in_slack_whoever_left_before_the_last_place_was_filled_does_not_count() -> None:
    async with slack(approvers=["ann", "bob"], quorum=2) as (there, ann, bob):
        ticket = await there.ask(DROP)
        await ann.press(there.card, "Allow")
        there.slack.person("U1", name="Ann", deleted=True)
        there.clock.advance(120)
        told = await there.whispered(await bob.press(there.card, "Allow"))
        assert told == "Counted: 1 of 2 people has allowed this. Others have to agree."
        await there.deliver()
        assert "account closed since: Ann" in there.slack.visible_text(there.card)
        assert (await there.front.get(ticket.id)).decision is None
