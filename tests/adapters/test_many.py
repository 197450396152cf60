"""A scripted person clears a hundred mixed requests in each chat: how many presses it takes, and nothing is unseen."""

from __future__ import annotations

from sayso_discord import components
from tests.adapters import discord_scene, mixed, slack_scene
from tests.fakes.slack import Seen


def bad_rows(labels: list[str], shown: str, count: int) -> list[int]:
    """The numbers of the rows that ask for what is to be denied; they stand on top."""
    found = []
    for number in range(1, count + 1):
        start = shown.find(f"{number} · ")
        end = shown.find(f"{number + 1} · ", start) if number < count else len(shown)
        if mixed.BAD in shown[start:end] and f"Deny {number}" in labels:
            found.append(number)
    return found


async def opened(there: slack_scene.Scene, seen: Seen) -> None:
    await there.slack.until(lambda: seen.views)


async def test_in_slack() -> None:
    async with slack_scene.scene() as there:
        ann, hand, slack = there.slack.person("U1", name="ann"), mixed.Hand(), there.slack
        await mixed.ask(there.front)
        await there.deliver()
        for message in list(there.cards()):
            labels = slack.controls(message)
            count = sum(label.startswith("Open ") for label in labels)
            shown = slack.visible_text(message)
            hand.sees(shown)
            if not count:
                await ann.press(message, "Deny" if mixed.BAD in shown else "Allow")
                hand.presses += 1
                continue
            for number in bad_rows(labels, shown, count):
                await ann.press(message, f"Deny {number}")
                hand.presses += 1
            await there.deliver()
            now = next(one for one in there.cards() if one.ts == message.ts)
            left = [label for label in slack.controls(now) if label.startswith("Review all")]
            if not left:
                continue
            seen = await ann.press(now, left[0])
            hand.presses += 1
            await opened(there, seen)
            while True:
                hand.sees(slack.visible_text(ann.view))
                more = ann.view.content["submit"]["text"] == "Next"
                await ann.submit(ann.view)
                hand.presses += 1
                if not more:
                    break
            await ann.close(ann.view)
        await mixed.check(there.front, hand, "Slack")


async def test_in_discord() -> None:
    async with discord_scene.scene() as there:
        ann, hand, discord = there.discord.person(discord_scene.ANN, name="ann"), mixed.Hand(), there.discord
        await mixed.ask(there.front)
        await there.deliver()
        for message in list(there.cards()):
            labels = discord.controls(message)
            shown = discord.visible_text(message)
            hand.sees(shown)
            if not any(label.startswith("Review all") for label in labels):
                seen = await ann.press(message, "Deny" if mixed.BAD in shown else "Allow")
                hand.presses += 1
                continue
            options = [option for option in discord_options(message) if mixed.BAD in option]
            for option in options:
                seen = await ann.choose(message, option)
                await ann.press(seen.ephemerals[-1], "Deny")
                hand.presses += 2
                await there.deliver()
                message = next(one for one in there.cards() if one.id == message.id)
            review = [label for label in discord.controls(message) if label.startswith("Review all")]
            if not review:
                continue
            seen = await ann.press(message, review[0])
            hand.presses += 1
            while "Next" in discord.controls(seen.ephemerals[-1]):
                hand.sees(discord.visible_text(seen.ephemerals[-1]))
                await ann.press(seen.ephemerals[-1], "Next")
                hand.presses += 1
            hand.sees(discord.visible_text(seen.ephemerals[-1]))
            (allow,) = [one for one in discord.controls(seen.ephemerals[-1]) if one.startswith("Allow all")]
            await ann.press(seen.ephemerals[-1], allow)
            hand.presses += 1
        await mixed.check(there.front, hand, "Discord")


def discord_options(message: object) -> list[str]:
    """The words in the menus of a message."""
    parts = components.walk(list(message.components))  # type: ignore[attr-defined]
    return [option["label"] for part in parts for option in part.get("options", ())]
