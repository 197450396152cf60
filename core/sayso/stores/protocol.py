"""The `Store` protocol: keeps rows, decides nothing. Every method is one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from sayso import machine, model
from sayso.machine import events
from sayso.stores import outbox
from sayso.stores.auditing import AuditStore


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the log, numbered over the whole store in the order of commit."""

    number: int
    ticket_id: str
    version: int
    entry: events.Entry


TIME, SERVICE = "\ntime", "\nservice"
"""Work that is not for a channel, see `Store.work`: what time does to requests, and what concerns the whole service."""

MOST_BYTES = 8 * model.MAX_REQUEST_BYTES
"""Of stored documents that are read at once."""


LOG_PAGE = 500
"""Rows of the log of one ticket that are read at once, and no more than 4 MiB of them."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which tickets to list, newest first; `before` is the moment and the id of the last one already seen.

    The moment is `created_at`, and `expires_at` if *soonest*: then pending ones are listed, what expires first on top.
    """

    state: model.State | None = None
    owner: str | None = None
    session: str | None = None
    limit: int = 50
    before: tuple[datetime, str] | None = None
    prefix: str | None = None
    """How the id begins."""
    audiences: Collection[str] | None = None
    """Only those for these audiences, as `machine.audience` writes them; see `Store.audiences`."""
    requester: str | None = None
    """With *audiences*: also those that were asked on behalf of this person."""
    soonest: bool = False
    most_bytes: int | None = MOST_BYTES
    """Of stored documents in one answer, which holds one at least.

    So a page that is shorter than *limit* may have more: only an empty one is the end.
    """


