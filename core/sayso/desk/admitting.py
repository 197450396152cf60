"""How a request gets in: copied, checked, held to the terms of the house, and stored with the end of an older one."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from sayso import aside, errors, machine, model
from sayso.cards import tokens
from sayso.content import requests
from sayso.desk import authority, quota
from sayso.desk import house as houses
from sayso.machine import events
from sayso.stores import Commit, Query, Store

if TYPE_CHECKING:
    from sayso.desk.desk import Desk

# More tries than writers could ever win in a row against one agent.
_TRIES = 100


async def admit(front: Desk, request: model.Request, caller: houses.Caller) -> tuple[model.Ticket, bool]:
    """The request once it is durable, and whether it is new. Raises as `Desk.ask`."""
    large = requests.is_large(request)
    request = await aside.run_large(large, requests.ready, request)
    terms = houses.terms(front.house, request, caller)
    for place in request.route:
        platform = front.platforms.get(place.partition(":")[0])
        if platform and platform.check_place:
            platform.check_place(place)
    async with _within_limits(front, request.id, caller):
        id, ref, now = request.id or tokens.new_id(), tokens.new_ref(), front.clock.now()
        opened = await aside.run_large(large, machine.open_ticket, request, terms, id=id, ref=ref, at=now)
        found = await _stored(front, opened)
    await authority.confirm(front.store, caller.owner, caller.key, front.clock.now())
    return found or opened.ticket, found is None


async def _stored(front: Desk, opened: machine.Step) -> model.Ticket | None:
    """Store it, together with the end of the one it takes the place of. Where it was asked before, that one."""
    ticket = opened.ticket
    entry = events.Opened(at=ticket.created_at, by=ticket.owner, digest=ticket.digest)
    for _ in range(_TRIES):
        try:
            if replaced := await _replaced(front, ticket):
                await front.store.commit_together([(opened, entry), replaced])
            else:
                await front.store.commit(opened, entry)
        except errors.Conflict:
            try:
                return await _same_again(front.store, ticket)
            except errors.NotFound:
                # it was the older one that changed meanwhile
                continue
        return None
    raise errors.StoreUnavailable(f"request {ticket.request.supersedes} changes too fast", hint="try again")


async def _replaced(front: Desk, newer: model.Ticket) -> Commit | None:
    """The end of the request that a newer one takes the place of; None where there is nothing to end."""
    id = newer.request.supersedes
    if id is None:
        return None
    try:
        older = await front.get(id, houses.Caller(owner=newer.owner))
    except errors.NotFound as error:
        hint = "nothing was asked; leave supersedes out, or name a request of yours"
        raise errors.NotFound(
            f"there is no request {id} to take the place of", field="supersedes", hint=hint
        ) from error
    event = events.Superseded(at=front.clock.now(), by=newer.id)
    if machine.first(older, event) is not event:
        older = await front.tick(id)
    step = machine.step(older, event)
    return (step, event) if step.ticket.version > older.version else None


async def _same_again(records: Store, wanted: model.Ticket) -> model.Ticket:
    found = await records.load(wanted.id)
    if found.owner == wanted.owner and requests.alike(found.request, wanted.request):
        return machine.read(found, wanted.created_at)
    hint = "choose another id; the same id may only be used to ask the same again"
    raise errors.AlreadyExists(f"the id {wanted.id!r} belongs to another request", field="id", hint=hint)


@contextlib.asynccontextmanager
async def _within_limits(front: Desk, id: str | None, caller: houses.Caller) -> AsyncGenerator[None]:
    limits = front.house.limits
    if limits == quota.Limits() or await _is_known(front, id):
        yield
        return
    async with contextlib.AsyncExitStack() as room:
        if limits.pending is not None:
            waiting = Query(state="pending", owner=caller.owner, limit=limits.pending)
            count = functools.partial(front.store.count, waiting)
            await room.enter_async_context(front.room.one(caller.owner, limits.pending, count))
        if limits.per_minute is not None:
            front.pace.take(caller.owner, limits.per_minute, front.clock.now())
        yield


async def _is_known(front: Desk, id: str | None) -> bool:
    if id is None:
        return False
    try:
        await front.store.load(id)
    except errors.NotFound:
        return False
    return True
