"""Every actor at the buttons and words of both chats: who allows, denies, breaks the glass, stops, ends a grant."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from sayso import model
from sayso.desk.admission import granted, granting
from sayso.desk.upkeep import stopping, stops
from sayso.machine import people
from tests.adapters import discord_scene, slack_scene
from tests.adapters.discord_scene import OPS

# Ann answers, Bob stops, Cid breaks the glass. Eve is known, and named by nobody; Zoe is known to the chat alone.
ACCOUNTS = {"ann": 1, "bob": 2, "cid": 3, "eve": 4, "zoe": 5}
MAY = {
    "Allow": {"ann"},
    "Deny": {"ann"},
    "glass": {"cid"},
    "stop": {"bob"},
    "resume": {"bob"},
    "end": {"ann", "bob"},
}
GLASS = model.BreakGlass(who=("cid",), review=("ann",))
POLICY = model.Policy(approvers=("ann",), grants=3_600.0, break_glass=GLASS)
ANN = people.Actor("web:ann", "Ann", member=True, person="ann")
WHY = "The site is down"
ASKED = model.Request(kind="permission", tool="Bash", input={"command": "make"})


def known(account: str) -> people.Directory:
    return people.Directory(
        {name: people.Profile(frozenset({account.format(n)})) for name, n in ACCOUNTS.items() if name != "zoe"}
    )


class Slack:
    """People before Slack."""

    def __init__(self, scene: slack_scene.Scene) -> None:
        self.scene = scene
        self._people = {name: scene.slack.person(f"U{n}", name=name) for name, n in ACCOUNTS.items()}

    async def press(self, name: str, label: str) -> None:
        person = self._people[name]
        seen = await person.press(self.scene.cards()[-1], "Allow" if label == "glass" else label)
        assert seen.acked
        await self.scene.slack.until(lambda: seen.ephemerals or seen.views or name == "ann")
        if seen.views and label == "glass":
            await person.fill(person.view, dict.fromkeys(self.scene.slack.controls(person.view)[:1], WHY))
            await person.submit(person.view)
        elif seen.views:
            await person.close(person.view)

    async def say(self, name: str, words: str) -> None:
        assert (await self._people[name].command("C1", "/sayso", words)).acked

    async def end(self, name: str) -> None:
        shown = (await self._people[name].command("C1", "/sayso", "grants")).ephemerals[-1]
        if "End" in self.scene.slack.controls(shown):
            await self._people[name].press(shown, "End")


class Discord:
    """People before Discord."""

    def __init__(self, scene: discord_scene.Scene) -> None:
        self.scene = scene
        self._people = {name: scene.discord.person(f"30000000000000000{n}", name=name) for name, n in ACCOUNTS.items()}

    async def press(self, name: str, label: str) -> None:
        person = self._people[name]
        seen = await person.press(self.scene.cards()[-1], "Allow" if label == "glass" else label)
        if seen.modals and label == "glass":
            await person.fill(person.modal, dict.fromkeys(self.scene.discord.controls(person.modal)[:1], WHY))
            await person.submit(person.modal)

    async def say(self, name: str, words: str) -> None:
        await self._people[name].command(OPS, f"sayso {words}")

    async def end(self, name: str) -> None:
        shown = (await self._people[name].command(OPS, "sayso grants")).ephemerals[-1]
        if "End" in self.scene.discord.controls(shown):
            await self._people[name].press(shown, "End")


@pytest.fixture(params=["slack", "discord"])
async def chat(request: pytest.FixtureRequest) -> AsyncGenerator[Slack | Discord]:
    built: Any
    if request.param == "slack":
        built = slack_scene.scene(policy=POLICY, directory=known("slack:T1/U{}"))
    else:
        built = discord_scene.scene(policy=POLICY, directory=known("discord:30000000000000000{}"))
    async with built as scene:
        scene.front.setup = dataclasses.replace(scene.front.setup, stoppers=("bob",))
        yield Slack(scene) if request.param == "slack" else Discord(scene)


async def does(chat: Slack | Discord, name: str, action: str) -> bool:
    """Whether it counts when somebody tries it."""
    front = chat.scene.front
    if action in ("stop", "resume"):
        if action == "resume":
            await stopping.stop(front, stopping.Who("operator", "op", "key:op"), None, None)
        await chat.say(name, action)
        stands = bool((await stops.standing(front.store)).all)
        if stands:
            await stopping.resume(front, stopping.Who("operator", "op", "key:op"), None)
        return stands == (action == "stop")
    ticket = await front.open(ASKED)
    if action == "end":
        await front.answer(ticket.id, model.Answer(verdict="allow", standing="call"), ANN)
        await chat.end(name)
        left = await granting.listed(front.store, front.clock.now())
        for one in left:
            await granted.end(front, ANN, one.id)
        return not left
    await chat.scene.deliver()
    await chat.press(name, action)
    found = await front.get(ticket.id)
    await front.cancel(ticket.id)
    await chat.scene.deliver()
    if found.decision is None:
        return False
    assert [one.person for one in found.decision.by] == [name]
    return found.decision.break_glass == (action == "glass")


@pytest.mark.parametrize("action", MAY)
async def test_a_chat_lets_those_in_and_nobody_else(chat: Slack | Discord, action: str) -> None:
    assert {name for name in ACCOUNTS if await does(chat, name, action)} == MAY[action]
