"""How a command reaches the requests: through the service at `SAYSO_URL`, or in the database here."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import sayso
from sayso import errors, model
from sayso.cards import masked
from sayso.desk import Desk, asker, callers, token_secret
from sayso.desk.admission import granting
from sayso.desk.answering import attending, overview, passing_on, revealing, searching
from sayso.desk.upkeep import stopping, stops
from sayso.machine import events, people
from sayso.stores import Query
from sayso_bots.service import database, masking, signing
from sayso_bots.settings import environment, on_call, toml

if TYPE_CHECKING:
    from sayso import stats


class LogRow(Protocol):
    """One row of a log, from the store or over the wire."""

    @property
    def entry(self) -> events.Entry:
        """What happened."""
        ...


class CommandDesk(asker.Asker, asker.Answerer, Protocol):
    """What the commands need, embedded or behind a service."""

    async def answer(self, id: str, answer: model.Answer, *, shown: Collection[str] = ()) -> model.Ticket:
        """Answer in the name of that person; *shown* are those that they saw together, where all or none is allowed."""
        ...

    async def list(
        self,
        *,
        state: model.State | None = None,
        session: str | None = None,
        limit: int = 50,
        prefix: str | None = None,
    ) -> Sequence[model.Ticket]:
        """Requests, newest first; *prefix* is how the id begins."""
        ...

    async def search(
        self, wanted: Mapping[str, str], limit: int = 50, before: str | None = None
    ) -> tuple[Sequence[model.Ticket], str | None]:
        """A page of what fits, newest first, and the *before* of the next one."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yield at once, and then when something may have happened."""
        ...

    async def pass_on(self, id: str, to: str) -> model.Ticket:
        """Ask another person of the settings to answer."""
        ...

    async def claim(self, id: str) -> model.Ticket:
        """Take a request on."""
        ...

    async def snooze(self, id: str, seconds: float) -> model.Ticket:
        """Put a request off for oneself."""
        ...

    async def log(self, id: str) -> Sequence[LogRow]:
        """All that happened to a request, oldest first."""
        ...

    async def reveal(self, id: str) -> model.Ticket:
        """Read a request with its secrets, which is put on record."""
        ...

    async def stop(self, agent: str | None = None, reason: str | None = None) -> Sequence[model.Stop]:
        """Stop everything, or one agent; returns all stops."""
        ...

    async def resume(self, agent: str | None = None) -> Sequence[model.Stop]:
        """Lift the stop of everything, or of one agent; returns the others."""
        ...

    async def stops(self) -> Sequence[model.Stop]:
        """What is stopped."""
        ...

    async def grants(self) -> Sequence[granting.Grant]:
        """What people allowed for a while."""
        ...

    async def end_grant(self, id: str) -> Sequence[granting.Grant]:
        """End a grant; returns those that are left."""
        ...

    async def people(self, page: int = 0) -> overview.People:
        """A page of people, and all groups."""
        ...

    async def policies(self) -> overview.Policies:
        """All policies and rules."""
        ...

    async def stats(self, days: float) -> stats.Figures:
        """The numbers of the last *days*, for operators."""
        ...


