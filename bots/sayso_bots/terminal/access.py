"""How a command reaches the requests: through the service at `SAYSO_URL`, or in the database here."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import sayso
from sayso import errors, model
from sayso.cards import masked
from sayso.content import text
from sayso.desk import asker
from sayso.machine import people
from sayso_bots.settings import environment
from sayso_bots.terminal import here, local_lists

if TYPE_CHECKING:
    from sayso import stats
    from sayso.desk.admission import granting
    from sayso.desk.answering import overview
    from sayso.machine import events


class Lists(Protocol):
    """What was asked, embedded or behind a service."""

    async def search(
        self, wanted: Mapping[str, str], limit: int = 50, before: str | None = None
    ) -> tuple[Sequence[model.Ticket], str | None]:
        """A page of what fits, newest first, and the *before* of the next one."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yield at once, and then when something may have happened."""
        ...


class LogRow(Protocol):
    """One row of a log, from the store or over the wire."""

    @property
    def entry(self) -> events.Entry:
        """What happened."""
        ...


class CommandDesk(Lists, asker.Asker, asker.Answerer, Protocol):
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


def shown(desk: Lists, ticket: model.Ticket) -> model.Ticket:
    """A request as people see it at this terminal: with its secrets masked."""
    return masked.of(ticket, desk.mint) if isinstance(desk, here.Here) else masked.over_wire(ticket)


def shown_entry(desk: CommandDesk, entry: events.Entry) -> events.Entry:
    """A row of a log as people see it at this terminal."""
    return masked.entry_of(entry, desk.mint) if isinstance(desk, here.Here) else masked.entry_over_wire(entry)


def directory_of(desk: CommandDesk) -> people.Directory:
    """Who is known here; over the wire nobody, since the settings are the service's."""
    return desk.directory if isinstance(desk, here.Here) else people.Directory()


@contextlib.asynccontextmanager
async def connect(
    given: environment.Environment, *, create: bool = False, any_settings: bool = False
) -> AsyncGenerator[CommandDesk]:
    """Connect to the desk that the environment names. Raises as `database.connect`.

    With *any_settings* also where sayso.toml is refused, for what must work while somebody is changing it.
    """
    if given.url:
        async with connect_to_service(given.url, given.key) as remote:
            yield remote
        return
    # the desk with its rules and settings, which whoever reaches a service does not need
    from sayso_bots.terminal import local_desk

    async with local_desk.connect(given, create=create, any_settings=any_settings) as local:
        yield local


@contextlib.asynccontextmanager
async def connect_to_lists(given: environment.Environment) -> AsyncGenerator[Lists]:
    """As `connect`, for whoever only reads what was asked."""
    if given.url:
        async with connect_to_service(given.url, given.key) as remote:
            yield remote
        return
    async with local_lists.connect(given) as local:
        yield local


async def find(desk: CommandDesk, id: str) -> model.Ticket:
    """The request with this id, or the only one whose id begins so.

    Raises:
        NotFound: no request has it.
        InvalidRequest: several ids begin so.
    """
    try:
        return await desk.get(id)
    except errors.NotFound as error:
        # half a character begins none, and neither database nor address takes it
        found = await desk.list(prefix=id, limit=3) if text.is_whole(id) else ()
        if len(found) > 1:
            names = ", ".join(ticket.id for ticket in found)
            raise errors.InvalidRequest(f"several ids begin with {id!r}: {names}", hint="write more of it") from error
        if not found:
            hint = "see: sayso list"
            if isinstance(desk, here.Here) and desk.file:
                hint += f"; this looked in {desk.file}"
            raise errors.NotFound(error.message, hint=hint) from error
        return await desk.get(found[0].id)


@contextlib.asynccontextmanager
async def connect_to_service(url: str, key: str | None) -> AsyncGenerator[CommandDesk]:
    """Connect to a service. Raises `InvalidSettings`."""
    async with sayso.open(url, key=key) as remote:
        # what stands behind an address can do more than ask
        yield cast(CommandDesk, remote)
