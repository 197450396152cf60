"""What happens in a run one after the other: each is about one moment that chance alone would seldom meet.

The rule: a story does what people, agents and operators may do, and judges nothing. The judge sees it as all else.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sayso import errors, model
from sayso.asking import constructors
from sayso.desk import Caller, Desk
from tests.simulation import town
from tests.simulation.agents import Agents, Errand
from tests.simulation.copies import Copy, House, Unreachable
from tests.simulation.operators import Operators
from tests.simulation.witness import Witness
from tests.simulation.world import Episode

# Those who may answer what is asked here.
BOB, CID, DAN = "a:U2", "a:U3", "a:U4"
# After so long everybody knows what a platform says of somebody; see `Judge`.
_KNOWN = 77.0
_NAMES = (
    "late",
    "stopped",
    "revoked",
    "older",
    "lasting",
    "left",
    "closed",
    "outage",
    "crawling",
    "gathered",
    "arriving",
    "standing",
)
ALL = tuple(f"story_{name}" for name in _NAMES)


@dataclass(frozen=True)
class Told:
    """A request whose agent does only what the story says."""

    errand: Errand
    caller: Caller


class Stories:
    """All of them, by name."""

    def __init__(self, house: House, agents: Agents, operators: Operators, seen: Witness) -> None:
        self.house, self.world, self.agents, self.seen = house, house.world, agents, seen
        self.operators = operators
        self._asked = 0

    async def story_late(self, chance: random.Random) -> None:
        """The deadline comes while no copy runs; one that starts hears of the answer first."""
        told = await self._ask(chance, "lasting", expires_in=chance.uniform(5, 12))
        ends = self.house.disk._tickets[told.errand.id].expires_at
        await self._until(ends.timestamp() - self.world.clock.now().timestamp() - 0.5)
        dead = list(self.house.copies)
        for copy in dead:
            copy.kill()
        await self._until(ends.timestamp() - self.world.clock.now().timestamp() + chance.uniform(0.03, 0.5))
        for copy in [self.house.start() for _ in dead]:
            # all at the same moment, beside what a copy does when it starts
            await asyncio.gather(*(self._answer(told, who, copy) for who in (BOB, CID) * 3))

    async def story_stopped(self, chance: random.Random) -> None:
        """What was allowed is used once everything stands still."""
        told = await self._ask(chance, "glass")
        await self._answered(told, DAN, chance)
        agent = chance.choice((None, told.errand.owner))
        if not await self.operators.halt(agent, chance):
            return
        await self._use_everywhere(told, chance)
        await asyncio.sleep(chance.uniform(1, 6))
        await self._use_everywhere(told, chance)
        await self.operators.lift(agent, chance)

    async def story_revoked(self, chance: random.Random) -> None:
        """What was allowed is used with a key that was revoked since."""
        told = await self._ask(chance, "glass")
        await self._answered(told, DAN, chance)
        await self.operators.revoke_of(told.errand.owner, chance)
        await self._use_everywhere(told, chance)

    async def story_older(self, chance: random.Random) -> None:
        """An allow is used, and the database is put back to before that."""
        told = await self._ask(chance, "glass")
        await self._answered(told, DAN, chance)
        await self.operators.back_up(chance)
        await self._use(told, chance)
        await self.operators.restore(chance)
        await self._use(told, chance)

    async def story_lasting(self, chance: random.Random) -> None:
        """An allow that lasts is over, or is about something else."""
        told = await self._ask(chance, "lasting")
        await self._answered(told, BOB, chance, standing="call")
        await self._ask(chance, "lasting", owner=told.errand.owner)
        await asyncio.sleep(chance.uniform(0.1, 20))
        await self._ask(chance, "lasting", owner=told.errand.owner, like=told)
        await asyncio.sleep(chance.uniform(52, 60))
        await self._ask(chance, "lasting", owner=told.errand.owner, like=told)

    async def story_left(self, chance: random.Random) -> None:
        """Somebody who answered leaves the group for which they did."""
        known = self.house.chats["a"].accounts[DAN]
        await self._everywhere(DAN, chance)
        if town.LEADS in known.groups:
            known.groups.discard(town.LEADS)
            known.left[town.LEADS] = self.world.now
        await asyncio.sleep(_KNOWN)
        await self._everywhere(DAN, chance)

    async def story_closed(self, chance: random.Random) -> None:
        """The account of the first of two who allow is closed before the second does."""
        told = await self._ask(chance, "loose")
        await self._answered(told, BOB, chance)
        known = self.house.chats["a"].accounts[BOB]
        known.closed = self.world.now if known.closed is None else known.closed
        await asyncio.sleep(_KNOWN)
        await self._answered(told, CID, chance)

    async def story_outage(self, chance: random.Random) -> None:
        """A chat fails while a card is to be closed."""
        told = [await self._ask(chance, "lasting", route=("b:#ops",)) for _ in range(2)]
        for _ in range(20):
            await asyncio.sleep(0.5)
            if all(self.house.chats["b"].find("room b:#ops", one.errand.id) for one in told):
                break
        self._trouble("b", chance.uniform(2, 5))
        for one in told:
            await self._answered(one, BOB, chance)

    async def story_crawling(self, chance: random.Random) -> None:
        """A chat takes longer than a lease for every call."""
        self._trouble("b crawls", 40.0)
        await self._ask(chance, "lasting", route=("b:#ops",))

    async def story_arriving(self, chance: random.Random) -> None:
        """A card comes when whoever sent it is dead, and another one has posted it since."""
        self._trouble("b is late", 2.0)
        told = await self._ask(chance, "lasting", route=("b:#ops",))
        await asyncio.sleep(2.0)
        for copy in list(self.house.copies):
            copy.kill()
            self.house.start()
        await asyncio.sleep(chance.uniform(20, 60))
        await self._answered(told, BOB, chance)

    async def story_standing(self, chance: random.Random) -> None:
        """Whoever has looked whether a card may be posted stands still, and another one posts it meanwhile."""
        self._trouble("b is approached", 2.0)
        told = await self._ask(chance, "lasting", route=("b:#ops",))
        await asyncio.sleep(0.5)
        for copy in list(self.house.copies):
            copy.freeze(45.0)
        self.house.start()
        await asyncio.sleep(chance.uniform(50, 60))
        await self._answered(told, BOB, chance)

    async def story_gathered(self, chance: random.Random) -> None:
        """An agent says which calls belong together, and what it is doing; of some all are allowed or none."""
        size, owner = chance.randint(2, 5), chance.choice(("agent2", "agent3"))
        named = model.Batch(id=f"turn{self._asked}", size=size, whole=chance.random() < 0.3)
        asking = (self._ask(chance, "lasting", owner=owner, batch=named, expires_in=40.0) for _ in range(size))
        told = await asyncio.gather(*asking)
        if (copy := self.house.pick(chance)) is not None:
            with contextlib.suppress(Unreachable, errors.SaysoError):
                await copy.call(lambda desk: desk.note("s1", "half done", told[0].caller))
        await asyncio.sleep(chance.uniform(1, 15))
        for one in told[: chance.randint(0, size)]:
            await self._answered(one, chance.choice((BOB, CID)), chance, shown=[each.errand.id for each in told])

    # what they are made of

    def _trouble(self, where: str, seconds: float) -> None:
        self.world.episodes.append(Episode(self.world.now, self.world.now + seconds, where, 1.0))

    async def _until(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    async def _ask(
        self,
        chance: random.Random,
        policy: str,
        *,
        owner: str | None = None,
        like: Told | None = None,
        tool: str = "Bash",
        command: str = "tell",
        **more: Any,
    ) -> Told:
        self._asked += 1
        id, owner = f"t{self._asked}", owner or chance.choice(("agent2", "agent3"))
        if self.agents.keys[owner] is None:
            raise Unreachable(f"{owner} has no key at this moment")
        nonce = like.errand.nonce if like else f"tale{self._asked}"
        source = model.Source(agent=owner, session="s1")
        asked: dict[str, Any] = {"id": id, "policy": policy, "source": source, "route": ("a:#ops",), **more}
        request = constructors.Permission(tool=tool, input={"command": f"{command} {nonce}"}, **asked)
        told = Told(Errand(id, owner, "told", request, nonce), self.agents.caller(owner))
        await self.agents.ask(told.errand, told.caller, chance)
        return told

    async def _answer(
        self,
        told: Told,
        account: str,
        copy: Copy,
        standing: Any = None,
        shown: Sequence[str] = (),
        verdict: model.Verdict = "allow",
    ) -> bool:
        """Answer through this copy, on a page where it is shown; whether it counted. `Unreachable`: nobody knows."""
        if self.house.chats["a"].accounts[account].closed is not None:
            return False
        why = f"not {told.errand.nonce}" if verdict == "deny" else None
        id, said = told.errand.id, model.Answer(verdict=verdict, standing=standing, reason=why)
        self.seen.shown |= {(account, each) for each in (id, *shown)}
        try:
            counted = await copy.call(lambda desk: desk.answer(id, said, town.actor_of(account), shown=shown))
        except (errors.StoreUnavailable, errors.MembershipUnknown, Unreachable):
            return False
        except errors.SaysoError as refused:
            self.world.say("refused", account, id, refused.code)
            return True
        self.seen.press(id, account, counted, said)
        return True

    async def _answered(
        self,
        told: Told,
        account: str,
        chance: random.Random,
        standing: Any = None,
        shown: Sequence[str] = (),
        verdict: model.Verdict = "allow",
    ) -> None:
        for _ in range(10):
            copy = self.house.pick(chance)
            if copy is not None and await self._answer(told, account, copy, standing, shown, verdict):
                return
            await asyncio.sleep(1.0)

    async def _everywhere(self, account: str, chance: random.Random) -> None:
        """Answer one request on each of the copies."""
        for copy in list(self.house.copies):
            told = await self._ask(chance, "glass")
            await self._answer(told, account, copy)

    async def _use(self, told: Told, chance: random.Random) -> None:
        self._asked += 1
        await self.agents.use(told.errand, f"{told.errand.id}/{self._asked}", told.caller, chance)

    async def _use_everywhere(self, told: Told, chance: random.Random) -> None:
        for copy in list(self.house.copies):
            self._asked += 1
            attempt = f"{told.errand.id}/{self._asked}"
            with contextlib.suppress(Unreachable, errors.StoreUnavailable):
                await self.agents.use_at(told.errand, attempt, told.caller, _calling(copy))


def _calling(copy: Copy) -> Callable[[Callable[[Desk], Awaitable[model.Ticket]]], Awaitable[model.Ticket]]:
    return lambda act: copy.call(act, 10.0)
