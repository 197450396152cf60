"""Stop: somebody freezes everything, or one agent, over all copies of the service; and lifts it again.

The rule: a stop counts as soon as its record is stored (`stops`). What goes on beside that brings the open requests in
line: their cards say so, and their time stands still.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from sayso import errors, machine, model
from sayso.desk import authority
from sayso.desk.answering import identity
from sayso.desk.shell import Shell, check_whole
from sayso.desk.upkeep import stops
from sayso.machine import events, people
from sayso.stores import Query, Record
from sayso.stores.occupied import Occupied
from sayso.stores.protocol import SERVICE
from sayso.stores.record_kinds import KEY, STOPPED

_PAGE, _MOST_BYTES = 50, 4 * model.MAX_REQUEST_BYTES
# Seconds between two looks at the latest, so that all cards say so within two.
_LOOK = 1.0
_IN_LINE = "in line"


@dataclass(frozen=True, slots=True)
class Who:
    """Who stops, or lifts a stop."""

    id: str
    name: str
    via: str


async def may(shell: Shell, actor: people.Actor) -> bool:
    """Whether the settings let whoever this is stop, and lift stops; groups are looked up as they are now.

    Raises:
        Unauthorized: the key of this person was revoked.
    """
    return identity.is_among(shell.setup.stoppers, await _person(shell, actor))


async def find(shell: Shell, actor: people.Actor) -> Who:
    """Whoever this is, as one who may stop and lift stops. Raises `NotAllowed`, `Unauthorized`."""
    person = await _person(shell, actor)
    if identity.is_among(shell.setup.stoppers, person):
        return Who(person.id, person.name, person.account)
    names = ", ".join(shell.setup.stoppers) or "an operator"
    unsure = f"; could not find out who is in {', '.join(person.unknown)}" if person.unknown else ""
    raise errors.NotAllowed(f"you may not stop agents, or let them go on; it is for: {names}{unsure}")


async def _person(shell: Shell, actor: people.Actor) -> model.Person:
    person = await identity.of(shell, actor, shell.setup.stoppers)
    # after the wait for what a chat says of its groups
    await authority.check(shell.store, actor.key)
    return person


async def stop(
    shell: Shell, who: Who, agent: str | None = None, reason: str | None = None, *, follow: bool = True
) -> model.Stop:
    """Stop everything, or one agent. Where it is stopped already, that stop stands.

    With *follow* the open requests are brought in line before it returns; else `watch` does so.

    Raises:
        InvalidRequest: there is no such agent.
    """
    check_whole(reason=reason or "")
    if agent is not None:
        await _check_agent(shell, agent)
    reason = reason[: model.MAX_REASON] if reason else None
    wanted = model.Stop(by=who.id, name=who.name, via=who.via, at=shell.clock.now(), agent=agent, reason=reason)
    if await stops.put(shell.store, wanted):
        # of no request; it wakes the other copies
        await shell.store.append("", 0, events.Stopped(at=wanted.at, stop=wanted))
    found = (await stops.standing(shell.store)).exactly(agent) or wanted
    if follow:
        await bring_in_line(shell)
    return found


async def resume(shell: Shell, who: Who, agent: str | None = None, *, follow: bool = True) -> None:
    """Lift the stop of everything, or of one agent; *follow* as in `stop`. Raises `NotFound` where none stands."""
    if not await stops.remove(shell.store, agent):
        standing = await stops.standing(shell.store)
        others = ", ".join(one.agent or "everything" for one in standing.all) or "nothing"
        hint = f"stopped now: {others}"
        what = "everything" if agent is None else f"the agent {agent!r}"
        raise errors.NotFound(f"there is no stop of {what}", field=agent and "agent", hint=hint)
    await shell.store.append("", 0, events.Resumed(at=shell.clock.now(), by=who.id, via=who.via, agent=agent))
    if follow:
        await bring_in_line(shell)


async def watch(shell: Shell) -> None:
    """Bring all open requests in line with the stops, for ever; any copy may have been told of one."""
    changes = shell.store.work(SERVICE)
    while True:
        found = await shell.store.get(STOPPED, _IN_LINE)
        standing = await stops.standing(shell.store)
        if _written(standing) != (found.value if found else _written(stops.Stops())):
            await bring_in_line(shell)
        await shell.clock.within(shell.clock.now() + timedelta(seconds=_LOOK), anext(changes))


async def bring_in_line(shell: Shell) -> None:
    """Stop the open requests that are to stand still, and let the others go on; one that cannot be changed comes later.

    Until then it stands still all the same: whatever happens to it looks at the stops.
    """
    left = False
    standing, query = await stops.standing(shell.store), Query(state="pending", limit=_PAGE, most_bytes=_MOST_BYTES)
    while tickets := await shell.store.list(query):
        for ticket in tickets:
            if machine.in_line(ticket, standing.of(ticket.owner), shell.clock.now()):
                left |= not await _acted(shell, ticket.id)
        oldest = tickets[-1]
        query = Query("pending", limit=_PAGE, most_bytes=_MOST_BYTES, before=(oldest.created_at, oldest.id))
    if left:
        return
    found = await shell.store.get(STOPPED, _IN_LINE)
    # of two copies at the same moment one is enough
    with contextlib.suppress(errors.Conflict):
        await shell.store.put(Record(STOPPED, _IN_LINE, _written(standing), version=found.version if found else 0))


async def _acted(shell: Shell, id: str) -> bool:
    try:
        await shell.let_time_act(id)
    except (Occupied, errors.Unreadable) as error:
        # of what cannot be read nothing more can become; it is named in the log
        return isinstance(error, errors.Unreadable)
    return True


def _written(standing: stops.Stops) -> model.JsonObject:
    return {"stops": [stop.model_dump(mode="json") for stop in standing.all]}


async def _check_agent(shell: Shell, agent: str) -> None:
    """Refuse an agent that nobody knows: a misspelt name would stop nothing. Raises `InvalidRequest`."""
    if any(record.value.get("name") == agent for record in await shell.store.scan(KEY)):
        return
    if not 0 < len(agent) <= model.MAX_NAME or not await shell.store.count(Query(owner=agent, limit=1)):
        hint = "sayso keys list shows their names"
        raise errors.InvalidRequest(f"there is no agent {agent!r}", field=agent and "agent", hint=hint)
