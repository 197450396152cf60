"""The agents of a run: they ask, wait, come back after every cut, and run what was allowed, once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sayso import errors, model
from sayso.asking import constructors
from sayso.desk import Caller, Desk
from tests.simulation.copies import House, Unreachable
from tests.simulation.loop import PROCESS, Process
from tests.simulation.witness import Witness

T = TypeVar("T")

_KINDS = ("plain", "plain", "greedy", "greedy", "attended", "hangs up", "cancels", "dies", "supersedes", "callback")


@dataclass
class Errand:
    """What one agent wants to have decided, and how it behaves."""

    id: str
    owner: str
    kind: str
    request: model.Request
    nonce: str
    """What a person must have seen."""
    heard: list[model.Decision] = field(default_factory=list[model.Decision])
    over: str = ""
    """How it ended."""
    hung_up: float | None = None


def burst(number: int, chance: random.Random, agents: dict[str, str | None]) -> list[Errand]:
    """Several alike, which may come to share a card."""
    first = errand(number, chance, agents)
    if first.request.kind != "permission":
        return [first]
    found = list[Errand]()
    for index in range(chance.randint(3, 8)):
        id, nonce = f"r{number}x{index}", f"nonce{number}x{index}"
        tool = {"command": f"deploy {first.owner} {nonce}"}
        found.append(
            replace(
                first, id=id, nonce=nonce, heard=[], request=first.request.model_copy(update={"id": id, "input": tool})
            )
        )
    return found


@dataclass(eq=False)
class Wait:
    """A call that waits for a decision, in a process of the service."""

    id: str
    process: Process
    since: float


def errand(number: int, chance: random.Random, agents: dict[str, str | None]) -> Errand:
    """One of those that occur."""
    owner, kind = chance.choice(sorted(agents)), chance.choice(_KINDS)
    routine = chance.random() < 0.3
    nonce = "nonce" if routine else f"nonce{number}"
    policies = (
        None,
        "ops",
        "ops",
        "mixed",
        "mixed",
        "staged",
        "loose",
        "lasting",
        "glass",
        "careful",
        "turns",
        "falls",
    )
    common: dict[str, Any] = {
        "id": f"r{number}",
        "policy": "lasting" if routine else chance.choice(policies),
        "route": chance.choice(((), ("a:#ops",), ("a:#ops", "b:#ops"), ("b:#ops",), ("approvers",), ("web",))),
        "source": model.Source(agent=owner, session=chance.choice((None, "s1"))),
    }
    if kind == "callback":
        common["callback_url"] = "https://agent.example/done"
    if routine or chance.random() < 0.85:
        # the same agent asks some of them in the same words, so that a grant can cover it
        tool = {"command": f"deploy {owner} {nonce}"}
        request: model.Request = constructors.Permission(tool="Bash", input=tool, grants=["session"], **common)
    else:
        common["policy"] = chance.choice((None, "lasting"))
        request = constructors.Question(f"What about {nonce}?", **common)
    return Errand(f"r{number}", owner, kind, request, nonce)


class Agents:
    """All of them."""

    def __init__(self, house: House, seen: Witness, keys: dict[str, str | None]) -> None:
        self.house, self.world, self.seen = house, house.world, seen
        self.keys = keys
        """The record of each agent's key."""
        self.errands = list[Errand]()
        self.running = list[asyncio.Task[None]]()
        self.waits = list[Wait]()

    def begin(self, errand: Errand, chance: random.Random) -> None:
        """Let an agent go about it."""
        self.errands.append(errand)
        self.running.append(asyncio.ensure_future(self._run(errand, chance)))

    def caller(self, owner: str) -> Caller:
        """Who asks, with the key as it is now."""
        from tests.simulation.town import AGENTS

        return Caller(owner=owner, requester=AGENTS[owner], key=self.keys[owner])

    async def _run(self, errand: Errand, chance: random.Random) -> None:
        caller = self.caller(errand.owner)
        try:
            if errand.kind == "supersedes" and self.errands[0] is not errand:
                older = next(one for one in self.errands if one.owner == errand.owner)
                if older is not errand:
                    errand.request = errand.request.model_copy(update={"supersedes": older.id})
            await self._ask(errand, caller, chance)
            await self._live(errand, caller, chance)
        except errors.SaysoError as error:
            # revoked, or refused: that is an end, too
            errand.over = error.code
        self.world.say("agent", errand.owner, errand.id, "ends:", errand.over or "done")

    async def _ask(self, errand: Errand, caller: Caller, chance: random.Random) -> None:
        async def act(desk: Desk) -> model.Ticket:
            if errand.kind not in ("attended", "hangs up"):
                return await desk.open(errand.request, caller)
            waiter = await desk.attendance.enter(errand.id, caller.owner)
            try:
                return await desk.open(errand.request, caller)
            finally:
                await desk.attendance.leave(waiter)

        ticket = await self._persist(act, chance)
        self.world.say("asked", errand.owner, errand.id, ticket.policy_name, ticket.route, errand.kind)
        self.seen.acknowledge(ticket)

    async def _live(self, errand: Errand, caller: Caller, chance: random.Random) -> None:
        if errand.kind == "dies":
            errand.over = "died"
            return
        if errand.kind == "cancels":
            await asyncio.sleep(chance.choice((0.0, 0.1, 1.0, chance.uniform(0, 40))))
            await self._persist(lambda desk: desk.cancel(errand.id, caller), chance)
            self.seen.withdrawn.append(errand.id)
        decision = await self._hear(errand, caller, chance)
        if decision is None:
            errand.over = "hung up"
            return
        self.seen.hear(errand, decision)
        if decision.allowed:
            await self._use(errand, decision, caller, chance)

    async def _hear(self, errand: Errand, caller: Caller, chance: random.Random) -> model.Decision | None:
        ends = self.world.now + chance.uniform(5, 60) if errand.kind == "hangs up" else None
        while True:
            if ends is not None and self.world.now >= ends:
                errand.hung_up = self.world.now
                return None
            with contextlib.suppress(Unreachable, errors.StoreUnavailable):
                copy = self.house.pick(chance)
                if copy is not None:
                    return await copy.call(self._waiting(errand, caller, ends), 20.0)
            await asyncio.sleep(chance.uniform(0.2, 2.0))

    def _waiting(
        self, errand: Errand, caller: Caller, ends: float | None
    ) -> Callable[[Desk], Awaitable[model.Decision]]:
        async def act(desk: Desk) -> model.Decision:
            process = PROCESS.get()
            assert process is not None
            self.waits.append(Wait(errand.id, process, self.world.now))
            mine = self.waits[-1]
            try:
                return await attend(desk)
            finally:
                self.waits.remove(mine)

        async def attend(desk: Desk) -> model.Decision:
            if errand.kind not in ("attended", "hangs up"):
                return await desk.wait(errand.id, caller)
            waiter = await desk.attendance.enter(errand.id, caller.owner)
            left = 20.0 if ends is None else max(0.1, min(20.0, ends - self.world.now))
            try:
                async with asyncio.timeout(left):
                    decision = await desk.wait(errand.id, caller)
            except TimeoutError:
                await desk.attendance.farewell(waiter, errand.id)
                raise errors.StoreUnavailable("the caller hung up") from None
            except asyncio.CancelledError:
                # the service stops: as its doors do, it leaves the record, and the next one looks who comes back
                desk.attendance._forget(waiter)
                raise
            except BaseException:
                await desk.attendance.leave(waiter)
                raise
            await desk.attendance.leave(waiter)
            return decision

        return act

    async def _use(self, errand: Errand, decision: model.Decision, caller: Caller, chance: random.Random) -> None:
        if chance.random() < 0.6:
            await asyncio.sleep(chance.uniform(0, 40))
        attempts = [f"{errand.id}/{number}" for number in range(chance.choice((1, 1, 2, 3)))]
        # several programs may have heard of the same allow; each is stubborn about its own attempt
        await asyncio.gather(*(self.use(errand, attempt, caller, random.Random(attempt)) for attempt in attempts))
        # some programs forget that they ran it, and are told so, whatever happened meanwhile
        for number in range(6 if errand.kind == "greedy" else 0):
            await asyncio.sleep(chance.uniform(2, 15))
            await self.use(errand, f"{errand.id}/again{number}", caller, chance)

    async def ask(self, errand: Errand, caller: Caller, chance: random.Random) -> None:
        """Ask something, and leave it alone."""
        self.errands.append(errand)
        errand.over = "told"
        await self._ask(errand, caller, chance)

    async def use(self, errand: Errand, attempt: str, caller: Caller, chance: random.Random) -> None:
        """Run what was allowed, if it may run."""
        await self.use_at(errand, attempt, caller, lambda act: self._persist(act, chance))

    async def use_at(
        self,
        errand: Errand,
        attempt: str,
        caller: Caller,
        calling: Callable[[Callable[[Desk], Awaitable[model.Ticket]]], Awaitable[model.Ticket]],
    ) -> None:
        """The same by a call of a certain kind."""
        began = self.world.now
        try:
            used = await calling(lambda desk: desk.use(errand.id, caller, attempt=attempt))
        except (errors.AlreadyUsed, errors.NotUsable, errors.Unauthorized, errors.NotFound) as refused:
            self.world.say("not used", attempt, refused.code)
            return
        self.world.say("used", attempt)
        self.seen.run(errand, attempt, used, began)

    async def _persist(self, act: Callable[[Desk], Awaitable[T]], chance: random.Random) -> T:
        """Try until there is an answer, whoever gives it."""
        while True:
            copy = self.house.pick(chance)
            with contextlib.suppress(Unreachable, errors.StoreUnavailable, errors.TooMany, errors.MembershipUnknown):
                if copy is not None:
                    return await copy.call(act, 10.0)
            await asyncio.sleep(chance.uniform(0.2, 2.0))
