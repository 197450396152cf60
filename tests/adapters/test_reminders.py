"""A reminder is a reply below the card, in both chats: it notifies whoever is missing, once, and says what is."""

import pytest

import sayso
from sayso import model
from sayso.machine import events
from sayso.stores import Job
from sayso.stores.outbox import outbox_key
from tests.adapters import discord_scene, slack_scene
from tests.adapters.test_mentions import DIRECTORY, IDS
from tests.fakes.discord.world import Message
from tests.fakes.slack import text as slack_text

DEPLOY = sayso.Permission(tool="Bash", input={"command": "<@U2> make deploy"}, title="<!channel> <@U2>")
POLICY = model.Policy(
    approvers=("ann", "bob", "group:security"), quorum=2, expires_in=3600.0, remind=(60.0, 120.0), notify=()
)


def job_of(ticket: model.Ticket, chat: str) -> Job:
    """The effect as it is taken again by whoever comes after a process that was killed."""
    effect = events.Remind(place=ticket.route[0], number=ticket.reminded)
    return Job(outbox_key(ticket.id, effect), ticket.id, effect, 1, 0, ticket.expires_at)


async def test_in_slack_those_who_are_missing_are_mentioned_in_the_thread() -> None:
    async with slack_scene.scene(policy=POLICY, directory=DIRECTORY) as there:
        ann = there.slack.person("U1", name="ann")
        there.slack.usergroup("S2", [])
        ticket = await there.ask(DEPLOY)
        await ann.press(there.card, "Allow")
        there.clock.advance(60)
        ticket = await there.front.let_time_act(ticket.id)
        await there.deliver()
        posted, reminder = there.cards()
        assert (reminder.thread_ts, posted.thread_ts) == (posted.ts, None)
        assert list(slack_text.pings(list(reminder.blocks))) == ["U2", "S2"]
        said = there.slack.visible_text(reminder)
        assert "Reminder: this waits for an answer · 1 of 2 people has allowed this: ann" in said
        assert reminder.text.startswith("Reminder: this waits for an answer")
        # a process that was killed after it got through says nothing twice
        await there.stop()
        await there.start()
        await there.courier._perform(job_of(ticket, "slack"))
        assert len(there.cards()) == 2
        there.clock.advance(60)
        await there.front.let_time_act(ticket.id)
        await there.deliver()
        assert [one.thread_ts for one in there.cards()[1:]] == [posted.ts, posted.ts]


def messages(there: discord_scene.Scene) -> list[Message]:
    """Cards and reminders."""
    return [one for one in there.discord.messages(discord_scene.OPS) if one.author == there.discord.bot_id]


async def test_in_discord_those_who_are_missing_are_mentioned_in_a_reply() -> None:
    async with discord_scene.scene(policy=POLICY, directory=DIRECTORY) as there:
        people = {name: there.discord.person(some_id, name=name) for name, some_id in IDS.items()}
        ticket = await there.ask(DEPLOY)
        posted = there.card
        await people["ann"].press(posted, "Allow")
        there.clock.advance(60)
        ticket = await there.front.let_time_act(ticket.id)
        await there.deliver()
        posted, reminder = messages(there)
        assert reminder.replies_to == posted.id
        assert there.discord.pings(reminder) == [f"<@{IDS['bob']}>"]
        said = there.discord.visible_text(reminder)
        assert "Reminder: this waits for an answer · 1 of 2 people has allowed this: ann" in said
        await there.stop()
        await there.start()
        await there.courier._perform(job_of(ticket, "discord"))
        assert len(messages(there)) == 2
        there.clock.advance(60)
        await there.front.let_time_act(ticket.id)
        await there.deliver()
        assert [one.replies_to for one in messages(there)[1:]] == [posted.id, posted.id]


@pytest.mark.parametrize("refusal", ["thread_not_found", "missing_scope"])
async def test_a_reminder_that_cannot_be_looked_for_or_sent_harms_nothing(refusal: str) -> None:
    async with slack_scene.scene(policy=POLICY, directory=DIRECTORY) as there:
        there.slack.usergroup("S2", [])
        ticket = await there.ask(DEPLOY)
        there.clock.advance(60)
        ticket = await there.front.let_time_act(ticket.id)
        if refusal == "thread_not_found":
            there.slack.fail_next("chat.postMessage", refusal)
            await there.deliver()
            assert len(there.cards()) == 1
        else:
            await there.deliver()
            there.slack.fail_next("conversations.replies", refusal)
            await there.courier._perform(job_of(ticket, "slack"))
            # without the right to look, a second one is possible
            assert len(there.cards()) == 3
        assert (await there.front.get(ticket.id)).undelivered == ()
