"""The messages that became answers, so that a change or a deletion of one can change the answer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sayso import errors, model
from sayso.cards import card, telling
from sayso.chat import talk
from sayso.desk import Desk
from sayso.machine import people
from sayso.stores import Record, record_kinds

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
    text: str = ""
    """What was read last in it, for a chat that also reports changes which do not concern the text."""
    line: str = ""
    """The message with which the app said so."""
    told_late: bool = False
    """Whether its writer was told that a change counts no more: once is enough."""


class Taken:
    """The messages of one channel that became answers."""

    def __init__(self, desk: Desk, channel: str) -> None:
        self._desk = desk
        self._kind, self._last_kind = record_kinds.words(channel), f"{channel}-taken-last"

    async def find(self, conversation: str, message: str) -> Counted | None:
        """What a message answered."""
        return await self._read(_name(conversation, message))

    async def find_last(self, ticket: model.Ticket) -> Counted | None:
        """The last message that was taken as the answer to a request."""
        found = await self._desk.store.get(self._last_kind, ticket.id)
        return await self._read(str(found.value["message"])) if found else None

    async def find_recent(self) -> Sequence[Counted]:
        """What was taken in the last minutes; what nobody can correct any more is forgotten."""
        found, at = list[Record](), self._desk.clock.now()
        for record in await self._desk.store.scan(self._kind):
            until = record.expires_at or at
            if until <= at:
                await self._desk.store.remove(self._kind, record.name)
                await self._desk.store.remove(self._last_kind, str(record.value["ticket"]))
            elif until > at + _KEPT - _RECENT:
                found.append(record)
        newest = sorted(found, key=lambda record: record.expires_at or at)[-_MOST_RECENT:]
        return [Counted(**record.value) for record in newest]

    async def remember(self, counted: Counted) -> None:
        """Know that a message was taken as an answer, for as long as people may correct it."""
        name, until = _name(counted.conversation, counted.message), self._desk.clock.now() + _KEPT
        await self._put(self._kind, name, asdict(counted), until)
        await self._put(self._last_kind, counted.ticket, {"message": name}, until)

    async def take_back(self, conversation: str, message: str) -> model.Ticket | None:
        """Take back what a message answered, while the agent has not been told. Raises as `Desk.take_back`."""
        counted = await self.find(conversation, message)
        if counted is None:
            return None
        ticket = await self._desk.get(counted.ticket)
        if ticket.decision is not None or is_free(ticket, counted):
            return None
        return await self._desk.take_back(ticket.id, people.Actor(counted.account))

    async def _read(self, name: str) -> Counted | None:
        found = await self._desk.store.get(self._kind, name)
        return Counted(**found.value) if found else None

    async def _put(self, kind: str, name: str, value: dict[str, Any], until: datetime) -> None:
        found = await self._desk.store.get(kind, name)
        # the message was delivered twice
        with contextlib.suppress(errors.Conflict):
            await self._desk.store.put(Record(kind, name, value, until, found.version if found else 0))


def is_free(ticket: model.Ticket, counted: Counted) -> bool:
    """Whether these words were taken back, so that another answer is wanted."""
    return ticket.decision is None and (ticket.taken is None or ticket.taken.given.via != counted.account)


def late_change(ticket: model.Ticket, counted: Counted) -> card.Line:
    """Why a change counts no more: the first text counted, or it was taken back and another answer came."""
    decision = ticket.decision
    if decision is None or any(one.via == counted.account for one in decision.by):
        return telling.line(talk.FIRST_COUNTED)
    return telling.refusal(errors.AlreadyDecided(ticket), counted.account)


def _name(conversation: str, message: str) -> str:
    # some platforms count messages anew in each conversation
    return f"{conversation}/{message}"
