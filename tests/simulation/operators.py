"""What operators, admins of chats and machines do to the service: restarts, stops, revocations, restores."""

from __future__ import annotations

import asyncio
import contextlib
import copy as copying
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sayso import errors, model
from sayso.desk import Desk, authority
from sayso.desk.admission import granting
from sayso.desk.setup import Retention
from sayso.desk.upkeep import purging, restoring, stopping, stops
from sayso.machine import events
from sayso.stores import Record, Store, record_kinds
from sayso.testing import oracle
from tests.simulation import town
from tests.simulation.agents import Agents
from tests.simulation.copies import House, Unreachable
from tests.simulation.witness import Standstill, Witness

T = TypeVar("T")

WHO = stopping.Who("ops", "Ops", "terminal:ops")


@dataclass(frozen=True)
class Backup:
    """A copy of the database, and what had been said to the outside when it was made."""

    stored: dict[str, Any]
    told: oracle.Witnessed
    resumed: dict[str, list[model.Decision]]
    revoked: dict[str, float]


class Operators:
    """All that they do, by name."""

    def __init__(self, house: House, agents: Agents, seen: Witness) -> None:
        self.house, self.world, self.agents, self.seen = house, house.world, agents, seen
        self._restoring = False
        self.backup: Backup | None = None

    async def kill(self, chance: random.Random) -> None:
        """A copy dies, and is started anew a moment later."""
        if (copy := self.house.pick(chance)) is not None:
            copy.kill()
            await asyncio.sleep(chance.choice((0.1, 2.0, 15.0)))
            self.house.start()

    async def restart(self, chance: random.Random) -> None:
        """A copy is stopped in order, and started anew."""
        if (copy := self.house.pick(chance)) is not None:
            await copy.stop()
            self.house.start()

    async def freeze(self, chance: random.Random) -> None:
        """A copy stands still for a while."""
        if (copy := self.house.pick(chance)) is not None and not copy.process.frozen:
            copy.freeze(chance.choice((1.0, 8.0, 45.0)))

    async def add(self, chance: random.Random) -> None:
        """One more copy."""
        if len(self.house.copies) < 3:
            self.house.start()

    async def reload(self, chance: random.Random) -> None:
        """The settings change; each copy takes them up when it looks."""
        self.house.setup = town.changed(self.house.setup)
        for copy in list(self.house.copies):
            await asyncio.sleep(chance.uniform(0, 1))
            copy.desk.setup = self.house.setup

    async def stop(self, chance: random.Random) -> None:
        """Somebody stops everything, or one agent, and lifts it again."""
        agent = chance.choice((None, None, *sorted(town.AGENTS)))
        if await self.halt(agent, chance):
            await asyncio.sleep(chance.uniform(5, 40))
            await self.lift(agent, chance)

    async def halt(self, agent: str | None, chance: random.Random) -> bool:
        """Stop an agent, or everything; whether it was not stopped before."""
        asked = self.world.now
        try:
            await self._persist(lambda desk: stopping.stop(desk, WHO, agent), chance)
        except errors.InvalidRequest:
            return False
        # it may have been the stop that stood already, and was lifted before this one was heard of
        if all(at < asked for at in self.seen.lifted):
            self.seen.stops.append(Standstill(agent, self.world.now, asked))
            self.world.say("stopped", agent or "everything")
        return True

    async def lift(self, agent: str | None, chance: random.Random) -> None:
        """Let it go on."""
        # it may have been stopped twice, and is lifted once
        self.seen.stops = [one for one in self.seen.stops if one.agent != agent]
        self.world.say("resuming", agent or "everything")
        self.seen.lifted.append(self.world.now)
        with contextlib.suppress(errors.NotFound):
            await self._persist(lambda desk: stopping.resume(desk, WHO, agent), chance)
        # one that was asked for meanwhile may have been lifted as well
        self.seen.stops = [one for one in self.seen.stops if one.agent != agent]
        self.seen.lifted.append(self.world.now)

    async def revoke(self, chance: random.Random) -> None:
        """A key is revoked, and its agent gets another one."""
        await self.revoke_of(chance.choice(sorted(town.AGENTS)), chance)

    async def revoke_of(self, owner: str, chance: random.Random) -> None:
        """The key of this agent."""
        key = self.agents.keys[owner]
        if key is None:
            return
        self.agents.keys[owner] = None
        await self._persist(lambda desk: authority.revoke(desk.store, owner, key, desk.clock.now()), chance)
        self.seen.revoked[key] = self.world.now
        self.world.say("revoked", owner)
        await self._give_key(owner, f"{key}+", chance)

    async def _give_key(self, owner: str, key: str, chance: random.Random) -> None:
        await self._persist(lambda desk: give_key(desk.store, owner, key), chance)
        self.agents.keys[owner] = key

    def _lose_keys(self) -> dict[str, str]:
        """Which keys were given since the copy was made: nobody knows them any more."""
        known, lost = self.house.disk._records, dict[str, str]()
        for owner, key in self.agents.keys.items():
            if key is not None and (record_kinds.KEY, key) not in known:
                self.seen.revoked[key], self.agents.keys[owner], lost[owner] = self.world.now, None, key
        return lost

    async def end_grants(self, chance: random.Random) -> None:
        """Somebody ends a grant."""

        async def act(desk: Desk) -> list[granting.Grant]:
            found = await granting.listed(desk.store, desk.clock.now())
            return [await granting.end(desk.store, grant.id, "ops", desk.clock.now()) for grant in found]

        with contextlib.suppress(errors.NotFound):
            ended = await self._persist(act, chance)
            self.seen.ended.update({grant.request: self.world.now for grant in ended})

    async def move(self, chance: random.Random) -> None:
        """Somebody leaves a group of the platform, or their account is closed."""
        accounts = self.house.chats["a"].accounts
        open_ones = [one for one in self.house.disk._tickets.values() if one.decision is None]
        said = [given.via for ticket in open_ones for given in ticket.answers if given.via in accounts]
        known = accounts[chance.choice([*said, *said, "a:U4", "a:U5"])]
        if town.LEADS in known.groups:
            known.groups.discard(town.LEADS)
            known.left[town.LEADS] = self.world.now
        else:
            known.closed = self.world.now

    async def delete(self, chance: random.Random) -> None:
        """Somebody deletes a card; the platform may say so."""
        chat = self.house.chats[chance.choice(("a", "b"))]
        if found := [one for one in chat.messages if not one.deleted]:
            gone = chance.choice(found)
            gone.deleted = True
            self.world.say("deleted", gone.id)
            copy = self.house.pick(chance)
            if copy is not None and chance.random() < 0.7:
                with contextlib.suppress(Unreachable, errors.SaysoError):
                    await copy.call(lambda desk: desk.card_lost(gone.drawn.ticket_id, gone.place))

    async def close_room(self, chance: random.Random) -> None:
        """A room is archived."""
        await self.close(chance.choice(town.ROOMS))

    async def close(self, place: str) -> None:
        """This room."""
        self.house.chats[place[0]].closed.add(place)
        self.world.say("closed", place)

    async def purge(self, keeps: float, chance: random.Random) -> None:
        """Somebody erases what was decided so long ago."""
        wanted = Retention(content=keeps)
        self.seen.purging.append((began := self.world.now, keeps))
        await self._persist(lambda desk: purging.purge(desk.store, desk.clock, wanted, "ops"), chance)
        if began > (self.seen.restored or 0.0):
            self.seen.purged.append((began, keeps))

    async def back_up(self, chance: random.Random) -> None:
        """A copy of the database is made."""
        seen = self.seen
        said = copying.deepcopy((seen.told, seen.resumed, seen.revoked))
        self.backup = Backup(self.house.disk.copied(), *said)
        self.world.say("backup")

    async def restore(self, chance: random.Random) -> None:
        """The copy is put back, and what is held is let go, or withdrawn."""
        if self.backup is None or self._restoring:
            return
        self._restoring = True
        try:
            await self._put_back(self.backup, chance)
        finally:
            self._restoring = False

    async def _put_back(self, backup: Backup, chance: random.Random) -> None:
        while running := [copy for copy in self.house.started if copy.process.alive]:
            # also one that somebody started, or began to stop, meanwhile
            for copy in running:
                await (copy.stop() if copy in self.house.copies else asyncio.sleep(0.1))
        self.house.disk.put_back(backup.stored)
        # what the copies from before had sent may arrive later still
        self.world.past = self.house.number
        self._orphan()
        self.seen.stops.clear()
        told, self.seen.resumed, revoked = copying.deepcopy((backup.told, backup.resumed, backup.revoked))
        # a key that was revoked since is alive again
        self.seen.revoked = revoked
        lost = self._lose_keys()
        self.seen.forget_since(told)
        self.world.say("restored")
        self.world.disturb(60.0)
        disk = cast(Store, self.house.disk)
        await restoring.hold(disk, self.world.clock.now())
        self.house.start()
        self.house.start()
        for owner, key in lost.items():
            await self._give_key(owner, f"{key}'", chance)
        await asyncio.sleep(chance.uniform(1, 20))
        now = self.world.clock.now()
        event: events.Event = events.Released(at=now, by="ops")
        if chance.random() < 0.5:
            event = events.Cancelled(at=now, by="ops", reason="it was put back")
        await self._persist(lambda desk: restoring.settle(desk.store, (), event), chance)
        # a stop that stood when the copy was made stands again
        await self.lift_all(chance)

    def _orphan(self) -> None:
        """The database knows nothing of cards from after the copy was made: their buttons stay, and are refused."""
        for message in [one for chat in self.house.chats.values() for one in chat.messages]:
            message.orphan |= (message.place[:1], message.room, message.id) not in self.house.disk._cards

    async def lift_all(self, chance: random.Random) -> None:
        """Lift what still stands, such as a stop that was asked for twice, and came late."""
        for stop in (await stops.standing(cast(Store, self.house.disk))).all:
            await self.lift(stop.agent, chance)

    async def _persist(self, act: Callable[[Desk], Awaitable[T]], chance: random.Random) -> T:
        while True:
            copy = self.house.pick(chance)
            with contextlib.suppress(Unreachable, errors.StoreUnavailable):
                if copy is not None:
                    return await copy.call(act)
            await asyncio.sleep(1.0)


async def give_key(store: Store, owner: str, record: str) -> None:
    """Let an agent have a key."""
    value = {"name": owner, "role": "agent", "person": town.AGENTS[owner], "created_at": "2026-01-01T00:00:00+00:00"}
    with contextlib.suppress(errors.Conflict):
        await store.put(Record(record_kinds.KEY, record, value))
