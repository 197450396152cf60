"""What a key may see and do. Whatever it may not see answers exactly like what is not there."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

from sayso import desk, errors, machine, model
from sayso.desk import keys
from sayso.stores import Query

# Tickets read at once while looking for those that somebody may see.
_CHUNK = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """A key, at the desk it called.

    An agent sees what it asked; an approver what they may answer, and what was asked on their behalf; an operator all.
    """

    front: desk.Desk
    key: keys.Key

    def may_ask(self) -> desk.Caller:
        """Who asks. Raises `NotAllowed`: with an approver's key somebody could answer what they asked themselves."""
        if self.key.role == "approver":
            raise errors.NotAllowed("a key of role approver cannot ask", hint="use an agent's key")
        return self.key.caller

    def may_cancel(self) -> desk.Caller:
        """Who cancels. Raises `NotAllowed`: an approver denies instead."""
        if self.key.role == "approver":
            raise errors.NotAllowed("a key of role approver cannot cancel", hint="deny it instead")
        return self.key.caller

    def sees(self, ticket: model.Ticket) -> bool:
        """Whether this key may know of the request."""
        match self.key.role:
            case "operator":
                return True
            case "agent":
                return ticket.owner == self.key.name
            case "approver":
                person = self.front.house.directory.identify(self.key.actor)
                return ticket.requester == person.id or machine.may_answer(ticket, person)

    async def ticket(self, id: str) -> model.Ticket:
        """The request. Raises `NotFound`, alike for what is not there and what this key may not see."""
        with contextlib.suppress(errors.NotFound):
            ticket = await self.front.store.load(id)
            if self.sees(ticket):
                return ticket
        raise errors.NotFound("there is no such request", field="id", hint="see: GET /v1/requests")

    async def may_know(self, id: str) -> None:
        """Refuse an answer to a request that this key may not see, and put the try on record.

        Raises:
            NotFound: alike for what is not there; who may answer is not told to those who may not.
        """
        try:
            await self.ticket(id)
        except errors.NotFound:
            with contextlib.suppress(errors.NotFound):
                ticket = await self.front.store.load(id)
                person = self.front.house.directory.identify(self.key.actor)
                await self.front.refused(ticket.id, person, machine.refusal(ticket, person))
            raise

    async def tickets(self, query: Query) -> Sequence[model.Ticket]:
        """The newest requests that this key may see, at most `query.limit`."""
        if self.key.role != "approver":
            owner = None if self.key.role == "operator" else self.key.name
            return await self.front.store.list(dataclasses.replace(query, owner=owner))
        found: list[model.Ticket] = []
        # what may be read at once is shared out, or a page of many chunks would be that many times as large
        share = query.most_bytes and max(1, query.most_bytes * _CHUNK // max(query.limit, _CHUNK))
        more = dataclasses.replace(query, limit=_CHUNK, most_bytes=share)
        while len(found) < query.limit and (chunk := await self.front.store.list(more)):
            found += [ticket for ticket in chunk if self.sees(ticket)]
            if found and len(chunk) < _CHUNK:
                break  # the last ones, or as many as may be read at once
            more = dataclasses.replace(more, before=(chunk[-1].created_at, chunk[-1].id))
        return found[: query.limit]
