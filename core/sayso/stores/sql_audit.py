"""What the SQL stores share of `AuditStore`: one named query for each method."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime

from sayso import errors, machine
from sayso.machine import events
from sayso.stores import documents, sql
from sayso.stores.auditing import ChainedRow, Position, StoredSeal, StoredTicket


class SqlAudit(abc.ABC):
    """See `AuditStore`."""

    @abc.abstractmethod
    async def _read(self, query: sql.Name, *values: documents.Value) -> Sequence[documents.RawRow]:
        """Read the rows of a query."""

    @abc.abstractmethod
    async def _write(self, query: sql.Name, *values: documents.Value) -> Sequence[documents.RawRow]:
        """Run a query in a transaction of its own; returns once it is durable."""

    @abc.abstractmethod
    async def erase(self, step: machine.Step, entry: events.Entry, kept: Mapping[int, str]) -> None:
        """See `AuditStore.erase`."""

    async def chained(self, number: int, limit: int = 500) -> Sequence[ChainedRow]:
        """See `AuditStore.chained`."""
        return [ChainedRow(*row) for row in await self._read("chained", number, limit)]

    async def add_seal(self, seal: StoredSeal) -> None:
        """See `AuditStore.add_seal`."""
        if not await self._write("add_seal", *astuple(seal)):
            raise errors.Conflict(f"there is a seal {seal.number} already")

    async def seals(self, number: int, limit: int = 500) -> Sequence[StoredSeal]:
        """See `AuditStore.seals`."""
        return [StoredSeal(*row) for row in await self._read("seals", number, limit)]

    async def last_seal(self) -> StoredSeal | None:
        """See `AuditStore.last_seal`."""
        return next((StoredSeal(*row) for row in await self._read("last_seal")), None)

    async def documents(self, id: str, limit: int = 200) -> Sequence[StoredTicket]:
        """See `AuditStore.documents`."""
        return [_stored(row) for row in await self._read("documents", id, limit)]

    async def document(self, id: str) -> StoredTicket | None:
        """See `AuditStore.document`."""
        return next((_stored(row) for row in await self._read("document", id)), None)

    async def oldest(self, after: Position, until: datetime, limit: int = 200) -> Sequence[Position]:
        """See `AuditStore.oldest`."""
        at, id = after
        rows = await self._read("oldest", documents.to_micros(until), documents.to_micros(at), id, limit)
        return [(documents.to_datetime(row[0]), row[1]) for row in rows]

    async def forget(self, ticket_id: str) -> int:
        """See `AuditStore.forget`."""
        cards = await self._write("forget_cards", ticket_id)
        return len(cards) + len(await self._write("forget_effects", ticket_id))

    async def expire(self, at: datetime, limit: int = 500) -> int:
        """See `AuditStore.expire`."""
        return len(await self._write("expire", documents.to_micros(at), limit))


def _stored(row: documents.RawRow) -> StoredTicket:
    return StoredTicket(row[0], row[1], tuple(row[2:]))
