"""How a request gets in: copied, checked, held to the terms of the setup, and stored with the end of an older one."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from sayso import aside, errors, machine, model, rules
from sayso.cards import tokens
from sayso.content import requests
from sayso.desk import authority
from sayso.desk import setup as setups
from sayso.desk.admission import (
    asking_back,
    digests,
    givers,
    granting,
    judging,
    learning,
    pictures,
    quieting,
    quota,
    receipting,
    remembering,
    together,
    turning,
)
from sayso.desk.answering import wholes
from sayso.desk.posting import reaching
from sayso.desk.shell import Shell
from sayso.desk.upkeep import stops, tracing
from sayso.machine import events
from sayso.stores import Commit, Query, Record, Store

# More tries than writers could ever win in a row against one agent.
_TRIES = 100
_NO_LIMITS = quota.Limits()
_UNRULED = rules.Ruling()


class _Known:
    """Whether a request is there already: looked up once, where it first matters. Of a later one the commit tells."""

    def __init__(self, store: Store, id: str | None) -> None:
        self._store = store
        self._id = id
        self._is_there: bool | None = None

    async def is_there(self) -> bool:
        if self._is_there is None:
            self._is_there = self._id is not None and await self._find(self._id)
        return self._is_there

    async def _find(self, id: str) -> bool:
        try:
            await self._store.load(id)
        except errors.NotFound:
            return False
        return True


async def admit(shell: Shell, request: model.Request, caller: setups.Caller) -> tuple[model.Ticket, bool]:
    """The request once it is durable, and whether it is new. Raises as `Desk.ask`."""
    requests.refuse_others(request)
    large = requests.is_large(request)
    request, large_images = await aside.run_large(large, requests.ready, request)
    limited = shell.setup.limits != _NO_LIMITS
    if limited and not shell.setup.rules.rules:
        # what is refused anyway does not count
        setups.terms(shell.setup, request, caller)
    for place in request.route:
        platform = shell.platforms.get(model.channel_of(place))
        if platform and platform.check_place:
            platform.check_place(place)
    known = _Known(shell.store, request.id)
    async with _within_limits(shell, known, caller) if limited else contextlib.nullcontext():
        id, ref, now = request.id or tokens.new_id(), tokens.new_ref(), shell.clock.now()
        terms = await _terms(shell, request, caller, id, now, known)
        if terms.policy.digest:
            terms = await digests.apply(request, terms, now)
        if terms.policy.turns and not await known.is_there():
            each = functools.partial(reaching.each, shell)
            terms = await turning.take(shell.store, shell.setup, each, terms, now)
        if shell.setup.quiet or terms.policy.quiet:
            terms = quieting.apply(shell.setup, terms, now, await reaching.quiet_members(shell, terms.policy))
        terms = await _remembered(shell.store, request, terms, now, large=large)
        salt = tokens.new_salt()
        opened = await aside.run_large(large, machine.open_ticket, request, terms, id=id, ref=ref, at=now, salt=salt)
        opened = tracing.keep(receipting.attach(shell, opened))
        found = await _stored(shell, opened, pictures.records(opened.ticket.id, large_images) if large_images else ())
        if found is None:
            await asking_back.forget(shell, opened.ticket)
    ticket = found or opened.ticket
    # looked at once it is stored: a stop looks through what is stored when it begins
    if (await _standing(shell, caller, ticket)).of(ticket.owner) and ticket.decision is None:
        ticket = await shell.let_time_act(ticket.id)
    if found is None and together.is_whole(ticket):
        ticket = await wholes.follow(shell, ticket)
    return ticket, found is None


async def _standing(shell: Shell, caller: setups.Caller, ticket: model.Ticket) -> stops.Stops:
    """The stops that stand, for a caller whose key is still good; without a key they are read where they matter."""
    if caller.key is not None:
        return await authority.confirm(shell.store, caller.owner, caller.key, shell.clock.now())
    return stops.Stops() if ticket.decision else await stops.standing(shell.store)


async def _terms(
    shell: Shell, request: model.Request, caller: setups.Caller, id: str, now: datetime, known: _Known
) -> machine.Terms:
    """The terms of a request; rules, chats and rotas are asked once, so not if it is there already."""
    setup, ruling = shell.setup, _UNRULED
    whole = request.batch is not None and request.batch.whole
    if setup.rules.rules:
        if await known.is_there():
            return setups.terms(setup, request, caller)
        ruling = await judging.rule(shell, request, caller.owner, id, now, large=requests.is_large(request))
        if whole and ruling.effect == "allow":
            # one of them alone is never allowed: people see all, or a rule denies it
            ruling = rules.Ruling(watched=ruling.watched)
    names = setups.written_to(setup, request, caller, ruling)
    if names and await known.is_there():
        return setups.terms(setup, request, caller, ruling)
    terms = setups.terms(setup, request, caller, ruling, await reaching.find(shell, names))
    if ruling.effect != "ask" or whole:
        return terms
    terms = await granting.apply(shell.store, request, terms, now, functools.partial(givers.may_still, shell))
    return await learning.apply(shell, request, terms, now) if shell.learned else terms


async def _remembered(
    store: Store, request: model.Request, terms: machine.Terms, now: datetime, *, large: bool
) -> machine.Terms:
    """The terms with what is remembered of its session and its call, which is read at once."""
    of_session = asking_back.wanted(terms.owner, request)
    of_call = await remembering.wanted(terms.owner, request, large=large)
    found = await store.look_back(*of_session, *of_call) if of_session or of_call else ()
    return await remembering.add(store, request, asking_back.add(terms, found, now), now, of_call, found)


async def _stored(shell: Shell, opened: machine.Step, beside: Sequence[Record]) -> model.Ticket | None:
    """Store it, together with the end of the one it takes the place of. Where it was asked before, that one."""
    ticket = opened.ticket
    entry = events.Opened(
        at=ticket.created_at,
        by=ticket.owner,
        digest=ticket.digest,
        ruled=ticket.ruled,
        settings=shell.setup.digest,
    )
    for _ in range(_TRIES):
        try:
            ends = await together.closing(shell.store, ticket)
            if replaced := await _replaced(shell, ticket):
                ends = [replaced, *await together.closing(shell.store, replaced[0].ticket), *ends]
            if ends:
                await shell.store.commit_together([(opened, entry), *ends], beside)
            else:
                await shell.store.commit(opened, entry, beside)
            shell.watched.committed(ticket, entry, decides=ticket.decision is not None)
        except errors.Conflict:
            try:
                return await _same_again(shell.store, ticket)
            except errors.NotFound:
                # it was the older one that changed meanwhile
                continue
        return None
    raise errors.StoreUnavailable(f"request {ticket.request.supersedes} changes too fast", hint="try again")


async def _replaced(shell: Shell, newer: model.Ticket) -> Commit | None:
    """The end of the request that a newer one takes the place of; None where there is nothing to end."""
    id = newer.request.supersedes
    if id is None:
        return None
    try:
        older = await shell.get(id, setups.Caller(owner=newer.owner))
    except errors.NotFound as error:
        hint = "nothing was asked; leave supersedes out, or name a request of yours"
        raise errors.NotFound(
            f"there is no request {id} to take the place of", field="supersedes", hint=hint
        ) from error
    event = events.Superseded(at=shell.clock.now(), by=newer.id)
    if machine.first(older, event) is not event:
        older = await shell.let_time_act(id)
    step = machine.step(older, event)
    return (step, event) if step.ticket.version > older.version else None


async def _same_again(records: Store, wanted: model.Ticket) -> model.Ticket:
    found = await records.load(wanted.id)
    if found.owner == wanted.owner and requests.alike(found.request, wanted.request):
        return machine.read(found, wanted.created_at)
    if found.owner == wanted.owner and found.erased_at is not None:
        # whether it was the same cannot be told any more
        said = f"what was asked under the id {wanted.id!r} was erased since"
        raise errors.AlreadyExists(said, field="id", hint="nothing of it may run; ask anew under another id")
    hint = "choose another id; the same id may only be used to ask the same again"
    raise errors.AlreadyExists(f"the id {wanted.id!r} belongs to another request", field="id", hint=hint)


@contextlib.asynccontextmanager
async def _within_limits(shell: Shell, known: _Known, caller: setups.Caller) -> AsyncGenerator[None]:
    limits = shell.setup.limits
    if await known.is_there():
        yield
        return
    async with contextlib.AsyncExitStack() as room:
        if limits.pending is not None:
            waiting = Query(state="pending", owner=caller.owner, limit=limits.pending)
            count = functools.partial(shell.store.count, waiting)
            await room.enter_async_context(shell.room.one(caller.owner, limits.pending, count))
        if limits.per_minute is not None:
            shell.pace.take(caller.owner, limits.per_minute, shell.clock.now())
        yield
