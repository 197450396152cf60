"""The part of the `Store` protocol for what must be done: effects, and who has which of them for themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sayso import model
from sayso.machine import events


@dataclass(frozen=True, slots=True)
class Job:
    """An effect taken from the outbox under a lease."""

    key: str
    """Of the outbox row, see `outbox_key`. There is one row for each key, and the newest effect wins."""
    ticket_id: str
    effect: events.Effect
    attempts: int
    """How often it was taken before. If it was, an earlier try may have got through."""
    fence: int
    """Grows each time the row is taken or written again; `done` and `retry` with an older one change nothing."""
    until: datetime
    """When the lease ends under which it was taken."""


def outbox_key(ticket_id: str, effect: events.Effect) -> str:
    """The key of an effect's outbox row. Stored rows have it, so it stays as it is."""
    key = f"{ticket_id} {effect.type} {effect.place}"
    # a later reminder stands in for an earlier one, but not for the mention of somebody else
    return f"{key} {effect.to}" if isinstance(effect, events.Remind) and effect.to else key


class Taker(Protocol):
    """Performs effects of a channel in the process that writes them."""

    def lease(self) -> datetime | None:
        """Until when it has one more effect for itself; None if it takes no more for now."""
        ...

    def receive(self, job: Job) -> None:
        """Have an effect that was leased so; it is durable."""
        ...


class Outbox(Protocol):
    """Effects that are not yet done."""

    async def take(self, channels: Collection[str], at: datetime, lease: float, limit: int = 20) -> Sequence[Job]:
        """Lease outbox rows of these channels that are due for *lease* seconds. A row has one taker at a time."""
        ...

    async def next_job(self, channels: Collection[str]) -> datetime | None:
        """Return when the earliest outbox row of these channels may be taken."""
        ...

    async def done(self, job: Job) -> None:
        """Remove a performed effect, unless it was written again meanwhile."""
        ...

    async def retry(self, job: Job, at: datetime, error: str) -> None:
        """Make a failed effect due again at *at*."""
        ...

    async def put_off(self, job: Job, at: datetime) -> None:
        """Hand back an effect that was not tried at all: due again at *at*, as if it had not been taken."""
        ...

    async def renew(self, job: Job, until: datetime) -> bool:
        """Keep the lease of an effect that is still being performed; whether it is ours still."""
        ...

    def taking(self, channel: str, taker: Taker) -> AbstractAsyncContextManager[None]:
        """Until the block ends, effects of this channel may be leased to *taker* in the transaction that writes them.

        Only what is written here and due at once, and nobody is told of it besides. Nothing changes for the rest; a
        store may leave all of it to `take`.
        """
        ...

    async def settle(self, job: Job, posted: model.PostedCard, version: int, entry: events.Entry) -> bool:
        """Remember the card that an effect posted, put it on record, and then end the effect, as `done`.

        It does not end if the ticket is newer than *version*, which is what the card shows. Return whether it ended.
        """
        ...
