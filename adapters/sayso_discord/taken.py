"""Which messages became answers, so that a change or a deletion of one is known for what it is."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from sayso import desk, errors, model, people, store
from sayso_discord.channel import NAME

_KIND = f"{NAME}-words"
# People correct what they wrote soon, or not at all.
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """A message that was taken as an answer, by which account."""

    ticket: str
    account: str
    text: str
    """What was read last in it: Discord also tells of changes that are none of the text."""


class Taken:
    """The messages that became answers."""

    def __init__(self, front: desk.Desk) -> None:
        self._desk = front

    async def of(self, message: str) -> Counted | None:
        """What a message answered."""
        found = await self._desk.store.get(_KIND, message)
        if found is None:
            return None
        value = found.value
        return Counted(str(value["ticket"]), str(value["account"]), str(value.get("text", "")))

    async def remember(self, message: str, ticket: model.Ticket, actor: people.Actor, text: str) -> None:
        """Know that a message was taken as the answer to a request, and what it said."""
        found = await self._desk.store.get(_KIND, message)
        value = {"ticket": ticket.id, "account": actor.account, "text": text}
        version = found.version if found else 0
        # it was delivered twice
        with contextlib.suppress(errors.Conflict):
            await self._desk.store.put(store.Record(_KIND, message, value, ticket.expires_at + _KEPT, version))

    async def back(self, message: str) -> None:
        """Take back what a message answered, while the agent has not been told. Raises as `Desk.take_back`."""
        counted = await self.of(message)
        if counted is None:
            return
        ticket = await self._desk.get(counted.ticket)
        if ticket.taken is not None and ticket.taken.given.via == counted.account:
            await self._desk.take_back(ticket.id, people.Actor(counted.account))
