"""*Ask someone else…* in both chats: a window with those who can be asked, and a mention of whoever was chosen."""

import sayso
from sayso import model
from tests.adapters import discord_scene, slack_scene
from tests.adapters.test_mentions import DIRECTORY, IDS
from tests.adapters.test_reminders import messages
from tests.fakes.slack import text as slack_text

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})
POLICY = model.Policy(approvers=("ann", "bob", "cid"), expires_in=3600.0, notify=())


async def test_in_slack_somebody_asks_somebody_else() -> None:
    async with slack_scene.scene(policy=POLICY, directory=DIRECTORY) as there:
        ann = there.slack.person("U1", name="ann")
        await there.ask(DEPLOY)
        view = await there.open(ann, "Ask someone else…")
        assert "They are mentioned below the card" in there.slack.visible_text(view)
        await ann.fill(view, {"Who can answer this?": "2 · cid"})
        assert (await ann.submit(view)).errors == {}
        await there.deliver()
        card, asked = there.cards()
        assert asked.thread_ts == card.ts
        assert list(slack_text.pings(list(asked.blocks))) == ["U3"]
        assert "asks you to answer this" in there.slack.visible_text(asked)
        assert "asked cid to answer this" in there.slack.visible_text(card)


async def test_in_discord_somebody_asks_somebody_else() -> None:
    async with discord_scene.scene(policy=POLICY, directory=DIRECTORY) as there:
        ann = there.discord.person(IDS["ann"], name="ann")
        for name in ("bob", "cid"):
            there.discord.person(IDS[name], name=name)
        await there.ask(DEPLOY)
        await ann.press(there.card, "Ask someone else…")
        await ann.fill(ann.modal, {"Who can answer this?": "2 · cid"})
        assert (await ann.submit(ann.modal)).acked
        await there.deliver()
        card, asked = messages(there)
        assert asked.replies_to == card.id
        assert there.discord.pings(asked) == [f"<@{IDS['cid']}>"]
        assert "asked cid to answer this" in there.discord.visible_text(card)
