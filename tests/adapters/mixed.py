"""A hundred mixed requests, and what somebody needs who clears them: for each surface the same."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sayso import asking, model
from sayso.desk import Caller, Desk

MANY, MOST_PRESSES = 100, 60
BAD = "rm -rf /srv/data"


def requests(seed: int) -> list[tuple[str, model.Request]]:
    """Calls of four agents in seven sessions, of two tools; some are to be denied, some too long for a row."""
    chance = random.Random(seed)
    made: list[tuple[str, model.Request]] = []
    for number in range(MANY):
        session = chance.choice([0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6])
        tool = chance.choice(["Bash", "Bash", "deploy"])
        said = BAD if number % 17 == 3 else "make " + "x" * chance.choice([4, 30, 90, 700])
        given = {"command": f"{said} <{number}>"}
        source = model.Source(session=f"s{session}")
        made.append((f"agent{session % 4}", asking.Permission(id=f"r{number}", tool=tool, input=given, source=source)))
    return made


@dataclass
class Hand:
    """Counts the presses of one person, and what they read."""

    presses: int = 0
    read: str = ""
    denied: set[int] = field(default_factory=set[int])

    def sees(self, shown: str) -> None:
        """Read what is on the screen."""
        self.read += shown


async def ask(front: Desk) -> None:
    for owner, request in requests(7):
        await front.open(request, Caller(owner=owner))


async def check(front: Desk, hand: Hand, chat: str) -> None:
    for number in range(MANY):
        decision = (await front.get(f"r{number}")).decision
        assert decision is not None
        assert decision.outcome == ("denied" if number % 17 == 3 else "allowed"), number
        assert f"<{number}>" in hand.read, f"{number} was not seen"
    print(f"\n{chat}: {MANY} mixed requests cleared in {hand.presses} presses")  # noqa: T201 (the figure itself)
    assert hand.presses < MOST_PRESSES
