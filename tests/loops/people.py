"""People in both chats: they press what is open, without a rest; and what stands there at the end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sayso.testing import oracle
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

# What an agent wants to run, as everybody reads it on the card.
RUNS = re.compile(r"make ((?:quick|slow)\d+)\b")
_ROOMS = ("C1", "C2")
DISCORD_ROOM = "200000000000000001"
ANN, BOB = "300000000000000001", "300000000000000002"


class People:
    """Two in each chat."""

    def __init__(self, slack: FakeSlack, discord: FakeDiscord, seen: oracle.Witnessed, chance: random.Random) -> None:
        self.slack, self.discord, self._seen, self._chance = slack, discord, seen, chance
        slack.channel("C1", name="ops", members=["U1", "U2"])
        slack.channel("C2", name="more", members=["U1", "U2"])
        discord.channel(DISCORD_ROOM, name="ops")
        self._persons: list[tuple[Any, Any, str]] = [
            *((slack, slack.person(id, name=name), f"slack:T1/{id}") for id, name in (("U1", "ann"), ("U2", "bob"))),
            *((discord, discord.person(id, name=name), f"discord:{id}") for id, name in ((ANN, "ann"), (BOB, "bob"))),
        ]
        self.presses = Counter[bool]()
        """Whether they were acknowledged."""

    async def press_on(self) -> None:
        """Press what is open, one after the other and each at once with the others, for ever."""
        await asyncio.gather(*(self._go_on(*one) for one in self._persons))

    async def _go_on(self, chat: Any, person: Any, account: str) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))
            # a card may change under somebody's eyes
            with contextlib.suppress(LookupError):
                await self._press_one(chat, person, account)

    async def _press_one(self, chat: Any, person: Any, account: str) -> None:
        cards = [card for card in self._cards(chat) if self._open(chat, card)]
        if not cards:
            return
        card = self._chance.choice(cards)
        labels = self._open(chat, card)
        done = await person.press(card, self._chance.choice(labels))
        self.presses[done.acked] += 1
        ids = RUNS.findall(chat.visible_text(card))
        if done.acked and len(set(ids)) == 1 and len(labels) == 2:
            self._seen.pressed.append((ids[0], account))

    def _open(self, chat: Any, card: Any) -> list[str]:
        """What can be pressed on a card whose requests are answered: the slow ones nobody answers."""
        if any(id.startswith("slow") for id in RUNS.findall(chat.visible_text(card))):
            return []
        return [one for one in chat.controls(card) if one.startswith(("Allow", "Deny"))]

    def _cards(self, chat: Any) -> list[Any]:
        rooms = _ROOMS if chat is self.slack else (DISCORD_ROOM,)
        return [one for room in rooms for one in chat.messages(room) if RUNS.search(chat.visible_text(one))]

    def left(self) -> Iterator[str]:
        """What is wrong with the cards at the end."""
        for chat in (self.slack, self.discord):
            for card in self._cards(chat):
                if buttons := [one for one in chat.controls(card) if one != "Details"]:
                    yield f"a card still has {buttons}: {chat.visible_text(card)[:200]}"
        for (room, id), count in (self._shown() + self._shared()).items():
            if count > 1:
                words = [said[:300] for said in self._words_in(room) if id in RUNS.findall(said)]
                yield f"{id}: {count} cards of it stand in {room}: {words}"
        for (room, thread, number), count in self._reminders().items():
            if count > 1:
                yield f"reminder {number} stands {count} times below {thread} in {room}"

    def _words_in(self, room: str) -> list[str]:
        chat: Any = self.slack if room in _ROOMS else self.discord
        return [chat.visible_text(one) for one in chat.messages(room)]

    def _shared(self) -> Counter[tuple[str, str]]:
        """The cards of several requests, which do not name them any more once all are decided."""
        every = [(room, one.metadata or {}) for room in _ROOMS for one in self.slack.messages(room)]
        about = [(room, str(said.get("event_payload", {}).get("request_id"))) for room, said in every]
        return Counter((room, id) for room, id in about if id.startswith("batch/"))

    def _shown(self) -> Counter[tuple[str, str]]:
        every = [(room, self.slack, one) for room in _ROOMS for one in self.slack.messages(room) if not one.thread_ts]
        more = [(DISCORD_ROOM, self.discord, one) for one in self.discord.messages(DISCORD_ROOM) if one.components]
        found: list[tuple[str, Any, Any]] = [*every, *more]
        return Counter(
            (room, id) for room, chat, one in found for id in sorted(set(RUNS.findall(chat.visible_text(one))))
        )

    def _reminders(self) -> Counter[tuple[str, str, int]]:
        every = [(room, one) for room in _ROOMS for one in self.slack.messages(room) if one.thread_ts and one.metadata]
        about = [(room, one, (one.metadata or {}).get("event_payload", {})) for room, one in every]
        return Counter((room, str(one.thread_ts), int(said["number"])) for room, one, said in about if "number" in said)

    @property
    def counts(self) -> str:
        """How many cards and reminders there are."""
        alone, shared = self._shown().total(), self._shared().total()
        return f"{alone} cards and {shared} of several requests, {self._reminders().total()} reminders"
