"""The messages that became answers, so that a change or a deletion of one can change the answer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from sayso import errors, model
from sayso.desk import Desk
from sayso.machine import people
from sayso.stores import Record
from sayso_slack.settings import NAME

_KIND = f"{NAME}-words"
# People correct what they wrote soon, or not at all.
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """A message that was taken as an answer, and the account that wrote it."""

    ticket: str
    account: str


class Taken:
    """The messages that became answers, by channel and message."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def find(self, message: str) -> Counted | None:
        """What a message answered."""
        found = await self._desk.store.get(_KIND, message)
        return Counted(str(found.value["ticket"]), str(found.value["account"])) if found else None

    async def remember(self, message: str, ticket: model.Ticket, actor: people.Actor) -> None:
        """Know that a message was taken as the answer to a request."""
        value = {"ticket": ticket.id, "account": actor.account, "message": message}
        found = await self._desk.store.get(_KIND, _last_of(ticket.id))
        for name, version in ((message, 0), (_last_of(ticket.id), found.version if found else 0)):
            # the message was delivered twice
            with contextlib.suppress(errors.Conflict):
                await self._desk.store.put(Record(_KIND, name, value, ticket.expires_at + _KEPT, version))

    async def find_last(self, ticket_id: str) -> str | None:
        """The message that was taken last as the answer to a request."""
        found = await self._desk.store.get(_KIND, _last_of(ticket_id))
        return str(found.value["message"]) if found else None

    async def take_back(self, message: str) -> None:
        """Take back what a message answered, while the agent has not been told. Raises as `Desk.take_back`."""
        counted = await self.find(message)
        if counted is None:
            return
        ticket = await self._desk.get(counted.ticket)
        if ticket.taken is not None and ticket.taken.given.via == counted.account:
            await self._desk.take_back(ticket.id, people.Actor(counted.account))


def _last_of(ticket_id: str) -> str:
    return f"of {ticket_id}"


def is_free(ticket: model.Ticket, counted: Counted) -> bool:
    """Whether these words were taken back, so that another answer is wanted."""
    return ticket.decision is None and (ticket.taken is None or ticket.taken.given.via != counted.account)
