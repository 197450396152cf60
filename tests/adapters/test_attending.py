"""*I take it* and *Snooze…* in both chats, and who is mentioned when a request is put to one person after the other."""

import sayso
from sayso import model
from tests.adapters import discord_scene, slack_scene
from tests.adapters.test_mentions import DIRECTORY, IDS
from tests.adapters.test_reminders import messages
from tests.fakes.slack import text as slack_text

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})
POLICY = model.Policy(approvers=("ann", "bob", "cid"), turns="round_robin", claim_in=300.0, expires_in=36_000.0)


async def test_in_slack_it_is_put_to_one_after_the_other_until_somebody_takes_it_on() -> None:
    async with slack_scene.scene(policy=POLICY, directory=DIRECTORY) as there:
        bob = there.slack.person("U2", name="bob")
        ticket = await there.ask(DEPLOY)
        assert list(slack_text.pings(list(there.card.blocks))) == ["U1"]
        assert "Put to ann · goes to bob" in there.slack.visible_text(there.card)
        there.clock.advance(300)
        await there.front.let_time_act(ticket.id)
        await there.deliver()
        card, asked = there.cards()
        assert list(slack_text.pings(list(asked.blocks))) == ["U2"]
        assert "It is put to you now" in there.slack.visible_text(asked)
        await bob.press(card, "I take it")
        await there.deliver()
        assert "bob has taken this on" in there.slack.visible_text(there.cards()[0])
        seen = await bob.press(there.cards()[0], "Snooze…")
        await there.slack.until(lambda: seen.views)
        view = bob.view
        await bob.fill(view, {"For how long?": "2 · 1 hour"})
        assert (await bob.submit(view)).errors == {}
        await there.deliver()
        assert "bob has put this off until" in there.slack.visible_text(there.cards()[0])
        there.clock.advance(3600)
        await there.front.let_time_act(ticket.id)
        await there.deliver()
        last = there.cards()[-1]
        assert list(slack_text.pings(list(last.blocks))) == ["U2"]
        assert "You had put this off until now" in there.slack.visible_text(last)


async def test_in_discord_it_is_put_to_one_after_the_other_until_somebody_takes_it_on() -> None:
    async with discord_scene.scene(policy=POLICY, directory=DIRECTORY) as there:
        people = {name: there.discord.person(some_id, name=name) for name, some_id in IDS.items()}
        ticket = await there.ask(DEPLOY)
        assert there.discord.pings(there.card) == [f"<@{IDS['ann']}>"]
        there.clock.advance(300)
        await there.front.let_time_act(ticket.id)
        await there.deliver()
        card, asked = messages(there)
        assert there.discord.pings(asked) == [f"<@{IDS['bob']}>"]
        bob = people["bob"]
        await bob.press(card, "I take it")
        await there.deliver()
        assert "bob has taken this on" in there.discord.visible_text(messages(there)[0])
        await bob.press(messages(there)[0], "Snooze…")
        await bob.fill(bob.modal, {"For how long?": "2 · 1 hour"})
        assert (await bob.submit(bob.modal)).acked
        await there.deliver()
        assert "bob has put this off until" in there.discord.visible_text(messages(there)[0])
        there.clock.advance(3600)
        await there.front.let_time_act(ticket.id)
        await there.deliver()
        assert there.discord.pings(messages(there)[-1]) == [f"<@{IDS['bob']}>"]
