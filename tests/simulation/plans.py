"""What happens in a run, made from its seed beforehand: a list, so that a failing run can be made shorter."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tests.simulation import tales
from tests.simulation.world import Episode

HORIZON = 150.0
_PLACES = ("store", "wire", "news", "a", "b", "receiver", "push")
_DEEDS = (
    "kill", "kill", "kill", "restart", "freeze", "add", "reload", "stop", "stop", "stop", "revoke", "revoke",
    "end_grants", "move", "move", "delete", "close_room", "back_up", "back_up",
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """Something that somebody does at a moment."""

    at: float
    what: str
    number: int
    """Its own chance follows from this: what others do changes nothing in it."""

    def __str__(self) -> str:
        return f"{self.at:.1f} {self.what} {self.number}"


@dataclass(frozen=True)
class Plan:
    """One run, before it is run."""

    seed: str
    actions: tuple[Action, ...]
    episodes: tuple[Episode, ...]
    copies: int = 2
    push: bool = True
    """Whether people have devices."""
    erase: bool = False
    """Whether content is erased while it runs."""
    lasts: float = HORIZON
    """Seconds that go by at least, before it waits until all is quiet."""

    def without(self, actions: set[int], episodes: set[int]) -> Plan:
        """The same with less in it."""
        kept = tuple(one for one in self.actions if one.number not in actions)
        return replace(
            self, actions=kept, episodes=tuple(one for index, one in enumerate(self.episodes) if index not in episodes)
        )


def plan(seed: str) -> Plan:
    """The run of a seed."""
    chance = random.Random(f"{seed}/plan")
    found = list[tuple[float, str]]()
    found += [(chance.uniform(0, 90), "ask") for _ in range(chance.randint(3, 9))]
    found += [(chance.uniform(0, 90), "burst") for _ in range(chance.choice((0, 0, 1)))]
    found += [(chance.uniform(1, HORIZON), "act") for _ in range(chance.randint(8, 35))]
    found += [(chance.uniform(1, HORIZON), "forge") for _ in range(chance.randint(0, 3))]
    found += [(chance.uniform(5, 120), chance.choice(_DEEDS)) for _ in range(chance.choice((0, 1, 2, 4, 6)))]
    found += [(chance.uniform(2, 60), chance.choice(tales.ALL)) for _ in range(chance.choice((0, 1, 1, 2)))]
    if any(what == "back_up" for _, what in found):
        found.append((chance.uniform(60, 130), "restore"))
    # bursts, in which much happens at the same moment
    moment = chance.uniform(10, 100)
    found = [(moment if chance.random() < 0.15 else at, what) for at, what in found]
    actions = tuple(Action(at, what, number) for number, (at, what) in enumerate(sorted(found)))
    episodes, copies = tuple(_episodes(chance)), chance.choice((1, 2, 2, 3))
    return Plan(seed, actions, episodes, copies, push=chance.random() < 0.4, erase=chance.random() < 0.3)


def _episodes(chance: random.Random) -> list[Episode]:
    found = list[Episode]()
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        start = chance.uniform(0, 110)
        length = chance.choice((1.0, 5.0, 20.0, 40.0))
        found.append(Episode(start, start + length, chance.choice(_PLACES), chance.choice((0.1, 0.4, 0.9))))
    return found
