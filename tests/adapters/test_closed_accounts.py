"""Whoever allowed and has lost their account before enough have allowed does not count any more, in both chats."""

import sayso
from sayso import model
from sayso.machine import people
from tests.adapters import discord_scene, slack_scene
from tests.fakes.slack.controls import Json
from tests.fakes.slack.limits import Refused

DEPLOY = sayso.Permission(tool="Bash", input={"command": "ls"})
TWO = model.Policy(approvers=("anyone",), quorum=2)
CID = "300000000000000003"


async def test_in_slack_the_allow_of_an_account_that_was_closed_does_not_count() -> None:
    async with slack_scene.scene(policy=TWO, directory=people.Directory()) as there:
        there.slack.world.channels["C1"].members |= {"U3"}
        ann, bob, cid = (there.slack.person(f"U{at}", name=name) for at, name in enumerate(("ann", "bob", "cid"), 1))
        ticket = await there.ask(DEPLOY)
        await bob.press(there.card, "Allow")
        there.slack.person("U2", name="bob", deleted=True)
        there.clock.advance(61)
        await ann.press(there.card, "Allow")
        assert (await there.front.get(ticket.id)).decision is None
        await there.deliver()
        assert "account closed since: bob" in there.slack.visible_text(there.card)
        await cid.press(there.card, "Allow")
        assert [one.name for one in (await there.decision(ticket)).by] == ["ann", "cid"]


async def test_in_slack_an_account_that_could_not_be_looked_up_decides_nothing_and_loses_nothing() -> None:
    async with slack_scene.scene(policy=TWO, directory=people.Directory()) as there:
        ann, bob = there.slack.person("U1", name="ann"), there.slack.person("U2", name="bob")
        ticket = await there.ask(DEPLOY)
        await bob.press(there.card, "Allow")
        there.clock.advance(61)
        info = there.slack._server.methods["users.info"]

        def only_ann(args: Json) -> Json:
            if args.get("user") == "U2":
                raise Refused("internal_error")
            return info[0](args)

        there.slack._server.methods["users.info"] = (only_ann, info[1])
        seen = await ann.press(there.card, "Allow")
        assert "whether the account of" in await there.whispered(seen)
        assert (await there.front.get(ticket.id)).decision is None
        there.slack._server.methods["users.info"] = info
        await ann.press(there.card, "Allow")
        assert (await there.decision(ticket)).allowed


async def test_in_discord_the_allow_of_somebody_who_left_the_server_does_not_count() -> None:
    async with discord_scene.scene(policy=TWO, directory=people.Directory()) as there:
        ann = there.discord.person(discord_scene.ANN, name="ann")
        bob = there.discord.person(discord_scene.BOB, name="bob")
        cid = there.discord.person(CID, name="cid")
        ticket = await there.ask(DEPLOY)
        await bob.press(there.card, "Allow")
        there.discord.person(discord_scene.BOB, name="bob", in_guild=False)
        there.clock.advance(61)
        await ann.press(there.card, "Allow")
        assert (await there.front.get(ticket.id)).decision is None
        await cid.press(there.card, "Allow")
        assert [one.name for one in (await there.decision(ticket)).by] == ["ann", "cid"]