class LocalDesk(callers.CallersDesk):
    """The desk over a database of this machine. Whoever may write that file is trusted with it."""

    def __init__(self, desk: Desk, actor: people.Actor, file: Path | None = None) -> None:
        super().__init__(desk)
        self.actor = actor
        self.file = file

    async def get(self, id: str) -> model.Ticket:
        """Load a request with its present state."""
        await super().get(id)
        # no service may be running to let time act on it
        return await self.desk.let_time_act(id)

    async def list(
        self,
        *,
        state: model.State | None = None,
        session: str | None = None,
        limit: int = 50,
        prefix: str | None = None,
    ) -> Sequence[model.Ticket]:
        """Requests, newest first; *prefix* is how the id begins."""
        await self._let_time_act()
        found: list[model.Ticket]
        found, query = [], Query(state=state, session=session, limit=limit, prefix=prefix)
        # a page of large ones is shorter than was asked for
        while len(found) < limit and (some := await self.desk.store.list(query)):
            found += some
            query = dataclasses.replace(query, limit=limit - len(found), before=(some[-1].created_at, some[-1].id))
        return found

    async def search(
        self, wanted: Mapping[str, str], limit: int = 50, before: str | None = None
    ) -> tuple[Sequence[model.Ticket], str | None]:
        """A page of what fits, newest first, and the *before* of the next one."""
        await self._let_time_act()
        last = await self.desk.get(before) if before else None
        after = (last.created_at, last.id) if last else None
        found = await searching.run(self.desk, searching.read(wanted), limit, after, actor=self.actor)
        return found.tickets, found.last.id if found.last else None

    def changes(self) -> AsyncIterator[None]:
        """Yield at once, and then when the log may have grown."""
        return self.desk.store.changes()

    async def _let_time_act(self) -> None:
        # no service may be running to do so
        while due := await self.desk.store.due(self.desk.clock.now()):
            for id in due:
                await self.desk.let_time_act(id)

    async def answer(self, id: str, answer: model.Answer, *, shown: Collection[str] = ()) -> model.Ticket:
        """Answer as the person at this terminal."""
        return await self.desk.answer(id, answer, self.actor, shown=shown)

    async def pass_on(self, id: str, to: str) -> model.Ticket:
        """Ask somebody else, as the person at this terminal."""
        return await passing_on.pass_on(self.desk, id, to, self.actor)

    async def claim(self, id: str) -> model.Ticket:
        """Take it on, as the person at this terminal."""
        return await attending.claim(self.desk, id, self.actor)

    async def snooze(self, id: str, seconds: float) -> model.Ticket:
        """Put it off for the person at this terminal."""
        return await attending.snooze(self.desk, id, seconds, self.actor)

    async def reveal(self, id: str) -> model.Ticket:
        """Read a request with its secrets, which is put on record."""
        ticket = await self.desk.store.load(id)
        # whoever can read the database needs no permission of ours
        await revealing.note(self.desk, ticket, self.desk.setup.directory.identify(self.actor))
        return ticket

    async def log(self, id: str) -> Sequence[LogRow]:
        """All that happened to a request, oldest first."""
        return await self.desk.store.log(id)

    async def stop(self, agent: str | None = None, reason: str | None = None) -> Sequence[model.Stop]:
        """Stop as whoever is at this terminal."""
        await stopping.stop(self.desk, self._who, agent, reason)
        return await self.stops()

    async def resume(self, agent: str | None = None) -> Sequence[model.Stop]:
        """Lift a stop as whoever is at this terminal."""
        await stopping.resume(self.desk, self._who, agent)
        return await self.stops()

    async def stops(self) -> Sequence[model.Stop]:
        """What is stopped."""
        return (await stops.standing(self.desk.store)).all

    @property
    def _who(self) -> stopping.Who:
        # whoever can write the database needs no permission of ours
        person = self.desk.setup.directory.identify(self.actor)
        return stopping.Who(person.id, person.name, person.account)

    async def grants(self) -> Sequence[granting.Grant]:
        """What people allowed for a while."""
        return await granting.listed(self.desk.store, self.desk.clock.now())

    async def end_grant(self, id: str) -> Sequence[granting.Grant]:
        """End a grant as whoever is at this terminal."""
        await granting.end(self.desk.store, id, self._who.id, self.desk.clock.now())
        return await self.grants()

    async def people(self, page: int = 0) -> overview.People:
        """A page of people, and all groups."""
        return await overview.of_people(self.desk, page)

    async def policies(self) -> overview.Policies:
        """All policies and rules."""
        return await overview.of_policies(self.desk)

    async def stats(self, days: float) -> stats.Figures:
        """The numbers of the last *days*."""
        return await self.desk.numbers.of_last(days)


def shown(desk: CommandDesk, ticket: model.Ticket) -> model.Ticket:
    """A request as people see it at this terminal: with its secrets masked."""
    return masked.of(ticket, desk.desk.mint) if isinstance(desk, LocalDesk) else masked.over_wire(ticket)


def shown_entry(desk: CommandDesk, entry: events.Entry) -> events.Entry:
    """A row of a log as people see it at this terminal."""
    return masked.entry_of(entry, desk.desk.mint) if isinstance(desk, LocalDesk) else masked.entry_over_wire(entry)


def directory_of(desk: CommandDesk) -> people.Directory:
    """Who is known here; over the wire nobody, since the settings are the service's."""
    return desk.desk.setup.directory if isinstance(desk, LocalDesk) else people.Directory()


@contextlib.asynccontextmanager
async def connect(given: environment.Environment, *, create: bool = False) -> AsyncGenerator[CommandDesk]:
    """Connect to the desk that the environment names. Raises as `database.connect`."""
    if given.url:
        async with connect_to_service(given.url, given.key) as remote:
            yield remote
        return
    chosen = toml.load(given.config)
    setup = dataclasses.replace(toml.setup(chosen), rotas=on_call.open_rotas(given, chosen))
    async with database.connect(given, create=create) as store:
        desk = Desk(store, masking.equip(await token_secret.mint(store), chosen), setup)
        signing.equip(desk, given)
        yield LocalDesk(desk, people.local(getpass.getuser()), database.file_of(given.database))


async def find(desk: CommandDesk, id: str) -> model.Ticket:
    """The request with this id, or the only one whose id begins so.

    Raises:
        NotFound: no request has it.
        InvalidRequest: several ids begin so.
    """
    try:
        return await desk.get(id)
    except errors.NotFound as error:
        found = await desk.list(prefix=id, limit=3)
        if len(found) > 1:
            names = ", ".join(ticket.id for ticket in found)
            raise errors.InvalidRequest(f"several ids begin with {id!r}: {names}", hint="write more of it") from error
        if not found:
            hint = "see: sayso list"
            if isinstance(desk, LocalDesk) and desk.file:
                hint += f"; this looked in {desk.file}"
            raise errors.NotFound(error.message, hint=hint) from error
        return await desk.get(found[0].id)


@contextlib.asynccontextmanager
async def connect_to_service(url: str, key: str | None) -> AsyncGenerator[CommandDesk]:
    """Connect to a service. Raises `InvalidSettings`."""
    async with sayso.open(url, key=key) as remote:
        # what stands behind an address can do more than ask
        yield cast(CommandDesk, remote)
