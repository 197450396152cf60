"""What was delivered where, on record: the log says which card stood where, and what it showed."""

from __future__ import annotations

from sayso import clock as clocks
from sayso import model
from sayso.machine import events
from sayso.stores import Job, Store, whole_log


class Deliveries:
    """The deliveries of one courier."""

    def __init__(self, store: Store, clock: clocks.Clock) -> None:
        self._store = store
        self._clock = clock

    async def record(self, ticket: model.Ticket, place: model.Place, message: str, shown: str = "") -> None:
        """Put on record that a message of this id stands at *place*; *shown* is the digest of what it shows."""
        await self._store.append(ticket.id, ticket.version, self._entry(place, message, shown))

    async def settle(self, job: Job, ticket: model.Ticket, posted: model.PostedCard) -> bool:
        """Remember a card that *job* posted, put it on record, and end the job, unless *ticket* has changed since."""
        entry = self._entry(posted.place, posted.message, posted.shown)
        return await self._store.settle(job, posted, ticket.version, entry)

    def _entry(self, place: model.Place, message: str, shown: str) -> events.Delivered:
        return events.Delivered(at=self._clock.now(), place=place, message=message, shown=shown or None)


async def first(store: Store, ticket_id: str, place: model.Place) -> events.Delivered | None:
    """The first delivery of a request at *place* that is on record."""
    async for row in whole_log(store, ticket_id):
        if isinstance(row.entry, events.Delivered) and row.entry.place == place:
            return row.entry
    return None
