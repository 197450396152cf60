"""The messages that became answers, so that a change or a deletion of one can change the answer."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import discord

from sayso import errors, model
from sayso.desk import Desk
from sayso.machine import people
from sayso.stores import Record
from sayso_discord.settings import NAME

_KIND, _LAST_KIND = f"{NAME}-words", f"{NAME}-last-words"
# People correct what they wrote soon, or not at all.
_KEPT = timedelta(days=1)
_RECENT = timedelta(minutes=10)
_MOST_RECENT = 50


@dataclass(frozen=True, slots=True)
class Counted:
    """A message that was taken as an answer, and the account that wrote it."""

    ticket: str
    account: str
    conversation: str
    message: str
    text: str
    """What was read last in it: Discord also reports changes that do not concern the text."""
    line: str = ""
    """The message with which the app said so."""
    told_late: bool = False
    """Whether its writer was told that a change counts no more: once is enough."""


class Taken:
    """The messages that became answers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def find(self, message: str) -> Counted | None:
        """What a message answered."""
        found = await self._desk.store.get(_KIND, message)
        return Counted(**found.value) if found else None

    async def find_last(self, ticket: model.Ticket) -> Counted | None:
        """The last message that was taken as the answer to a request."""
        found = await self._desk.store.get(_LAST_KIND, ticket.id)
        return await self.find(str(found.value["message"])) if found else None

    async def find_recent(self, at: datetime) -> list[Counted]:
        """What was taken in the last minutes; what nobody can correct any more is forgotten."""
        found = list[Counted]()
        for record in await self._desk.store.scan(_KIND):
            if record.expires_at is not None and record.expires_at <= at:
                await self._desk.store.remove(_KIND, record.name)
                await self._desk.store.remove(_LAST_KIND, str(record.value["ticket"]))
            elif at - discord.utils.snowflake_time(int(record.name)) < _RECENT:
                found.append(Counted(**record.value))
        return found[-_MOST_RECENT:]

    async def remember(self, counted: Counted) -> None:
        """Know that a message was taken as an answer, for as long as people may correct it."""
        until = self._desk.clock.now() + _KEPT
        await self._put(_KIND, counted.message, asdict(counted), until)
        await self._put(_LAST_KIND, counted.ticket, {"message": counted.message}, until)

    async def _put(self, kind: str, name: str, value: dict[str, Any], until: datetime) -> None:
        found = await self._desk.store.get(kind, name)
        # the message was delivered twice
        with contextlib.suppress(errors.Conflict):
            await self._desk.store.put(Record(kind, name, value, until, found.version if found else 0))

    async def take_back(self, message: str) -> model.Ticket | None:
        """Take back what a message answered, while the agent has not been told. Raises as `Desk.take_back`."""
        counted = await self.find(message)
        if counted is None:
            return None
        ticket = await self._desk.get(counted.ticket)
        if ticket.decision is not None or is_free(ticket, counted):
            return None
        return await self._desk.take_back(ticket.id, people.Actor(counted.account))


def is_free(ticket: model.Ticket, counted: Counted) -> bool:
    """Whether these words were taken back, so that another answer is wanted."""
    return ticket.decision is None and (ticket.taken is None or ticket.taken.given.via != counted.account)
