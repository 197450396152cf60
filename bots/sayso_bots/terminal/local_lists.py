"""What was asked, read from a database of this machine.

The rule: the desk with its rules and settings comes only if one of them matters, since they are most of the time that
a list takes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sayso import clock, errors, model
from sayso.cards import tokens
from sayso.desk import token_secret
from sayso.desk.answering import searching
from sayso.machine import people
from sayso.stores import Store
from sayso_bots.service import database, masking
from sayso_bots.settings import environment, tables
from sayso_bots.terminal import here, output

if TYPE_CHECKING:
    from sayso_bots.terminal import local_desk


class LocalLists(here.Here):
    """The requests in a database of this machine. Whoever may read that file is trusted with it."""

    def __init__(self, store: Store, mint: tokens.TokenMaker, given: environment.Environment, known: bool) -> None:
        """*known*: whether the settings are right, as far as was looked."""
        super().__init__(mint, people.Directory())
        self.store = store
        self._given = given
        self._known = known

    async def search(
        self, wanted: Mapping[str, str], limit: int = 50, before: str | None = None
    ) -> tuple[Sequence[model.Ticket], str | None]:
        """A page of what fits, newest first, and the *before* of the next one."""
        if "whose" in wanted:
            return await (await self._desk()).search(wanted, limit, before)
        if self._known and await self.store.due(clock.SystemClock().now()):
            try:
                return await (await self._desk()).search(wanted, limit, before)
            except errors.InvalidSettings as error:
                output.say_refused(error)
                self._known = False
        last = await self.store.load(before) if before else None
        after = (last.created_at, last.id) if last else None
        found = await searching.among_all(self.store, self.mint, searching.read(wanted), limit, after)
        return found.tickets, found.last.id if found.last else None

    async def _desk(self) -> local_desk.LocalDesk:
        from sayso_bots.settings import toml
        from sayso_bots.terminal import local_desk

        return await local_desk.over(self.store, self._given, toml.load(self._given.config))

    def changes(self) -> AsyncIterator[None]:
        """Yield at once, and then when the log may have grown."""
        return self.store.changes()


@contextlib.asynccontextmanager
async def connect(given: environment.Environment) -> AsyncGenerator[LocalLists]:
    """The requests in the database that the environment names. Raises as `database.connect`."""
    plain, known = False, True
    try:
        plain = _shows_secrets(given.config)
    except errors.InvalidSettings as error:
        output.say_refused(error)
        known = False
    async with database.connect(given, by_url=True) as store:
        mint = dataclasses.replace(await token_secret.mint(store), find=masking.load(), plain=plain)
        yield LocalLists(store, mint, given, known)


def _shows_secrets(config: Path | None) -> bool:
    if "secrets" not in tables.read(config):
        return False
    from sayso_bots.settings import toml

    return toml.load(config).secrets.show == "plain"
