"""The database of a run, and the view that each copy of the service has of it: slow, cut off, or without an answer.

The rule: an answer comes after what it tells is durable, and nothing is durable before it is there whole. A copy that
dies meanwhile never learns which of the two it was.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sayso import errors, machine, model
from sayso.cards import batch_tokens, card
from sayso.machine import events
from sayso.stores import Store, memory, memory_lists, outbox, takers, watch
from sayso.stores.protocol import Commit, Durability, Query, Record
from tests.simulation.loop import PROCESS, SENT_BY, Process
from tests.simulation.world import World

if TYPE_CHECKING:
    from contextvars import Context


# What changes something.
_WRITES = (
    "commit", "commit_together", "append", "postpone", "check", "take", "done", "retry", "put_off", "renew",
    "add_card", "settle", "remove_card", "put", "remove", "add_seal", "erase", "forget", "expire",
)  # fmt: skip
# What a view does itself.
_OWN = ("awaited", "changed", "close")
# How long a copy goes without looking, if it heard nothing; see the stores.
_POLL = 5.0


class Disk(memory.MemoryStore):
    """What all copies share. Each of its methods is one transaction, and takes no time."""

    durability = Durability("simulation", "", "what is acknowledged is kept", safe=True)

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.views = list[View]()
        self.looking = list[Callable[[model.Ticket | None, machine.Step, events.Entry], None]]()
        """Who looks at each commit before it is stored."""
        self._watch = cast(watch.Watch, self)
        self._takers = cast(takers.Takers, self)

    def tell(self, ticket_id: str, version: int, work: Collection[str] = ()) -> None:
        """Tell the copies: whoever wrote it knows at once, the others a moment later, or not at all.

        The work that follows from it is told to the others only if the writer does not take it on itself.
        """
        # a set of words has another order in each process that plays the run
        work = sorted(work)
        writer = PROCESS.get() or SENT_BY.get()
        mine = any(view.process is writer for view in self.views)
        for view in self.views:
            if view.process is writer:
                view.watch.tell(ticket_id, version, work)
            elif not self.world.troubled("news"):
                delay = self.world.chance.choice((0.0, 0.001, 0.02, 0.3))
                told = functools.partial(view.watch.tell, ticket_id, version, () if mine else work)
                self.world.later(delay, told, view.context)

    def lease(self, channel: str) -> tuple[outbox.Taker, datetime] | None:
        """Lend an effect to the copy that writes it."""
        writer = PROCESS.get() or SENT_BY.get()
        found = (view.takers.lease(channel) for view in self.views if view.process is writer)
        return next(filter(None, found), None)

    async def load(self, id: str) -> model.Ticket:
        """See `Store.load`: what was stored is written and read back then, once for all who load it."""
        if id not in self._tickets:
            raise errors.NotFound(f"there is no request {id}")
        return self._tickets[id]

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        """See `Store.list`."""
        return memory_lists.page(query, self._tickets.values())

    async def commit_together(self, commits: Sequence[Commit], beside: Sequence[Record] = ()) -> None:
        """Store them, once whoever looks has seen them."""
        before = {step.ticket.id: self._tickets.get(step.ticket.id) for step, _ in commits}
        await super().commit_together(commits, beside)
        for step, entry in commits:
            for look in self.looking:
                look(before[step.ticket.id], step, entry)

    def shown_on(self, drawn: card.Card) -> tuple[str, ...]:
        """The requests that stand on a card."""
        ref = batch_tokens.ref_of(drawn.ticket_id)
        if ref is None:
            return (drawn.ticket_id,)
        found = self._records.get(("batch", ref))
        return tuple(found.value["tickets"]) if found else ()

    def copied(self) -> dict[str, Any]:
        """All that is stored, as of now."""
        tickets = ("_tickets", "_documents", "_by_ref", "_postponed")
        names = (*tickets, "_outbox", "_cards", "_records", "_rows", "_heads", "_seals")
        return {name: _copy(getattr(self, name)) for name in names}

    def put_back(self, copy: dict[str, Any]) -> None:
        """Be as at that moment again."""
        for name, value in copy.items():
            setattr(self, name, _copy(value))


def _copy(value: Any) -> Any:
    import copy

    return copy.copy(value) if isinstance(value, list) else {key: copy.copy(one) for key, one in value.items()}


class View:
    """The database as one copy of the service reaches it: a `Store`."""

    durability = Disk.durability

    def __init__(self, disk: Disk, process: Process, context: Context) -> None:
        self.process = process
        self.context = context
        self._disk = disk
        self._world = disk.world
        self.watch = watch.Watch(self._tail, _POLL, len(disk._rows))
        self.takers = takers.Takers()
        disk.views.append(self)

    @property
    def waiting(self) -> int:
        """See `Store.waiting`."""
        return self.watch.waiting

    async def awaited(self, id: str, after: int | None = None) -> machine.Awaited:
        """See `Store.awaited`."""
        if after is not None:
            await self.changed(id, after)
        return machine.Awaited.model_validate(await cast(Store, self).load(id), from_attributes=True)

    async def changed(self, id: str, version: int) -> None:
        """See `Store.changed`."""
        await self.watch.wait_for_newer(id, version, self._version)

    def changes(self) -> AsyncIterator[None]:
        """See `Store.changes`."""
        return self.watch.stream()

    def work(self, what: str) -> AsyncIterator[None]:
        """See `Store.work`."""
        return self.watch.stream(what)

    def taking(self, channel: str, taker: outbox.Taker) -> AbstractAsyncContextManager[None]:
        """See `Store.taking`."""
        return self.takers.taking(channel, _There(taker, self))

    async def close(self) -> None:
        """See `Store.close`."""
        self.watch.close()
        self.leave()

    def leave(self) -> None:
        """Hear nothing more."""
        if self in self._disk.views:
            self._disk.views.remove(self)

    async def _version(self, id: str) -> int:
        return (await cast(Store, self).load(id)).version

    async def _tail(self, number: int) -> Sequence[tuple[int, str, int]]:
        rows = await cast(Store, self).chained(number)
        return [(row.number, row.ticket_id, row.version) for row in rows]

    async def call(self, name: str, args: tuple[Any, ...], more: dict[str, Any]) -> Any:
        """Have the database do something."""
        chance, writes = self._world.chance, name in _WRITES
        delay = chance.choice((0.0, 0.0, 0.0005, 0.003))
        back = chance.choice((0.0, 0.0, 0.001)) if writes else 0.0
        lost = False
        if self._world.troubled("store"):
            kind = chance.choice(("away", "lost", "slow", "slow"))
            if kind == "away":
                await self._world.remote(lambda: None, delay, 0.0, sent=False)
                raise errors.StoreUnavailable("the database is away")
            delay, lost = chance.uniform(0.1, 2.0), kind == "lost"
        act = functools.partial(_at_once, getattr(self._disk, name), args, more)
        # a thread or a server that has its order carries it out, whoever waits for it
        made = await self._world.remote(act, delay, back, sent=writes and chance.random() < 0.4)
        if lost:
            self._world.say("store lost", name)
            raise errors.StoreUnavailable("the answer of the database was lost", unsure=writes)
        return made


@dataclass
class _There:
    """A taker in its copy, which hears of a job only if it is still there."""

    taker: outbox.Taker
    view: View

    def lease(self) -> datetime | None:
        """See `Taker.lease`."""
        return self.view.context.copy().run(self.taker.lease)

    def receive(self, job: outbox.Job) -> None:
        """See `Taker.receive`."""
        self.view._world.later(0.0, functools.partial(self.taker.receive, job), self.view.context)


def _at_once(method: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...], more: dict[str, Any]) -> Any:
    running = method(*args, **more)
    try:
        running.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("the database waited for something")


def _through(name: str) -> Callable[..., Any]:
    async def act(self: View, *args: Any, **more: Any) -> Any:
        return await self.call(name, args, more)

    return act


for _name, _method in inspect.getmembers(memory.MemoryStore, inspect.iscoroutinefunction):
    if not _name.startswith("_") and _name not in _OWN:
        setattr(View, _name, _through(_name))
