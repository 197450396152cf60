"""Keeps tickets in this process only, for tests and first steps; as short as the `Store` protocol allows."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import documents, memory_audit, memory_lists, memory_outbox, protocol, watch
from sayso.stores.auditing import ChainedRow
from sayso.stores.outbox import Job
from sayso.stores.protocol import TIME, Commit, Durability, Last, Query, Record, Row, Summary


class MemoryStore(memory_audit.MemoryAudit, memory_outbox.MemoryOutbox):
    """A `Store` that forgets everything when the process ends."""

    durability = Durability("memory", "", "nothing outlives the process", safe=False)

    def __init__(self) -> None:
        super().__init__()
        self._by_ref: dict[str, str] = {}
        self._postponed: dict[str, datetime] = {}
        self._cards: dict[tuple[str, str, str], model.PostedCard] = {}
        self._records: dict[tuple[str, str], Record] = {}
        self._watch = watch.Watch()

    @property
    def waiting(self) -> int:
        """See `Store.waiting`."""
        return self._watch.waiting

    async def load(self, id: str) -> model.Ticket:
        """See `Store.load`."""
        return documents.read_ticket((self._text(id),))

    async def load_by_ref(self, ref: str) -> model.Ticket:
        """See `Store.load_by_ref`."""
        return await self.load(self._by_ref.get(ref, "of this reference"))

    async def commit(self, step: machine.Step, entry: events.Entry, beside: Sequence[Record] = ()) -> None:
        """See `Store.commit`."""
        await self.commit_together([(step, entry)], beside)

    async def commit_together(self, commits: Sequence[Commit], beside: Sequence[Record] = ()) -> None:
        """See `Store.commit_together`."""
        for ticket in (step.ticket for step, _ in commits):
            before = self._tickets.get(ticket.id)
            if (
                ticket.version != (before.version if before else 0) + 1
                or self._by_ref.get(ticket.ref, ticket.id) != ticket.id
            ):
                raise errors.Conflict(f"request {ticket.id} was changed by somebody else")
        for step, entry in commits:
            ticket, text = step.ticket, documents.text_of(step.ticket)
            self._documents[ticket.id], self._tickets[ticket.id] = text, documents.read_ticket((text,))
            self._by_ref[ticket.ref] = ticket.id
            self._postponed.pop(ticket.id, None)
            left = [effect for effect in step.effects if not self.put_effect(ticket.id, effect, entry.at)]
            self._log(ticket.id, ticket.version, entry, text)
            self._watch.tell(ticket.id, ticket.version, {TIME, *(model.channel_of(one.place) for one in left)})
        for record in beside:
            with contextlib.suppress(errors.Conflict):
                await self.put(record)

    async def append(self, ticket_id: str, version: int, entry: events.Entry) -> None:
        """See `Store.append`."""
        self._log(ticket_id, version, entry, None)
        self._watch.tell(ticket_id, version)

    async def log(self, id: str, after: int = 0, limit: int = protocol.LOG_PAGE) -> Sequence[Row]:
        """See `Store.log`."""
        found = (row for row in self._rows[after:] if row.ticket_id == id)
        return [_read_row(row) for row in itertools.islice(found, limit)]

    async def log_after(self, number: int, limit: int = 100) -> Sequence[Row]:
        """See `Store.log_after`."""
        return [_read_row(row) for row in self._rows[number : number + limit]]

    async def last_row(self) -> int:
        """See `Store.last_row`."""
        return len(self._rows)

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        """See `Store.list`."""
        return [
            documents.read_ticket((self._text(ticket.id),))
            for ticket in memory_lists.page(query, self._tickets.values())
        ]

    async def audiences(self) -> Sequence[str]:
        """See `Store.audiences`."""
        return sorted({machine.audience(ticket) for ticket in self._tickets.values()})

    async def summary(self, id: str) -> Summary:
        """See `Store.summary`."""
        ticket = await self.load(id)
        decided = ticket.decision
        outcome, at = (decided.outcome, decided.decided_at) if decided else (None, None)
        return Summary(ticket.version, ticket.created_at, ticket.request.kind, outcome, at)

    async def count(self, query: Query) -> int:
        """See `Store.count`."""
        return len(memory_lists.page(query, self._tickets.values()))

    async def due(self, at: datetime, limit: int = 100) -> Sequence[str]:
        """See `Store.due`."""
        return [id for wake, id in sorted(self._wakes()) if wake <= at][:limit]

    async def postpone(self, id: str, until: datetime) -> None:
        """See `Store.postpone`."""
        self._postponed[id] = until

    async def check(self) -> None:
        """See `Store.check`."""

    async def next_due(self) -> datetime | None:
        """See `Store.next_due`."""
        return min((at for at, _ in self._wakes()), default=None)

    async def awaited(self, id: str, after: int | None = None) -> machine.Awaited:
        """See `Store.awaited`."""
        if after is not None:
            await self.changed(id, after)
        return documents.read_awaited((self._text(id),))

    async def changed(self, id: str, version: int) -> None:
        """See `Store.changed`."""
        await self._watch.wait_for_newer(id, version, self._version)

    def changes(self) -> AsyncIterator[None]:
        """See `Store.changes`."""
        return self._watch.stream()

    def work(self, what: str) -> AsyncIterator[None]:
        """See `Store.work`."""
        return self._watch.stream(what)

    async def add_card(self, posted: model.PostedCard) -> None:
        """See `Store.add_card`."""
        self._cards.setdefault((posted.channel, posted.conversation, posted.message), posted)

    async def settle(self, job: Job, posted: model.PostedCard, version: int, entry: events.Entry) -> bool:
        """See `Store.settle`."""
        await self.add_card(posted)
        await self.append(job.ticket_id, version, entry)
        ends = self._tickets[job.ticket_id].version == version and self._outbox[job.key].lease == job.fence
        if ends:
            await self.done(job)
        return ends

    async def remove_card(self, posted: model.PostedCard) -> None:
        """See `Store.remove_card`."""
        self._cards.pop((posted.channel, posted.conversation, posted.message), None)

    async def cards(self, *ticket_ids: str) -> Sequence[model.PostedCard]:
        """See `Store.cards`."""
        return [posted for posted in self._cards.values() if posted.ticket_id in ticket_ids]

    async def find_card(self, channel: str, conversation: str, message: str) -> model.PostedCard | None:
        """See `Store.find_card`."""
        return self._cards.get((channel, conversation, message))

    async def put(self, record: Record) -> None:
        """See `Store.put`."""
        key = record.kind, record.name
        if record.version != (self._records[key].version if key in self._records else 0):
            raise errors.Conflict(f"{record.kind} {record.name} was written by somebody else")
        self._records[key] = replace(_copy_of_record(record), version=record.version + 1)

    async def get(self, kind: str, name: str) -> Record | None:
        """See `Store.get`."""
        found = self._records.get((kind, name))
        return found and _copy_of_record(found)

    async def get_all(self, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Record]:
        """See `Store.get_all`."""
        return {key: _copy_of_record(self._records[key]) for key in wanted if key in self._records}

    async def look_back(self, *wanted: Last) -> Sequence[Record]:
        """See `Store.look_back`."""
        last = [(kind, name) for kind, prefix, most in wanted for name in self._names(kind, prefix)[-most:]]
        return [_copy_of_record(self._records[key]) for key in last]

    async def remove(self, kind: str, name: str) -> Record | None:
        """See `Store.remove`."""
        return self._records.pop((kind, name), None)

    async def scan(self, kind: str, prefix: str = "") -> Sequence[Record]:
        """See `Store.scan`."""
        return [_copy_of_record(self._records[kind, name]) for name in self._names(kind, prefix)]

    async def forget(self, ticket_id: str) -> int:
        """See `AuditStore.forget`."""
        done = [key for key, one in self._outbox.items() if one.job.ticket_id == ticket_id and one.due_at is None]
        gone = [place for place, posted in self._cards.items() if posted.ticket_id == ticket_id]
        self._outbox = {key: one for key, one in self._outbox.items() if key not in done}
        self._cards = {place: posted for place, posted in self._cards.items() if place not in gone}
        return len(done) + len(gone)

    async def expire(self, at: datetime, limit: int = 500) -> int:
        """See `AuditStore.expire`."""
        over = [key for key, one in self._records.items() if one.expires_at is not None and one.expires_at < at]
        for key in over[:limit]:
            del self._records[key]
        return len(over[:limit])

    async def close(self) -> None:
        """Cancel the waiters; there is nothing else to release."""
        self._watch.close()

    async def _version(self, id: str) -> int:
        if id not in self._tickets:
            raise errors.NotFound(f"there is no request {id}")
        return self._tickets[id].version

    def _names(self, kind: str, prefix: str) -> Sequence[str]:
        return sorted(name for found, name in self._records if found == kind and name.startswith(prefix))

    def _text(self, id: str) -> str:
        # read anew each time, as from a database: what others hold of a ticket changes nothing here
        if id not in self._documents:
            raise errors.NotFound(f"there is no request {id}")
        return self._documents[id]

    def _wakes(self) -> Sequence[tuple[datetime, str]]:
        wakes = ((machine.next_wake(ticket), ticket.id) for ticket in self._tickets.values())
        return [(self._postponed.get(id, at), id) for at, id in wakes if at is not None]


def _read_row(row: ChainedRow) -> Row:
    return Row(row.number, row.ticket_id, row.version, events.entry_codec.validate_json(row.entry))


def _copy_of_record(record: Record) -> Record:
    return replace(record, value=json.loads(json.dumps(record.value)))
