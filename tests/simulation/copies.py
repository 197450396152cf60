"""The copies of the service: what each runs, how it is reached from outside, and how it dies."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sayso import errors
from sayso.desk import Desk, authority, channel, courier, timekeeper
from sayso.desk.admission import learning
from sayso.desk.setup import Setup
from sayso.desk.upkeep import attendance, observing, purging, sealing, stopping, suggestions
from sayso.desk.upkeep import duties as duty
from sayso.stores import Job, Store
from sayso_bots.service.workers import Workers
from tests.simulation.devices import Devices, Pusher
from tests.simulation.disk import Disk, View
from tests.simulation.loop import OUTSIDE, PROCESS, Process
from tests.simulation.world import Clock, World

if TYPE_CHECKING:
    from sayso.audit import seals
    from sayso.cards import tokens
    from sayso.desk.admission import receipting
    from tests.simulation.chats import Chat

T = TypeVar("T")

# Whatever happens there, a lease is kept.
_NOT_THE_STORE = ("wire", "news", "receiver", "a", "b", "a crawls", "b crawls")


class Unreachable(Exception):
    """The call got no answer: it may have been carried out."""


@dataclass
class House:
    """What all copies are started with."""

    world: World
    disk: Disk
    setup: Setup
    maker: tokens.TokenMaker
    signer: seals.Signer
    issuer: receipting.Issuer
    keepers: tuple[sealing.Place, ...]
    chats: dict[str, Chat]
    resumer: courier.Resumer
    devices: Devices
    copies: list[Copy] = field(default_factory=list["Copy"])
    started: list[Copy] = field(default_factory=list["Copy"])
    """All that there ever were."""
    listeners: dict[str, float] = field(default_factory=dict[str, float])
    """Who listens to the one connection, since when."""
    busy: dict[str, list[tuple[Process, float]]] = field(default_factory=dict[str, list[tuple[Process, float]]])
    """Who is about which effect, since when."""
    number: int = 0

    def start(self) -> Copy:
        """Start one more copy."""
        self.number += 1
        made = Copy(self, f"copy{self.number}")
        self.copies.append(made)
        self.started.append(made)
        self.world.say("start", made.process.name)
        return made

    def pick(self, chance: Any) -> Copy | None:
        """Whichever a caller happens to reach."""
        return chance.choice(self.copies) if self.copies else None


class Courier(courier.Courier):
    """The real one, which says what it is about: nobody else may be about the same."""

    def __init__(self, copy: Copy, desk: Desk, channels: Sequence[channel.Channel]) -> None:
        pusher = Pusher(desk, copy.house.devices) if desk.setup.push else None
        super().__init__(desk, channels, copy.house.resumer, pusher)
        self._house, self._process = copy.house, copy.process

    async def _guard(self, jobs: Sequence[Job], act: Callable[[Any], Awaitable[bool]], what: Any) -> None:
        async def watched(what: Any) -> bool:
            house, mine = self._house, (self._process, self._house.world.now)
            for job in jobs:
                self._blame_others(job)
                house.busy.setdefault(job.key, []).append(mine)
            try:
                return await act(what)
            finally:
                for job in jobs:
                    house.busy[job.key].remove(mine)

        await super()._guard(jobs, watched, what)

    def _blame_others(self, job: Job) -> None:
        world = self._house.world
        for other, since in self._house.busy.get(job.key, ()):
            calm = world.calm_since(since, _NOT_THE_STORE) > world.now - since - 0.001
            if other.alive and not other.frozen and calm:
                world.blame(f"{other.name} and {self._process.name} are about the same: {job.key}")


class Copy:
    """One process of the service."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.world = house, house.world
        self.process = Process(name, house.number)
        self.context = OUTSIDE.copy()
        self.context.run(PROCESS.set, self.process)
        self.view = View(house.disk, self.process, self.context)
        self.calls = dict[asyncio.Future[Any], None]()
        self.spawned = set[asyncio.Task[Any]]()
        self.setup = house.setup
        self.left = list[asyncio.Task[Any]]()
        """Tasks that had not ended when it was stopped."""
        # clocks of machines differ a little
        self.clock = Clock(self.world.loop, self.world.chance.choice((0.0, 0.0, 0.02, -0.02)))
        self.context.run(self._begin)

    def _begin(self) -> None:
        store = cast(Store, self.view)
        self.desk = desk = Desk(store, self.house.maker, self.setup, self.clock)
        desk.issuer = self.house.issuer
        for name, chat in self.house.chats.items():
            desk.platforms[name] = chat.connect(self.clock)
        self.crew = crew = Workers()
        channels = [platform.channel for platform in desk.platforms.values()]
        sealer = sealing.Sealer(store, self.clock, self.house.signer, self.house.keepers)
        works: dict[str, Callable[[], Awaitable[None]]] = {
            "courier": Courier(self, desk, channels).run,
            "keys": functools.partial(authority.watch, store, self.clock),
            "suggestions": functools.partial(suggestions.suggest_on, desk),
            "learned": functools.partial(learning.follow, desk),
            "observed": functools.partial(observing.tell_on, desk),
            "purge": functools.partial(purging.purge_on, desk),
            "stops": functools.partial(stopping.watch, desk),
            "clock": functools.partial(timekeeper.expire_due, desk, store, self.clock),
            "waits": functools.partial(attendance.watch, desk.attendance),
            "seals": sealer.run,
            "listener": functools.partial(self._listen, store),
        }
        for worker, work in works.items():
            crew.start(worker, work)
        crew.failed.add_done_callback(self._blame)

    def _blame(self, failed: asyncio.Future[None]) -> None:
        if not failed.cancelled() and (error := failed.exception()):
            self.world.blame(f"a worker crashed: {error!r}")

    async def _listen(self, store: Store) -> None:
        """What only one of the copies does at a time."""
        mine = duty.Duty(store, self.clock, "listener")
        await mine.wait()
        self.house.listeners[self.process.name] = self.world.now
        try:
            await mine.keep()
        finally:
            self.house.listeners.pop(self.process.name, None)
            await mine.leave()

    async def call(self, act: Callable[[Desk], Awaitable[T]], patience: float = 30.0) -> T:
        """Have this copy do something, from outside. Raises `Unreachable`, and what comes of it."""
        world, answer = self.world, self.world.loop.create_future()
        if not self.process.alive or world.troubled("wire"):
            raise Unreachable("nobody is there")
        lost = world.troubled("wire")
        self.calls[answer] = None
        delay = world.chance.choice((0.0, 0.002, 0.05))
        self.world.loop.call_later(delay, self._serve, answer, act, lost, context=self.context)
        try:
            async with asyncio.timeout(patience):
                found: T = await answer
        except TimeoutError:
            raise Unreachable("no answer in time") from None
        finally:
            self.calls.pop(answer, None)
        return found

    def _serve(self, answer: asyncio.Future[Any], act: Callable[[Desk], Awaitable[Any]], lost: bool) -> None:
        self.spawn(self._carry_out(answer, act, lost))

    async def _carry_out(self, answer: asyncio.Future[Any], act: Callable[[Desk], Awaitable[Any]], lost: bool) -> None:
        found: Any = None
        failed: Exception | None = None
        try:
            found = await act(self.desk)
        except asyncio.CancelledError:
            failed = Unreachable("the service stops")
        except errors.SaysoError as error:
            failed = error
        except Exception as error:
            self.world.blame(f"a call failed with {error!r}")
            failed = error
        if answer.done():
            return
        if lost:
            failed = Unreachable("the answer was lost")
        answer.set_exception(failed) if failed else answer.set_result(found)

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Begin something inside this process."""
        task = self.world.loop.create_task(work, context=self.context)
        self.spawned.add(task)
        task.add_done_callback(self.spawned.discard, context=self.context)
        return task

    def kill(self) -> None:
        """End at this very moment; nothing is tidied up."""
        self.world.say("kill", self.process.name)
        self.process.alive = False
        self._gone()
        self.world.crashes, self.world.killed = self.world.crashes + 1, self.world.now
        # whoever holds a lease holds it until it ends
        self.world.disturb(40.0)

    def _gone(self) -> None:
        self.view.leave()
        self.house.listeners.pop(self.process.name, None)
        if self in self.house.copies:
            self.house.copies.remove(self)
        for answer in list(self.calls):
            if not answer.done():
                self.world.later(0.05, functools.partial(_cut, answer))

    def freeze(self, seconds: float) -> None:
        """Stand still for a while, as a machine that is suspended."""
        self.world.say("freeze", self.process.name, f"for {seconds:.1f} s")
        self.process.frozen = True
        self.world.disturb(seconds + 40.0)
        self.world.later(seconds, functools.partial(self.world.loop.thaw, self.process))

    async def stop(self) -> None:
        """End as on SIGTERM."""
        if not self.process.alive:
            return
        self.world.say("stop", self.process.name)
        self.world.crashes += not self.world.ends
        self.world.disturb(10.0)
        if self in self.house.copies:
            self.house.copies.remove(self)
        done = self.world.loop.create_future()

        async def end() -> None:
            for task in [one for one in self.spawned if one is not asyncio.current_task()]:
                task.cancel()
            await asyncio.gather(*self.spawned - {asyncio.current_task()}, return_exceptions=True)
            self.desk.broadcast.stop()
            await self.crew.stop()
            for platform in self.desk.platforms.values():
                if platform.membership is not None:
                    await cast(Any, platform.membership).close()
            await self.view.close()
            if not done.done():
                done.set_result(None)

        task = self.spawn(end())
        del task
        try:
            async with asyncio.timeout(60.0):
                await done
        except TimeoutError:
            if self.process.alive:
                self.world.blame(f"{self.process.name} does not stop")
        # whoever was cancelled at the very end has its turn
        await asyncio.sleep(0.01)
        self._gone()
        self.left = [] if not self.process.alive else self.world.loop.unfinished(self.process)
        # what it has not ended ends with it
        self.process.alive = False


def _cut(answer: asyncio.Future[Any]) -> None:
    if not answer.done():
        answer.set_exception(Unreachable("the connection was cut"))
