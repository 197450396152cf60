"""*Show secrets…* in both chats: for whoever the policy names, alone; the channel never sees what a mask covers."""

from __future__ import annotations

import sayso
from sayso import model
from sayso.machine import events, people
from tests.adapters import discord_scene, slack_scene

SECRET = "ghp_" + "a1B2" * 9
ASKED = sayso.Permission(tool="Bash", input={"command": f"TOKEN={SECRET} make deploy"})


async def test_slack_opens_a_window_with_the_secret_for_who_may_and_tells_others_who() -> None:
    directory = people.Directory({"ann": people.Profile(frozenset({"slack:T1/U1"}))})
    policy = model.Policy(reveal=("ann",))
    async with slack_scene.scene(policy=policy, directory=directory) as there:
        ticket = await there.ask(ASKED)
        assert SECRET not in str(there.card.blocks) + str(there.card.text)
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        await bob.press(there.card, "Show secrets…")
        assert "it is for ann" in "".join(map(there.slack.visible_text, there.slack.ephemerals("U2")))
        assert there.slack.views("U2") == []
        await ann.press(there.card, "Show secrets…")
        assert SECRET in "".join(map(there.slack.visible_text, there.slack.views("U1")))
        rows = await there.front.store.log(ticket.id)
        assert [row.entry.by.id for row in rows if isinstance(row.entry, events.Revealed)] == ["ann"]
        shown = [*there.slack.world.channels["C1"].messages.values(), *there.slack.ephemerals("U2")]
        assert SECRET not in str(shown)


async def test_discord_shows_it_in_a_message_that_only_they_see() -> None:
    directory = people.Directory({"ann": people.Profile(frozenset({f"discord:{discord_scene.ANN}"}))})
    policy = model.Policy(reveal=("ann",))
    async with discord_scene.scene(policy=policy, directory=directory) as there:
        ticket = await there.ask(ASKED)
        assert SECRET not in str(there.card.sent)
        ann = there.discord.person(discord_scene.ANN, name="ann")
        bob = there.discord.person(discord_scene.BOB, name="bob")
        await bob.press(there.card, "Show secrets…")
        assert "it is for ann" in str(there.discord.ephemerals(discord_scene.BOB))
        await ann.press(there.card, "Show secrets…")
        assert SECRET in str(there.discord.ephemerals(discord_scene.ANN))
        assert SECRET not in str(there.discord.ephemerals(discord_scene.BOB))
        rows = await there.front.store.log(ticket.id)
        assert [row.entry.by.id for row in rows if isinstance(row.entry, events.Revealed)] == ["ann"]
