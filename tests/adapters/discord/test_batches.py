"""Like requests that wait together share a card in Discord: each row is decided alone, or all once all are read."""

from __future__ import annotations

from sayso import asking, model
from sayso.desk import Caller
from tests.adapters import discord_scene
from tests.fakes.discord import Message, Person


async def ask(there: discord_scene.Scene, *commands: str, session: str = "s1") -> list[model.Ticket]:
    """An agent's calls of one turn, which wait at the same moment."""
    source = model.Source(session=session)
    asked = [asking.Permission(tool="Bash", input={"command": one}, source=source) for one in commands]
    return [await there.front.open(one, Caller(owner="deployer")) for one in asked]


async def review(there: discord_scene.Scene, person: Person, label: str) -> Message:
    """The last page of a review, by turning all others."""
    seen = await person.press(there.card, label)
    page = seen.ephemerals[-1]
    while "Next" in there.discord.controls(page):
        await person.press(page, "Next")
        page = seen.ephemerals[-1]
    return page


async def test_calls_of_one_turn_share_a_card_and_each_row_is_decided_by_itself() -> None:
    async with discord_scene.scene() as there:
        ann = there.discord.person(discord_scene.ANN, name="ann")
        tickets = await ask(there, "ls", "rm -rf /srv/data", "pwd")
        await there.deliver()
        shown = there.discord.visible_text(there.card)
        assert "asks to run" in shown
        assert shown.index("rm -rf") < shown.index("ls")
        await ann.press(there.card, "Allow 2")
        seen = await ann.choose(there.card, "1 · Bash · rm -rf /srv/data")
        await ann.press(seen.ephemerals[-1], "Deny")
        await there.deliver()
        states = [(await there.front.get(one.id)).decision for one in tickets]
        assert sorted(one.outcome if one else "" for one in states) == ["", "allowed", "denied"]
        assert "1 allowed, 1 denied, 1 open" in there.discord.visible_text(there.card)
        await ann.press(there.card, "Allow 3")
        await there.deliver()
        assert "2 allowed, 1 denied by" in there.discord.visible_text(there.card)


async def test_all_are_allowed_at_once_only_from_the_last_page() -> None:
    async with discord_scene.scene() as there:
        ann = there.discord.person(discord_scene.ANN, name="ann")
        tickets = await ask(there, *(f"echo {number} " + "x" * 800 for number in range(8)))
        await there.deliver()
        assert "Allow 1" not in there.discord.controls(there.card)
        page = await review(there, ann, "Review all 8…")
        assert "Allow all 8" in there.discord.controls(page)
        seen = await ann.press(page, "Allow all 8")
        assert seen.acked
        assert {(await there.decision(one)).outcome for one in tickets} == {"allowed"}
        assert "8 allowed by" in there.discord.visible_text(there.card)


async def test_all_are_denied_with_one_reason() -> None:
    async with discord_scene.scene() as there:
        ann = there.discord.person(discord_scene.ANN, name="ann")
        tickets = await ask(there, "one", "two", "three")
        await there.deliver()
        modal = await there.opened(ann, "Deny all 3…")
        await ann.fill(modal, {"Why? The agent reads it.": "not today"})
        await ann.submit(modal)
        decided = [await there.decision(one) for one in tickets]
        assert {(one.outcome, one.reason) for one in decided} == {("denied", "not today")}
