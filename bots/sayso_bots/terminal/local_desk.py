"""The desk over a database of this machine, for whoever may write it."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sayso import errors, model
from sayso.cards import naming
from sayso.desk import Desk, callers, timekeeper, token_secret
from sayso.desk.admission import granting, learning
from sayso.desk.answering import attending, overview, passing_on, revealing, searching
from sayso.desk.upkeep import stopping, stops
from sayso.machine import people
from sayso.stores import Query, Row, Store, whole_log
from sayso_bots.service import database, masking, signing
from sayso_bots.settings import environment, on_call, reach, schema, toml
from sayso_bots.terminal import here, output

if TYPE_CHECKING:
    from sayso import stats


class LocalDesk(callers.CallersDesk, here.Here):
    """The desk over a database of this machine. Whoever may write that file is trusted with it."""

    def __init__(self, desk: Desk, actor: people.Actor, file: Path | None = None, *, known: bool = True) -> None:
        """*known*: whether the settings are; without them time does not act, since it may ask more people."""
        super().__init__(desk)
        here.Here.__init__(self, desk.mint, desk.setup.directory, file)
        self.actor = actor
        self._known = known

    async def get(self, id: str) -> model.Ticket:
        """Load a request with its present state."""
        found = await super().get(id)
        # no service may be running to let time act on it
        return await self.desk.let_time_act(id) if self._known else found

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
        if self._known:
            await timekeeper.act(self.desk, self.desk.store, self.desk.clock)

    async def open(self, request: model.Request) -> model.Ticket:
        """Ask without waiting. What people accepted as a rule counts as it does in a running service."""
        await learning.learn(self.desk)
        # here nobody knows to which chats a service will be connected, only to which it can be
        reach.check_chats(request.route)
        return await super().open(request)

    async def answer(self, id: str, answer: model.Answer, *, shown: Collection[str] = ()) -> model.Ticket:
        """Answer as the person at this terminal."""
        actor = await self._acting(id)
        try:
            return await self.desk.answer(id, answer, actor, shown=shown)
        except errors.NotAllowed as error:
            _, _, user = actor.account.partition(":")
            if actor.person is None and self.directory.owner(actor.account) is None:
                error.hint = f'the settings name nobody at this terminal; in your [people.NAME]: terminal = "{user}"'
            raise

    async def _acting(self, id: str) -> people.Actor:
        """Whoever is here. If the settings name nobody, that is the owner whom the service asks about rules."""
        setup = self.desk.setup
        if setup.directory.people or not setup.stoppers or not naming.suggests(await self.desk.store.load(id)):
            return self.actor
        return dataclasses.replace(self.actor, person=setup.stoppers[0])

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

    async def log(self, id: str) -> Sequence[Row]:
        """All that happened to a request, oldest first."""
        return [row async for row in whole_log(self.desk.store, id)]

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


@contextlib.asynccontextmanager
async def connect(
    given: environment.Environment, *, create: bool = False, any_settings: bool = False
) -> AsyncGenerator[LocalDesk]:
    """The desk over the database that the environment names. Raises as `database.connect`."""
    chosen = _load(given, any_settings)
    async with database.connect(given, create=create, by_url=True) as store:
        yield await over(store, given, chosen)


def _load(given: environment.Environment, any_settings: bool) -> schema.Settings | None:
    """The settings; None where they are refused and none are needed, which is said."""
    try:
        chosen = toml.load(given.config)
        toml.setup(chosen)
    except errors.InvalidSettings as error:
        if not any_settings:
            raise
        output.say_refused(error)
        return None
    return chosen


async def over(store: Store, given: environment.Environment, settings: schema.Settings | None) -> LocalDesk:
    """The desk over a database that is open; without settings for what needs none."""
    chosen = settings or schema.Settings()
    setup = dataclasses.replace(toml.setup(chosen), rotas=on_call.open_rotas(given, chosen))
    desk = Desk(store, masking.equip(await token_secret.mint(store), chosen), setup)
    signing.equip(desk, given)
    file = database.file_of(given.database)
    return LocalDesk(desk, people.local(getpass.getuser()), file, known=settings is not None)
