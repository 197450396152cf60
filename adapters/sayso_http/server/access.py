"""What a key may see and do. Whatever it may not see answers exactly like what is not there."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

from sayso import errors, machine, model
from sayso.cards import masked
from sayso.desk import Desk
from sayso.desk.answering import identity, visibility
from sayso.desk.keys import Key
from sayso.desk.upkeep import stopping
from sayso.stores import Query, Row
from sayso_http import routes


@dataclasses.dataclass(frozen=True, slots=True)
class HttpCaller:
    """Somebody with a key, at the desk they called.

    An agent sees what it asked; an approver what they may answer, and what was asked on their behalf; an operator all.
    """

    desk: Desk
    key: Key

    def check(self, who: routes.Who) -> None:
        """Refuse this caller on a route that is not for it. Raises `NotAllowed`."""
        approver = self.key.role == "approver"
        match who:
            case "anybody with a key":
                return
            case "who asks":
                # somebody could answer what they asked themselves
                if approver:
                    raise errors.NotAllowed("a key of role approver cannot ask", hint="use an agent's key")
            case "who cancels":
                if approver:
                    raise errors.NotAllowed("a key of role approver cannot cancel", hint="deny it instead")
            case "who looks":
                if self.key.role == "agent":
                    raise errors.NotAllowed("a key of role agent sees no people", hint="use an approver's key")
            case "who stops":
                if self.key.role == "agent":
                    said = "a key of role agent cannot stop anything, nor see what is allowed for a while"
                    raise errors.NotAllowed(said, hint="use a key of role approver or operator")
            case "who operates":
                if self.key.role != "operator":
                    raise errors.NotAllowed("this is for operators", hint="use a key of role operator")
            case "who answers":
                # the key itself refuses
                _ = self.key.actor

    async def stopper(self) -> stopping.Who:
        """Who stops with this key: an operator, or a person whom the settings name. Raises `NotAllowed`."""
        name = self.key.name
        if self.key.role == "operator":
            return stopping.Who(name, name, f"key:{name}")
        return await stopping.find(self.desk, self.key.actor)

    async def sees(self, ticket: model.Ticket) -> bool:
        """Tell whether this key may know of the request."""
        match self.key.role:
            case "operator":
                return True
            case "agent":
                return ticket.owner == self.key.name
            case "approver":
                return visibility.is_for(ticket, await identity.find(self.desk, ticket, self.key.actor))

    def asked(self, owner: str) -> bool:
        """Tell whether what this key asked belongs to *owner*: who wrote a secret knows it."""
        return self.key.role != "approver" and self.key.name == owner

    def shown(self, ticket: model.Ticket) -> model.Ticket:
        """What this key is shown of a request: secrets only if it asked them itself."""
        return ticket if self.asked(ticket.owner) else masked.of(ticket, self.desk.mint)

    def shown_row(self, row: Row, owner: str) -> Row:
        """What this key is shown of a row of the log."""
        return row if self.asked(owner) else dataclasses.replace(row, entry=masked.entry_of(row.entry, self.desk.mint))

    async def ticket(self, id: str) -> model.Ticket:
        """Load the request.

        Raises:
            NotFound: alike if it is not there and if this key may not see it.
            MembershipUnknown: nobody could find out whether it may.
        """
        with contextlib.suppress(errors.NotFound):
            ticket = await self.desk.store.load(id)
            if await self.sees(ticket):
                return ticket
            if self.key.role == "approver":
                await self._check_known(ticket)
        raise errors.NotFound("there is no such request", field="id", hint="see: GET /v1/requests")

    async def may_know(self, id: str) -> model.Ticket:
        """Load the request to answer it; where this key may not see it, refuse that, and put the try on record.

        Raises:
            NotFound, MembershipUnknown: as `ticket`; who may answer is not told to those who may not.
        """
        try:
            return await self.ticket(id)
        except (errors.NotFound, errors.MembershipUnknown):
            with contextlib.suppress(errors.NotFound):
                ticket = await self.desk.store.load(id)
                person = await identity.find(self.desk, ticket, self.key.actor)
                await self.desk.record_refusal(ticket.id, person, machine.refusal(ticket, person))
            raise

    async def _check_known(self, ticket: model.Ticket) -> None:
        person = await identity.find(self.desk, ticket, self.key.actor)
        refused = machine.refusal(ticket, person)
        if isinstance(refused, errors.MembershipUnknown):
            raise refused

    async def tickets(self, query: Query) -> Sequence[model.Ticket]:
        """Load the newest requests that this key may see, at most `query.limit`."""
        if self.key.role != "approver":
            mine = query if self.key.role == "operator" else dataclasses.replace(query, owner=self.key.name)
            return await self.desk.store.list(mine)
        return await visibility.tickets(self.desk, self.key.actor, query)
