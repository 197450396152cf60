"""Time acts on all that is due, whoever holds some of it."""

from collections.abc import Sequence
from datetime import datetime

from sayso import machine
from sayso.desk import Desk, timekeeper
from sayso.machine import events
from sayso.stores import Record, memory
from sayso.stores.occupied import Occupied
from sayso.testing.clock import ManualClock
from sayso.testing.samples import MINT, permission


class Held(memory.MemoryStore):
    """A store of which somebody else holds all requests but one."""

    free = "free"
    looks = 0

    async def commit(self, step: machine.Step, entry: events.Entry, beside: Sequence[Record] = ()) -> None:
        if isinstance(entry, events.Ticked) and step.ticket.id != self.free:
            raise Occupied("somebody else holds it")
        await super().commit(step, entry, beside)

    async def due(self, at: datetime, limit: int = 100) -> Sequence[str]:
        self.looks += 1
        return await super().due(at, limit)


async def test_whoever_holds_the_first_hundred_that_are_due_hides_nothing_behind_them() -> None:
    store, clock = Held(), ManualClock()
    desk = Desk(store, MINT, clock=clock)
    held = [f"held{n}" for n in range(timekeeper._AT_ONCE)]
    for id in held:
        await desk.open(permission(id=id, expires_in=60))
    clock.advance(1)
    await desk.open(permission(id=store.free, expires_in=60))
    clock.advance(60)
    assert await timekeeper.act(desk, store, clock) == frozenset(held)
    decision = (await store.load(store.free)).decision
    assert decision is not None
    assert decision.outcome == "expired"
    assert store.looks <= 3
