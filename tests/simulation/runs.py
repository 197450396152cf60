"""Plays one plan from its beginning to the moment at which all is quiet, and says what was wrong."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field
from typing import cast

from sayso import errors, model
from sayso.audit import seals
from sayso.cards import tokens
from sayso.desk.upkeep import processes, sealing
from sayso.stores import Store
from sayso.stores.auditing import StoredSeal
from sayso_signing import keyring
from tests.simulation import devices, operators, plans, tales, town
from tests.simulation.agents import Agents, burst, errand
from tests.simulation.copies import House, Unreachable
from tests.simulation.disk import Disk
from tests.simulation.judge import Judge
from tests.simulation.loop import Loop, Stuck
from tests.simulation.persons import Persons
from tests.simulation.witness import Witness
from tests.simulation.world import World, seeded

# Seconds between two looks of the judge, and how long everything may take to become quiet.
_LOOK, _QUIET = 5.0, 900.0
# Seconds for whatever is still to come once nobody does anything more.
_REST = 70.0
_SIGNER = keyring.Keyring([b"\x07" * 32])


@dataclass
class Result:
    """How a run ended."""

    plan: plans.Plan
    wrong: list[str]
    trace: int
    steps: int
    seconds: float
    lines: list[str] = field(default_factory=list[str])
    outcomes: dict[str, str] = field(default_factory=dict[str, str])


class _Keeper:
    """Keeps seals elsewhere."""

    name = "elsewhere"

    def __init__(self, world: World) -> None:
        self.kept = dict[int, str]()
        self._world = world

    async def keep(self, seal: StoredSeal) -> None:
        if self._world.troubled("receiver"):
            raise errors.ChannelError("not now")
        self.kept[seal.number] = seal.document


class _Receiver:
    """The address that some requests name."""

    def __init__(self, world: World, seen: Witness) -> None:
        self._world, self._seen = world, seen

    async def resume(self, ticket: model.Ticket) -> bool:
        if self._world.troubled("receiver"):
            raise errors.ChannelError("the receiver failed")
        await asyncio.sleep(self._world.chance.choice((0.0, 0.05)))
        if ticket.decision is not None:
            self._seen.resumed.setdefault(ticket.id, []).append(ticket.decision)
        if self._world.troubled("receiver"):
            raise errors.ChannelError("the answer of the receiver was lost", unsure=True)
        return True

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        return min(60.0, 5.0 * attempts)


class Run:
    """One run."""

    def __init__(self, plan: plans.Plan, *, verbose: bool = False, hasty: bool = False) -> None:
        """With *hasty* it is over as soon as anything is wrong."""
        self.plan = plan
        self._hasty = hasty
        self.loop = Loop(plan.seed)
        self.world = world = World(plan.seed, self.loop, list(plan.episodes), verbose=verbose)
        self.disk = Disk(world)
        self.seen = Witness(world)
        self.house = House(
            world=world,
            disk=self.disk,
            setup=town.setup_of(push=plan.push, erase=plan.erase),
            maker=tokens.TokenMaker(b"only for simulations, never for people"),
            signer=cast(seals.Signer, _SIGNER),
            issuer=_SIGNER,
            keepers=(sealing.Place(_Keeper(world)),),
            chats=town.chats(world),
            resumer=_Receiver(world, self.seen),
            devices=devices.Devices(world),
        )
        self.agents = Agents(self.house, self.seen, {name: f"key of {name}" for name in town.AGENTS})
        self.persons = Persons(self.house, self.agents, self.seen)
        self.operators = operators.Operators(self.house, self.agents, self.seen)
        self.stories = tales.Tales(self.house, self.agents, self.operators, self.seen)
        self.judge = Judge(self.house, self.agents, self.seen)

    def play(self) -> Result:
        """Play it."""
        logging.disable(logging.CRITICAL)
        processes._here.clear()
        with seeded(self.plan.seed):
            try:
                self.loop.run_until_complete(self._live())
            except Stuck as stuck:
                self.world.blame(str(stuck))
            finally:
                for fault in self.loop.faults:
                    self.world.blame(f"nobody caught: {fault.get('message')} {fault.get('exception')!r}")
                self.world.over = True
                self.loop.bury()
                logging.disable(logging.NOTSET)
        outcomes: dict[str, str] = {
            id: ticket.decision.outcome for id, ticket in self.disk._tickets.items() if ticket.decision
        }
        world, loop = self.world, self.loop
        return Result(self.plan, world.wrong, loop.trace, loop.steps, world.now, world.lines, outcomes)

    async def _live(self) -> None:
        for name, record in self.agents.keys.items():
            await operators.give_key(cast(Store, self.disk), name, str(record))
        if self.plan.push:
            await self.house.devices.subscribe(cast(Store, self.disk), self.world.clock.now())
        for _ in range(self.plan.copies):
            self.house.start()
        doing = [asyncio.ensure_future(self._do(action)) for action in self.plan.actions]
        while not all(task.done() for task in doing) or self.world.now < self.plan.lasts:
            await self._pass()
            if self._hasty and self.world.wrong:
                return
        for task in doing:
            task.result()
        await self.operators.lift_all(random.Random(self.plan.seed))
        least, ends = self.world.now + _REST, self.world.now + _QUIET
        while self.world.now < ends and (self.judge.tasks_left() or self.world.now < least):
            await self._pass()
            if self._hasty and self.world.wrong:
                return
        self.world.ends = True
        for copy in list(self.house.copies):
            await copy.stop()
            for task in copy.left:
                self.world.blame(f"a task is left over: {task.get_coro()}")
        await self.judge.at_end()

    async def _pass(self) -> None:
        await asyncio.sleep(_LOOK)
        self.judge.look()

    async def _do(self, action: plans.Action) -> None:
        await asyncio.sleep(action.at)
        chance = random.Random(f"{self.plan.seed}/{action.number}")
        if action.what in ("ask", "burst"):
            alone = action.what == "ask"
            for wanted in (
                [errand(action.number, chance, town.AGENTS)] if alone else burst(action.number, chance, town.AGENTS)
            ):
                if self.agents.keys[wanted.owner] is not None:
                    self.agents.begin(wanted, random.Random(f"{self.plan.seed}/{wanted.id}"))
        elif action.what in ("act", "forge"):
            await getattr(self.persons, action.what)(chance)
        else:
            doing = self.stories if action.what in tales.ALL else self.operators
            try:
                await getattr(doing, action.what)(chance)
            except (Unreachable, errors.SaysoError) as error:
                self.world.say("ends", action.what, repr(error))


def play(seed: str, *, verbose: bool = False) -> Result:
    """Play the run of a seed."""
    return Run(plans.plan(seed), verbose=verbose).play()
