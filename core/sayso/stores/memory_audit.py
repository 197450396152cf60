"""What the store in memory keeps for those who look later; see `AuditStore`."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import chain, documents
from sayso.stores.auditing import ChainedRow, Position, StoredSeal, StoredTicket
from sayso.stores.protocol import Record


class MemoryAudit(abc.ABC):
    """Chained rows of the log, seals, erasure."""

    def __init__(self) -> None:
        super().__init__()
        self._tickets: dict[str, model.Ticket] = {}
        self._documents: dict[str, str] = {}
        self._rows: list[ChainedRow] = []
        self._heads: dict[str, str] = {}
        self._seals: dict[int, StoredSeal] = {}

    @abc.abstractmethod
    async def commit(self, step: machine.Step, entry: events.Entry, beside: Sequence[Record] = ()) -> None:
        """See `Store.commit`."""

    async def chained(self, number: int, limit: int = 500) -> Sequence[ChainedRow]:
        """See `AuditStore.chained`."""
        return self._rows[number : number + limit]

    async def add_seal(self, seal: StoredSeal) -> None:
        """See `AuditStore.add_seal`."""
        if seal.number in self._seals:
            raise errors.Conflict(f"there is a seal {seal.number} already")
        self._seals[seal.number] = seal

    async def seals(self, number: int, limit: int = 500) -> Sequence[StoredSeal]:
        """See `AuditStore.seals`."""
        return [self._seals[one] for one in sorted(self._seals) if one > number][:limit]

    async def last_seal(self) -> StoredSeal | None:
        """See `AuditStore.last_seal`."""
        return self._seals[max(self._seals)] if self._seals else None

    async def documents(self, id: str, limit: int = 200) -> Sequence[StoredTicket]:
        """See `AuditStore.documents`."""
        return [_stored(self._tickets[one]) for one in sorted(self._tickets) if one > id][:limit]

    async def document(self, id: str) -> StoredTicket | None:
        """See `AuditStore.document`."""
        return _stored(self._tickets[id]) if id in self._tickets else None

    async def oldest(self, after: Position, until: datetime, limit: int = 200) -> Sequence[Position]:
        """See `AuditStore.oldest`."""
        found = sorted((ticket.created_at, ticket.id) for ticket in self._tickets.values())
        return [one for one in found if one > after and one[0] < until][:limit]

    async def erase(self, step: machine.Step, entry: events.Entry, kept: Mapping[int, str]) -> None:
        """See `AuditStore.erase`."""
        await self.commit(step, entry)
        for number, text in kept.items():
            self._rows[number - 1] = replace(self._rows[number - 1], entry=text)

    def _log(self, ticket_id: str, version: int, entry: events.Entry, document: str | None) -> None:
        text = entry.model_dump_json(exclude_none=True)
        link, prev = chain.link(ticket_id, version, text, document), self._heads.get(ticket_id, "")
        self._heads[ticket_id] = here = link.hash_after(prev)
        row = ChainedRow(len(self._rows) + 1, ticket_id, version, text, prev, link.body, link.state, here)
        self._rows.append(row)


def _stored(ticket: model.Ticket) -> StoredTicket:
    row = documents.row_of(ticket)
    return StoredTicket(ticket.id, str(row[-1]), (*row[1:4], *row[5:8]))