@dataclass(frozen=True, slots=True)
class Summary:
    """What is counted of a ticket. However large its request is, it is not read for this."""

    version: int
    created_at: datetime
    kind: str
    outcome: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A small named document: a key, a web session, a draft. `version` is for compare-and-set."""

    kind: str
    name: str
    value: dict[str, Any] = field(default_factory=dict[str, Any])
    expires_at: datetime | None = None
    version: int = 0


Last = tuple[str, str, int]
"""The last records by name of a kind, whose names begin so, and how many of them at most."""


@dataclass(frozen=True, slots=True)
class Durability:
    """What a store promises about an acknowledged commit; for the start line and for `sayso doctor`."""

    engine: str
    version: str
    level: str
    """The settings that decide it, in the words of the database."""
    safe: bool
    """Whether a commit survives a power cut."""


Commit: TypeAlias = "tuple[machine.Step, events.Entry]"
"""A step, and the log row that says why."""


class Store(AuditStore, outbox.Outbox, Protocol):
    """What a database must do for the desk, the courier and the doors. Contract: `sayso.testing.stores`."""

    @property
    def durability(self) -> Durability:
        """What survives a crash and a power cut."""
        ...

    @property
    def waiting(self) -> int:
        """How many wait in `changed` and `changes` at this moment."""
        ...

    async def load(self, id: str) -> model.Ticket:
        """Return a ticket. Raises `NotFound`, and `Unreadable` if the row is damaged or of a newer version."""
        ...

    async def load_by_ref(self, ref: str) -> model.Ticket:
        """Return a ticket by its unguessable reference. Raises `NotFound`."""
        ...

    async def commit(self, step: machine.Step, entry: events.Entry, beside: Sequence[Record] = ()) -> None:
        """Write ticket, log row and outbox rows, or nothing. Returns once they are durable.

        A ticket of version 1 is inserted, any other replaces exactly the version before it. With them each record
        *beside* is written, as by `put`; one that somebody else wrote meanwhile is left out, and nothing is told.

        Raises:
            Conflict: the id is taken, or a newer version is stored.
        """
        ...

    async def commit_together(self, commits: Sequence[Commit], beside: Sequence[Record] = ()) -> None:
        """Write the steps of several tickets: all of them or none, also over a crash. Raises as `commit`."""
        ...

    async def append(self, ticket_id: str, version: int, entry: events.Entry) -> None:
        """Append a row to the log that changes no ticket."""
        ...

    async def log(self, id: str, after: int = 0, limit: int = LOG_PAGE) -> Sequence[Row]:
        """Return the log of one ticket after a row number, oldest first: a page of it, see `whole_log`."""
        ...

    async def log_after(self, number: int, limit: int = 100) -> Sequence[Row]:
        """Return the log of all tickets after a row number. Rows appear in order, so that no reader skips one."""
        ...

    async def last_row(self) -> int:
        """Return the number of the newest log row; 0 if the log is empty."""
        ...

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        """Return tickets, newest first; those that cannot be read are left out."""
        ...

    async def summary(self, id: str) -> Summary:
        """Return the little that figures need. Raises `NotFound`."""
        ...

    async def audiences(self) -> Sequence[str]:
        """Return each audience that there is, once: few, however many tickets there are."""
        ...

    async def count(self, query: Query) -> int:
        """Count the tickets that `list` would give, without reading them."""
        ...

    async def due(self, at: datetime, limit: int = 100) -> Sequence[str]:
        """Return the ids of pending tickets whose wake time is *at* or earlier, earliest first."""
        ...

    async def postpone(self, id: str, until: datetime) -> None:
        """Let a pending ticket be due later than its document says, because it cannot be stepped now."""
        ...

    async def check(self) -> None:
        """Commit something. Raises `StoreUnavailable` if the database cannot be written or trusted."""
        ...

    async def next_due(self) -> datetime | None:
        """Return the earliest wake time of all pending tickets."""
        ...

    async def awaited(self, id: str, after: int | None = None) -> machine.Awaited:
        """What whoever waits needs of a ticket: now, or once it is newer than version *after*. Raises as `load`."""
        ...

    async def changed(self, id: str, version: int) -> model.Ticket | None:
        """Once the ticket is newer than *version*: it if it was stored here, None if elsewhere. Raises `NotFound`."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yield at once, then when the log may have grown, here or elsewhere. A cancelled wait does not end it."""
        ...

    def work(self, what: str) -> AsyncIterator[None]:
        """Yield at once, then when there may be more to do: effects of a channel, by its name, `TIME` or `SERVICE`.

        What another process wrote and takes on itself is told of only now and then, should that process have died.
        """
        ...

    async def add_card(self, posted: model.PostedCard) -> None:
        """Remember a posted card. Adding the same one twice has no further effect."""
        ...

    async def remove_card(self, posted: model.PostedCard) -> None:
        """Forget a card that is not there any more."""
        ...

    async def cards(self, *ticket_ids: str) -> Sequence[model.PostedCard]:
        """Return the posted cards of tickets, oldest first."""
        ...

    async def find_card(self, channel: str, conversation: str, message: str) -> model.PostedCard | None:
        """Return the card that is this message, if it is one of ours."""
        ...

    async def put(self, record: Record) -> None:
        """Write a record: version 0 inserts, version n replaces version n (both store n + 1). Raises `Conflict`."""
        ...

    async def get(self, kind: str, name: str) -> Record | None:
        """Return a record, also if it has expired."""
        ...

    async def get_all(self, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Record]:
        """Return those of these records that there are, by kind and name; what cannot be read is left out."""
        ...

    async def look_back(self, *wanted: Last) -> Sequence[Record]:
        """Return the last records by name of each: in one read, and in no order that is said."""
        ...

    async def remove(self, kind: str, name: str) -> Record | None:
        """Delete a record and return it. Of two callers at once exactly one gets it."""
        ...

    async def scan(self, kind: str, prefix: str = "") -> Sequence[Record]:
        """Return the records of a kind whose name begins so, by name."""
        ...

    async def close(self) -> None:
        """Release the database and cancel the waiters."""
        ...


async def whole_log(store: Store, id: str) -> AsyncIterator[Row]:
    """All of the log of one ticket, oldest first; a page of it is in memory at a time."""
    number = 0
    while rows := await store.log(id, number):
        for row in rows:
            yield row
        number = rows[-1].number
