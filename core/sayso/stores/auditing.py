"""The part of the `Store` protocol that auditors and the clean-up need: rows as they were written, seals, erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sayso import machine
from sayso.machine import events


@dataclass(frozen=True, slots=True)
class ChainedRow:
    """A row of the log as it is written, with what it is chained by; see `chain.Link`."""

    number: int
    ticket_id: str
    version: int
    entry: str
    """Its text, or what was kept of it when its content was erased."""
    prev: str | None = None
    """The hash of the row before it of the same request; None in a row of before there were hashes."""
    body: str | None = None
    state: str | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSeal:
    """A seal as it is kept: canonical JSON, and the number of the last row that it covers."""

    number: int
    last_row: int
    document: str


@dataclass(frozen=True, slots=True)
class StoredTicket:
    """The row of a ticket as it is written."""

    id: str
    document: str
    facts: tuple[str | int | None, ...]
    """The columns beside the document: ref, version, state, owner, session, created_at."""


Position = tuple[datetime, str]
"""When a request was made, and its id: requests stand in this order."""


class AuditStore(Protocol):
    """What a store keeps for those who look later. Part of `Store`; contract: `sayso.testing.stores`."""

    async def chained(self, number: int, limit: int = 500) -> Sequence[ChainedRow]:
        """Return log rows after a number as they are written, also those that cannot be read."""
        ...

    async def add_seal(self, seal: StoredSeal) -> None:
        """Keep a seal. Raises `Conflict` if there is one of this number."""
        ...

    async def seals(self, number: int, limit: int = 500) -> Sequence[StoredSeal]:
        """Return seals after a number, in order."""
        ...

    async def last_seal(self) -> StoredSeal | None:
        """Return the newest seal."""
        ...

    async def documents(self, id: str, limit: int = 200) -> Sequence[StoredTicket]:
        """Return tickets whose id comes after *id*, in the order of ids, as they are written."""
        ...

    async def document(self, id: str) -> StoredTicket | None:
        """Return one ticket as it is written."""
        ...

    async def oldest(self, after: Position, until: datetime, limit: int = 200) -> Sequence[Position]:
        """Return the requests after a position that were made before *until*, oldest first."""
        ...

    async def erase(self, step: machine.Step, entry: events.Entry, kept: Mapping[int, str]) -> None:
        """As `commit`, and in the same transaction leave of each row of *kept* only that text. Raises `Conflict`."""
        ...

    async def forget(self, ticket_id: str) -> int:
        """Remove the posted cards of a ticket, and effects of it that were performed; return how many rows."""
        ...

    async def expire(self, at: datetime, limit: int = 500) -> int:
        """Remove records that expired before *at*; return how many, *limit* at most."""
        ...
