"""A key can be revoked during any wait: whoever has waited is looked up again, and what a dead key asked is withdrawn.

The rule: a revocation that has begun is finished, by whichever process comes next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sayso import clock as clocks
from sayso import errors, machine, model
from sayso.desk.upkeep import stops
from sayso.machine import events
from sayso.stores import Query, Record, Store, record_kinds
from sayso.stores.occupied import Occupied
from sayso.stores.protocol import SERVICE

_REVOKING = "revoking"
# Requests read at once.
_CHUNK = 100
# Seconds between two looks for a revocation that its process did not live to finish.
_LOOK = 30.0


async def holds(store: Store, key: str | None) -> bool:
    """Whether a key is still there, by its record; who needs no key always holds."""
    return key is None or await store.get(record_kinds.KEY, key) is not None


async def check(store: Store, key: str | None) -> None:
    """Refuse a key that was revoked. Raises `Unauthorized`."""
    if not await holds(store, key):
        raise errors.Unauthorized("this key was revoked", hint="ask the operator for another one")


async def confirm(store: Store, owner: str, key: str, at: datetime) -> stops.Stops:
    """Refuse a key that was revoked while it asked, and withdraw what it asked; the stops that stand, in the same read.

    Raises:
        Unauthorized: it was revoked.
    """
    # after the commit of what was asked: a revocation, and a stop, look through what is stored when they begin
    found, is_there = await _look(store, key)
    if not is_there:
        await withdraw(store, owner, key, at)
        await check(store, key)
    return stops.among(found)


async def standing(store: Store, key: str | None) -> stops.Stops:
    """The stops that stand, for whoever has this key or needs none: in one read. Raises `Unauthorized`."""
    if key is None:
        return await stops.standing(store)
    found, is_there = await _look(store, key)
    if not is_there:
        await check(store, key)
    return stops.among(found)


async def _look(store: Store, key: str) -> tuple[Sequence[Record], bool]:
    """The records of all stops, and whether this key is there."""
    found = await store.look_back(stops.EACH, (record_kinds.KEY, key, 1))
    is_found = any((one.kind, one.name) == (record_kinds.KEY, key) for one in found)
    # one that cannot be read is left out there, and was not revoked
    return found, is_found or await holds(store, key)


async def revoke(store: Store, name: str, key: str, at: datetime, reason: str | None = None) -> int:
    """End a key by its name and record, and withdraw what it asked; how many requests that were."""
    value = {"key": key, "reason": reason}
    begun = await store.get(_REVOKING, name)
    # noted first: should this process die now, another one finishes it
    with contextlib.suppress(errors.Conflict):
        await store.put(Record(_REVOKING, name, value, version=begun.version if begun else 0))
    await store.remove(record_kinds.KEY, key)
    # of no request; it wakes the streams of the key, which then end
    await store.append("", 0, events.Revoked(at=at, key=name))
    return await _finished(store, name, value, at)


async def withdraw(
    store: Store, owner: str, key: str | None, at: datetime, reason: str | None = None
) -> tuple[int, bool]:
    """Withdraw all that is open of an owner and was asked with this key: how many requests, and whether it was all.

    One that somebody else holds, or that cannot be read, is left out; the latter nobody can do anything with.
    """
    withdrawn, whole = 0, True
    query = Query(state="pending", owner=owner, limit=_CHUNK)
    event = events.Cancelled(at=at, by=owner, reason=reason or f"the key {owner} was revoked")
    while tickets := await store.list(query):
        for ticket in tickets:
            # a key of the same name that was made since is another one; older requests do not say which it was
            if ticket.key in (None, key):
                try:
                    closed = await happen(store, ticket.id, event)
                except (Occupied, errors.Unreadable) as error:
                    whole = whole and isinstance(error, errors.Unreadable)
                else:
                    withdrawn += closed.decision is not None and closed.decision.outcome == "cancelled"
        query = Query("pending", owner, limit=_CHUNK, before=(tickets[-1].created_at, tickets[-1].id))
    return withdrawn, whole


async def watch(store: Store, clock: clocks.Clock) -> None:
    """Finish revocations that were begun, for ever."""
    changes = store.work(SERVICE)
    while True:
        for record in await store.scan(_REVOKING):
            await _finished(store, record.name, record.value, clock.now())
        await clock.within(clock.now() + timedelta(seconds=_LOOK), anext(changes))


async def happen(store: Store, id: str, event: events.Event) -> model.Ticket:
    """The ticket after an event that no person brought. Raises `NotFound`."""
    while True:
        step = machine.step(ticket := await store.load(id), event)
        if step.ticket.version == ticket.version:
            return ticket
        with contextlib.suppress(errors.Conflict):
            await store.commit(step, event)
            return step.ticket


async def _finished(store: Store, name: str, value: model.JsonObject, at: datetime) -> int:
    if (key := value["key"]) is not None:
        # begun by a process that died before it came to this
        await store.remove(record_kinds.KEY, key)
    withdrawn, whole = await withdraw(store, name, key, at, value.get("reason"))
    if whole:
        await store.remove(_REVOKING, name)
    return withdrawn
