"""A pattern is granted in Slack, Discord and the inbox: what may differ is chosen, all of it is shown, then counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

import sayso
from sayso import model
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord_scene import ANN as DISCORD_ANN
from tests.adapters.web.service import serving

LABEL = "Allow what is like this for a while…"
AMOUNT = "amount: any number from 0 to 20"
POLICY = model.Policy(grants=3_600.0)


def refund(amount: int, customer: str = "c-1") -> model.Request:
    return sayso.Permission(tool="refund", input={"customer": customer, "amount": amount})


async def is_allowed(desk: sayso.Desk, request: model.Request) -> bool:
    return (await desk.open(request)).decision is not None


async def only_what_is_like_it(desk: sayso.Desk) -> None:
    assert await is_allowed(desk, refund(5))
    assert not await is_allowed(desk, refund(21))
    assert not await is_allowed(desk, refund(5, "c-2"))


@pytest.mark.parametrize("transport", ["sockets", "http"])
async def test_in_slack(transport: slack_scene.Transport) -> None:
    async with slack_scene.scene(transport, policy=POLICY) as there:
        ann = there.slack.person("U1", name="ann")
        ticket = await there.ask(refund(20))
        view = await there.open(ann, LABEL)
        await ann.fill(view, {"What may differ?": [f"2 · {AMOUNT}"]})
        await ann.submit(ann.view)
        await there.slack.until(lambda: "every call of" in there.slack.visible_text(ann.view))
        shown = there.slack.visible_text(ann.view)
        for said in (AMOUNT, "customer c-1", "It covers, for example: amount 10", "It does not cover", "amount 21"):
            assert said in shown
        assert (await there.front.get(ticket.id)).decision is None
        await ann.submit(ann.view)
        assert (await there.decision(ticket)).standing == "pattern"
        assert "and what is like it for a while" in there.slack.visible_text(there.card)
        await only_what_is_like_it(there.front)
        seen = await ann.command("C1", "/sayso", "grants")
        listed = there.slack.visible_text(seen.ephemerals[-1])
        assert f"refund with {AMOUNT}, like" in listed
        await ann.press(seen.ephemerals[-1], "End")
        assert not await is_allowed(there.front, refund(5))
        assert there.slack.refusals == []


@pytest.mark.parametrize("transport", ["gateway", "http"])
async def test_in_discord(transport: discord_scene.Transport) -> None:
    async with discord_scene.scene(transport, policy=POLICY) as there:
        ann = there.discord.person(DISCORD_ANN, name="ann")
        ticket = await there.ask(refund(20))
        modal = await there.opened(ann, LABEL)
        await ann.fill(modal, {"What may differ?": [f"2 · {AMOUNT}"]})
        seen = await ann.submit(modal)
        (told,) = seen.ephemerals
        shown = there.discord.visible_text(told)
        for said in (AMOUNT, "It covers, for example: amount 10", "amount 21"):
            assert said in shown
        assert (await there.front.get(ticket.id)).decision is None
        await ann.press(told, "Allow for a while")
        assert (await there.decision(ticket)).standing == "pattern"
        await only_what_is_like_it(there.front)
        assert there.discord.refusals == []


async def test_in_the_inbox() -> None:
    async with serving() as service:
        service.desk.setup = replace(service.desk.setup, policies={"default": POLICY})
        ticket = await service.desk.open(refund(20))
        ann = await service.signed_in("ann")
        window = await ann.press(await service.token(ticket.id, "pattern"))
        assert "What may differ?" in window.text
        assert AMOUNT in window.text
        nothing = await ann.press(await service.token(ticket.id, "pattern"), x="y")
        assert "choose at least one part" in nothing.text.lower()
        second = await ann.press(await service.token(ticket.id, "pattern"), choice__free="1")
        assert "every call of" in second.text
        assert (await service.desk.get(ticket.id)).decision is None
        assert (await ann.press(await service.token(ticket.id, "pattern", 2), x="y")).status == 303
        await only_what_is_like_it(service.desk)
        assert "like this card, with" in (await ann.get("/grants")).text
