"""Stories about what the settings bring: rules, grants, receipts, suggestions, turns, digests, quiet hours.

The rule: as in `stories`, a story judges nothing; `bylaws` says what must come of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

from sayso import errors, model
from sayso.cards import naming
from sayso.desk.admission import learned
from sayso.desk.answering import attending
from sayso.desk.upkeep import suggestions
from tests.simulation import stories, town
from tests.simulation.copies import Copy, Unreachable
from tests.simulation.stories import BOB, CID, DAN, Told

_NAMES = (
    "ruled", "spent", "redeemed", "ended", "suggested", "turned", "digested", "hushed", "purged", "rung", "observed",
)  # fmt: skip
ALL = (*stories.ALL, *(f"story_{name}" for name in _NAMES))


class Tales(stories.Stories):
    """All stories, by name."""

    async def story_ruled(self, chance: random.Random) -> None:
        """Rules allow, deny, ask of others and only observe; also while everything is stopped."""
        stopped = chance.random() < 0.5 and await self.operators.halt(None, chance)
        for tool in ("read", "drop", "ship", "peek"):
            told = await self._ask(chance, "ops", tool=tool)
            await self._use(told, chance)
        if stopped:
            await asyncio.sleep(chance.uniform(1, 5))
            await self.operators.lift(None, chance)

    async def story_spent(self, chance: random.Random) -> None:
        """More calls at the same moment, on all copies, than a rule allows."""
        owner = chance.choice(("agent2", "agent3"))
        await asyncio.gather(*(self._ask(chance, "ops", owner=owner, tool="read") for _ in range(5)))
        await asyncio.sleep(chance.uniform(20, 59))
        await self._ask(chance, "ops", owner=owner, tool="read")

    async def story_redeemed(self, chance: random.Random) -> None:
        """A receipt is shown to several copies, before and after its allow is used."""
        told = await self._ask(chance, "glass")
        await self._answered(told, DAN, chance)
        decision = self.house.disk._tickets[told.errand.id].decision
        if decision is None or decision.receipt is None:
            return
        receipt = decision.receipt
        if chance.random() < 0.5:
            await self._use(told, chance)
        for _ in range(2):
            await asyncio.gather(*(self._redeem(receipt, copy) for copy in self.house.copies))
            await asyncio.sleep(chance.uniform(0, 3))
        await self._use(told, chance)

    async def story_ended(self, chance: random.Random) -> None:
        """Somebody ends an allow that lasts; what comes after it is asked."""
        told = await self._ask(chance, "lasting")
        await self._answered(told, BOB, chance, standing="call")
        await self._ask(chance, "lasting", owner=told.errand.owner, like=told)
        await self.operators.end_grants(chance)
        await self._ask(chance, "lasting", owner=told.errand.owner, like=told)
        await asyncio.sleep(chance.uniform(1, 8))
        await self._ask(chance, "lasting", owner=told.errand.owner, like=told)

    async def story_suggested(self, chance: random.Random) -> None:
        """What was allowed three times is suggested. Nobody answers, or it is accepted, and one like it is denied."""
        first = await self._ask(chance, "plain", tool="test")
        like: dict[str, Any] = {"owner": first.errand.owner, "like": first, "tool": "test"}
        told = [first, *[await self._ask(chance, "plain", **like) for _ in range(2)]]
        for one in told:
            await self._answered(one, BOB, chance)
        left = await self._ask(chance, "plain", **like)
        if not await self._accept(first, chance, waits=chance.random() < 0.3):
            await self._answered(left, CID, chance)
            for one in (*told, left):
                await self._use(one, chance)
            return
        # each copy knows of it soon
        await asyncio.sleep(chance.uniform(6, 9))
        await self._use(await self._ask(chance, "plain", **like), chance)
        await self._answered(left, CID, chance, verdict="deny")
        # by then everybody knows of it
        await asyncio.sleep(chance.uniform(70, 90))
        await self._ask(chance, "plain", **like)
        await asyncio.sleep(chance.uniform(10, 30))
        await self._ask(chance, "plain", **like)

    async def story_turned(self, chance: random.Random) -> None:
        """Two requests at the same moment are put to two people; one of them is taken on."""
        told = await asyncio.gather(*(self._ask(chance, "rounds") for _ in range(2)))
        await asyncio.sleep(chance.uniform(0, 5))
        await self._claim(told[0], chance.choice((BOB, CID)), chance)
        await asyncio.sleep(chance.uniform(25, 45))
        await self._answered(told[0], CID, chance)
        await self._ask(chance, "rounds", owner=told[0].errand.owner)
        await asyncio.sleep(chance.uniform(6, 10))
        await self._ask(chance, "rounds", owner=told[0].errand.owner)

    async def story_digested(self, chance: random.Random) -> None:
        """What is of low risk is gathered, and what is risky is not."""
        for _ in range(3):
            await self._ask(chance, "gathered", tool="look", command="look")
        await self._ask(chance, "gathered", command="rm -rf /")

    async def story_hushed(self, chance: random.Random) -> None:
        """Somebody who may answer has quiet hours."""
        told = await self._ask(chance, "hushed", route=(chance.choice(("a:#ops", "approvers")),))
        await asyncio.sleep(chance.uniform(40, 130))
        await self._answered(told, CID, chance)

    async def story_purged(self, chance: random.Random) -> None:
        """What is over is erased on all copies at once; one of them may die meanwhile."""
        told = [await self._ask(chance, policy) for policy in ("loose", "plain", "plain")]
        await self._answered(told[0], BOB, chance)
        await self._answered(told[0], CID, chance)
        await self._answered(told[1], BOB, chance, verdict="deny")
        await asyncio.sleep(chance.uniform(30, 45))
        purging = [self.operators.purge(15.0, chance) for _ in self.house.copies]
        if chance.random() < 0.5 and (copy := self.house.pick(chance)):
            self.world.later(chance.uniform(0, 0.01), copy.kill)
            self.world.later(1.0, self.house.start)
        await asyncio.gather(*purging)
        await self._ask(chance, "plain", like=told[2])

    async def story_rung(self, chance: random.Random) -> None:
        """Whoever rang a device dies at that moment, and somebody answers."""
        told = await self._ask(chance, "plain")
        for _ in range(100):
            await asyncio.sleep(0.02)
            if any(told.errand.id in one.told for one in self.house.devices.all.values()):
                break
        for copy in list(self.house.copies):
            copy.kill()
            self.house.start()
        await self._answered(told, BOB, chance)

    async def story_observed(self, chance: random.Random) -> None:
        """A rule that only observes matches, and people decide otherwise; one of the rooms may be closed."""
        told = [await self._ask(chance, "plain", tool="peek") for _ in range(2)]
        await self._answered(told[0], BOB, chance, verdict="deny")
        if chance.random() < 0.5:
            await self.operators.close(chance.choice(town.OBSERVED))

    # what they are made of

    async def _redeem(self, receipt: str, copy: Copy) -> None:
        try:
            used = await copy.call(lambda desk: desk.redeem(receipt))
        except (Unreachable, errors.SaysoError):
            return
        self.seen.redeemed.append(used.id)

    async def _accept(self, like: Told, chance: random.Random, waits: bool) -> bool:
        """Have it suggested, and accept what is, unless it *waits*; whether it was accepted."""
        # it is looked for every so often, and once by who looks here
        for _ in range(25):
            copy = self.house.pick(chance)
            with contextlib.suppress(Unreachable, errors.StoreUnavailable):
                if copy is not None:
                    await copy.call(suggestions.look)
            if (id := self._suggested(like.errand.nonce)) is not None:
                return not waits and await self._say_yes(id, chance)
            await asyncio.sleep(1.0)
        return False

    async def _say_yes(self, id: str, chance: random.Random) -> bool:
        answer, copy = model.Answer(choice=learned.ACCEPT), self.house.pick(chance)
        with contextlib.suppress(Unreachable, errors.SaysoError):
            if copy is not None:
                await copy.call(lambda desk: desk.answer(id, answer, town.actor_of(DAN)))
                return True
        return False

    def _suggested(self, nonce: str) -> str | None:
        asked = (one for one in self.house.disk._tickets.values() if one.owner == naming.SERVICE)
        mine = (one.id for one in asked if one.decision is None and nonce in str(one.request.attachments))
        return next(mine, None)

    async def _claim(self, told: Told, account: str, chance: random.Random) -> None:
        copy = self.house.pick(chance)
        with contextlib.suppress(Unreachable, errors.SaysoError):
            if copy is not None:
                await copy.call(lambda desk: attending.claim(desk, told.errand.id, town.actor_of(account)))
