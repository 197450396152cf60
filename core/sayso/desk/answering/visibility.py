"""For which requests somebody is among those who may ever answer: what their lists are read by.

The rule: this is found out once for each audience, of which there are as many as policies, and never for each request.
Under which policy they stand in for somebody is not asked here, so whoever lists looks at each request once more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sayso import machine, model
from sayso.desk.answering import identity
from sayso.machine import glass, people
from sayso.stores import Query

if TYPE_CHECKING:
    from sayso.desk.shell import Shell

# Requests that are read at once, and how often, for one that somebody may see.
_CHUNK, _MOST_CHUNKS = 50, 20


async def concerning(shell: Shell, actor: people.Actor) -> Sequence[str]:
    """The audiences to which this person belongs, as themselves or for somebody who is away; for `Query.audiences`."""
    faces = _faces(shell, actor)
    every = await shell.store.audiences()
    return [audience for audience in every if any(machine.concerns(audience, face) for face in faces)]


async def tickets(shell: Shell, actor: people.Actor, query: Query) -> Sequence[model.Ticket]:
    """The requests of a list that this person may see: what they may answer, and what was asked on their behalf."""
    # found out once, and not for each request
    actor = await identity.complete(shell, actor)
    theirs, me = await concerning(shell, actor), shell.setup.directory.identify(actor).id
    more = dataclasses.replace(query, audiences=theirs, requester=me, limit=max(query.limit, _CHUNK))
    for _ in range(_MOST_CHUNKS):
        chunk = await shell.store.list(more)
        found = [ticket for ticket in chunk if is_for(ticket, shell.acting(ticket, actor))]
        if found or not chunk:
            return found[: query.limit]
        # they stand in for somebody, but not under these policies; or an older version wrote down no audience
        more = dataclasses.replace(more, before=(chunk[-1].created_at, chunk[-1].id))
    return ()


def is_for(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether this person may know of a request: they may answer it, or it was asked on their behalf."""
    return ticket.requester == person.human or glass.may_see(ticket, person)


def may_look_back(ticket: model.Ticket, person: model.Person) -> bool:
    """Whether somebody who may not answer it now may see it: what was asked for them, and what became of theirs."""
    return ticket.requester == person.human or (ticket.decision is not None and glass.may_see(ticket, person))


def _faces(shell: Shell, actor: people.Actor) -> Sequence[model.Person]:
    directory, now = shell.setup.directory, shell.clock.now()
    policies = {None, *(name for one in directory.delegations for name in one.policies)}
    stand_ins = (face for name in policies for face in directory.stand_ins(actor, name, now))
    return (directory.identify(actor), *stand_ins)
