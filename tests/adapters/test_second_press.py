"""High risk takes a second press: in Slack's own dialog, in a message for them alone in Discord, in the inbox."""

from __future__ import annotations

import re

import pytest

import sayso
from sayso import model
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord_scene import ANN
from tests.adapters.web.service import serving

RISKY = sayso.Permission(tool="Bash", input={"command": "rm -rf /srv/app"}, grants=("session",))
HARMLESS = sayso.Permission(tool="Bash", input={"command": "ls"}, grants=("session",))
BOTH = ("Allow", "Stop asking this session")


@pytest.mark.parametrize("label", BOTH)
async def test_in_slack_a_dialog_asks_with_what_was_found(label: str) -> None:
    async with slack_scene.scene() as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(RISKY)
        await ann.press(there.card, label, sure=False)
        assert ann.asked == [f"High risk: Deletes folders. {label}?"]
        assert (await there.front.get(ticket.id)).state == "pending"
        await ann.press(there.card, label)
        assert (await there.decision(ticket)).allowed


@pytest.mark.parametrize("label", BOTH)
async def test_in_discord_a_private_message_asks_with_what_was_found(label: str) -> None:
    async with discord_scene.scene() as there:
        ann = there.discord.person(ANN, name="ann")
        ticket = await there.ask(RISKY)
        (window,) = (await ann.press(there.card, label)).ephemerals
        assert window.only_for == ANN
        assert "High risk" in there.discord.visible_text(window)
        assert "Deletes folders: rm -rf /srv/app" in there.discord.visible_text(window)
        assert (await there.front.get(ticket.id)).state == "pending"
        await ann.press(window, label)
        assert (await there.decision(ticket)).allowed


@pytest.mark.parametrize(("action", "grant"), [("allow", None), ("session", "session")])
async def test_in_the_inbox_a_window_asks_with_what_was_found(action: str, grant: str | None) -> None:
    async with serving() as there:
        ann = await there.signed_in("ann")
        ticket = await there.desk.open(RISKY)
        token = await there.token(ticket.id, action)  # type: ignore[arg-type]
        opened = await ann.press(token)
        assert "Deletes folders" in opened.text
        assert 'name="submitted"' in opened.text
        assert (await there.desk.get(ticket.id)).state == "pending"
        again = re.search('name="token" value="([^"]+)"', opened.text[opened.text.index('class="dialog') :])
        assert again
        await ann.post("/press", {"csrf": await ann.csrf(), "token": again[1], "submitted": "1"})
        decision = (await there.desk.get(ticket.id)).decision
        assert decision is not None
        assert (decision.allowed, decision.grant) == (True, grant)


async def test_one_press_is_enough_for_anything_else_and_for_a_denial() -> None:
    async with slack_scene.scene() as slack, discord_scene.scene() as discord, serving() as web:
        ann, there = slack.slack.person("U1", name="ann"), discord.discord.person(ANN, name="ann")
        for request, label, allowed in ((HARMLESS, "Allow", True), (RISKY, "Deny", False)):
            ticket = await slack.ask(request)
            await ann.press(slack.cards()[-1], label)
            assert (await slack.decision(ticket)).allowed is allowed
            ticket = await discord.ask(request)
            await there.press(discord.cards()[-1], label)
            assert (await discord.decision(ticket)).allowed is allowed
            browser = await web.signed_in("ann")
            ticket = await web.desk.open(request)
            await browser.press(await web.token(ticket.id, "allow" if allowed else "deny"))
            decision = (await web.desk.get(ticket.id)).decision
            assert decision is not None
            assert decision.allowed is allowed
        assert ann.asked == []


WHY = {"Why? It is on record, and the agent reads it.": "looked at it"}


@pytest.mark.parametrize(("label", "said"), [("Allow", "allowed"), ("Deny", "denied")])
async def test_whoever_gave_a_reason_is_told_that_it_counts_and_not_asked_for_it_again(label: str, said: str) -> None:
    policy = model.Policy(quorum=2, veto=2, reason="both")
    told = f"You have {said} this already. 1 of 2 people has {said} it; others have to agree."
    async with slack_scene.scene(policy=policy) as slack, discord_scene.scene(policy=policy) as discord:
        ann, there = slack.slack.person("U1", name="ann"), discord.discord.person(ANN, name="ann")
        one, other = await slack.ask(HARMLESS), await discord.ask(HARMLESS)
        view, modal = await slack.open(ann, label), await discord.opened(there, label)
        await ann.fill(view, WHY)
        await there.fill(modal, WHY)
        await ann.submit(ann.view)
        await there.submit(modal)
        for scene, ticket in ((slack, one), (discord, other)):
            (given,) = (await scene.front.get(ticket.id)).answers
            assert given.answer.reason == "looked at it"
        again, there_again = await ann.press(slack.card, label), await there.press(discord.card, label)
        assert (await slack.whispered(again), await discord.whispered(there_again)) == (told, told)
        assert (again.views, there_again.modals) == ([], [])
        # the contrary is asked for a reason of its own
        contrary = {"Allow": "Deny", "Deny": "Allow"}[label]
        assert await slack.open(ann, contrary)
        assert await discord.opened(there, contrary)
