"""What the SQL stores share: tickets to rows and back, one named query a method. Dialects differ only below it."""

from __future__ import annotations

import abc
import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sayso import aside, errors, machine, model
from sayso.content.text import is_whole
from sayso.machine import events
from sayso.stores import documents, watch
from sayso.stores.protocol import Commit, Durability, Job, Query, Record, Row, Summary

Value = documents.Value
Values = documents.Values
RawRow = documents.RawRow
Decoded = TypeVar("Decoded")

micros, moment = documents.micros, documents.moment


@dataclass(frozen=True, slots=True)
class Write:
    """One commit, as the values of the queries `store`, `append` and `write`; a note stores no ticket."""

    ticket: Values | None
    logged: tuple[str, int, str]
    effects: tuple[Values, ...] = ()


class Tables(abc.ABC):
    """A store on SQL tables. A dialect brings `_read`, `_write`, `_commit` and the way to hear of other processes."""

    durability: Durability
    _watch: watch.Watch

    @abc.abstractmethod
    async def _read(self, query: str, *values: Value) -> Sequence[RawRow]:
        """Rows of a query, by its name or as text."""

    @abc.abstractmethod
    async def _write(self, query: str, *values: Value) -> Sequence[RawRow]:
        """Run a query in a transaction of its own; returns once it is durable."""

    @abc.abstractmethod
    async def _commit(self, *writes: Write) -> None:
        """Write all of it or nothing, and tell the watch. Raises `Conflict`."""

    @property
    def waiting(self) -> int:
        """See `Store.waiting`."""
        return self._watch.waiting

    async def load(self, id: str) -> model.Ticket:
        """See `Store.load`."""
        if not is_whole(id):
            raise errors.NotFound("there is no request of such an id", field="id")
        return await self._ticket(id, await self._read("load", id))

    async def load_by_ref(self, ref: str) -> model.Ticket:
        """See `Store.load_by_ref`."""
        return await self._ticket("of this reference", await self._read("load_by_ref", ref))

    async def commit(self, step: machine.Step, entry: events.Entry) -> None:
        """See `Store.commit`."""
        await self._commit(_write(step, entry))

    async def commit_together(self, commits: Sequence[Commit]) -> None:
        """See `Store.commit_together`."""
        await self._commit(*(_write(step, entry) for step, entry in commits))

    async def append(self, ticket_id: str, version: int, entry: events.Entry) -> None:
        """See `Store.append`."""
        await self._commit(Write(None, _logged(ticket_id, version, entry)))

    async def log(self, id: str) -> Sequence[Row]:
        """See `Store.log`."""
        return list(documents.readable(documents.entry, await self._read("log", id)))

    async def log_after(self, number: int, limit: int = 100) -> Sequence[Row]:
        """See `Store.log_after`."""
        while rows := await self._read("log_after", number, limit):
            if found := list(documents.readable(documents.entry, rows)):
                return found
            # none of these can be read, and what comes after them must not wait for ever
            number = rows[-1][0]
        return []

    async def last_row(self) -> int:
        """See `Store.last_row`."""
        return int((await self._read("last_row"))[0][0])

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        """See `Store.list`."""
        found, page = list[model.Ticket](), query
        while rows := await self._read(*_listing(page)):
            found += await aside.run_large(_is_large(rows), _tickets, rows)
            if len(rows) < page.limit or len(found) == query.limit:
                break
            # some cannot be read: a short page would look like the last one
            page = replace(query, before=_age(rows[-1]), limit=query.limit - len(found))
        return found

    async def summary(self, id: str) -> Summary:
        """See `Store.summary`."""
        found = documents.one(f"request {id}", documents.summary, await self._read("summary", id))
        if found is None:
            raise errors.NotFound(f"there is no request {id}")
        return found

    async def count(self, query: Query) -> int:
        """See `Store.count`."""
        where, values = _filters(query)
        text = f"select count(*) from (select 1 from tickets where {where} limit ${len(values)}) as found"
        return int((await self._read(text, *values))[0][0])

    async def due(self, now: datetime, limit: int = 100) -> Sequence[str]:
        """See `Store.due`."""
        return [row[0] for row in await self._read("due", micros(now), limit)]

    async def postpone(self, id: str, until: datetime) -> None:
        """See `Store.postpone`."""
        await self._write("postpone", micros(until), id)

    async def check(self) -> None:
        """See `Store.check`."""
        await self._write("probe")

    async def next_due(self) -> datetime | None:
        """See `Store.next_due`."""
        return moment((await self._read("next_due"))[0][0])

    async def changed(self, id: str, version: int) -> None:
        """See `Store.changed`."""
        await self._watch.newer(id, version, self._version)

    def changes(self) -> AsyncIterator[None]:
        """See `Store.changes`."""
        return self._watch.changes()

    async def take(self, channels: Collection[str], now: datetime, lease: float, limit: int = 20) -> Sequence[Job]:
        """See `Store.take`."""
        until = micros(now + timedelta(seconds=lease))
        rows = await self._write("take", until, json.dumps(sorted(channels)), micros(now), limit)
        return list(documents.readable(documents.job, sorted(rows, key=lambda row: (row[5], row[0]))))

    async def next_job(self, channels: Collection[str]) -> datetime | None:
        """See `Store.next_job`."""
        return moment((await self._read("next_job", json.dumps(sorted(channels))))[0][0])

    async def done(self, job: Job) -> None:
        """See `Store.done`."""
        await self._write("done", job.fence, job.key)

    async def retry(self, job: Job, at: datetime, error: str) -> None:
        """See `Store.retry`."""
        await self._write("retry", micros(at), error, job.key, job.fence)

    async def put_off(self, job: Job, at: datetime) -> None:
        """See `Store.put_off`."""
        await self._write("put_off", micros(at), job.key, job.fence)

    async def renew(self, job: Job, until: datetime) -> None:
        """See `Store.renew`."""
        await self._write("renew", micros(until), job.key, job.fence)

    async def add_card(self, posted: model.PostedCard) -> None:
        """See `Store.add_card`."""
        await self._write("add_card", *astuple(posted))

    async def remove_card(self, posted: model.PostedCard) -> None:
        """See `Store.remove_card`."""
        await self._write("remove_card", posted.channel, posted.conversation, posted.message)

    async def cards(self, ticket_id: str) -> Sequence[model.PostedCard]:
        """See `Store.cards`."""
        return [model.PostedCard(*row) for row in await self._read("cards", ticket_id)]

    async def find_card(self, channel: str, conversation: str, message: str) -> model.PostedCard | None:
        """See `Store.find_card`."""
        rows = await self._read("find_card", channel, conversation, message)
        return documents.one("a posted card", documents.posted_card, rows)

    async def put(self, record: Record) -> None:
        """See `Store.put`."""
        ends = None if record.expires_at is None else micros(record.expires_at)
        name, text = (record.kind, record.name), json.dumps(record.value)
        if record.version == 0:
            rows = await self._write("insert_record", *name, text, ends)
        else:
            rows = await self._write("replace_record", text, ends, *name, record.version)
        if not rows:
            raise errors.Conflict(f"{record.kind} {record.name} was written by somebody else")

    async def get(self, kind: str, name: str) -> Record | None:
        """See `Store.get`."""
        return documents.one(f"{kind} {name}", documents.record, await self._read("get", kind, name))

    async def remove(self, kind: str, name: str) -> Record | None:
        """See `Store.remove`."""
        return documents.one(f"{kind} {name}", documents.record, await self._write("remove", kind, name))

    async def scan(self, kind: str) -> Sequence[Record]:
        """See `Store.scan`."""
        return list(documents.readable(documents.record, await self._read("scan", kind)))

    async def _version(self, id: str) -> int:
        rows = await self._read("version", id)
        if not rows:
            raise errors.NotFound(f"there is no request {id}")
        return int(rows[0][0])

    async def _ticket(self, name: str, rows: Sequence[RawRow]) -> model.Ticket:
        found = await aside.run_large(_is_large(rows), documents.one, f"request {name}", documents.ticket, rows)
        if found is None:
            raise errors.NotFound(f"there is no request {name}")
        return found


def _tickets(rows: Sequence[RawRow]) -> list[model.Ticket]:
    return list(documents.readable(documents.ticket, rows))


def _is_large(rows: Sequence[RawRow]) -> bool:
    """Whether these documents are read beside the event loop."""
    return sum(len(row[0]) for row in rows) > aside.LARGE


def _write(step: machine.Step, entry: events.Entry) -> Write:
    ticket, at = step.ticket, micros(entry.at)
    effects = (
        (_key(ticket, effect), ticket.id, _channel(effect), effect.model_dump_json(), at, at) for effect in step.effects
    )
    return Write(documents.columns(ticket), _logged(ticket.id, ticket.version, entry), tuple(effects))


def _logged(ticket_id: str, version: int, entry: events.Entry) -> tuple[str, int, str]:
    return ticket_id, version, entry.model_dump_json()


def _key(ticket: model.Ticket, effect: events.Effect) -> str:
    return f"{ticket.id} {effect.type} {effect.place}"


def _channel(effect: events.Effect) -> str:
    return effect.place.partition(":")[0]


def _listing(query: Query) -> tuple[Any, ...]:
    where, values = _filters(query)
    order = "order by created_at desc, id desc"
    page = f"select document, created_at, id from tickets where {where} {order} limit ${len(values)}"
    if query.most_bytes is None:
        return page, *values
    # summed up by the database, so that nothing beyond is read into this process
    summed = f"sum(octet_length(document)) over ({order}) as total"
    sized = f"select document, created_at, id, {summed} from ({page}) as page"
    within = f"total - octet_length(document) < ${len(values) + 1}"
    text = f"select document, created_at, id from ({sized}) as sized where {within} {order}"
    return text, *values, query.most_bytes


def _filters(query: Query) -> tuple[str, list[Value]]:
    # the state is written out, so that the partial index of pending tickets can be used
    clauses, values = [f"state = '{query.state}'"] if query.state else ["true"], list[Value]()
    for column, value in (("owner", query.owner), ("session", query.session)):
        if value is not None:
            values.append(value)
            clauses.append(f"{column} = ${len(values)}")
    if query.prefix is not None:
        values += [len(query.prefix), query.prefix]
        # the types are named for PostgreSQL, which cannot guess them
        clauses.append(f"substr(id, 1, cast(${len(values) - 1} as integer)) = cast(${len(values)} as text)")
    if query.before is not None:
        values += [micros(query.before[0]), query.before[1]]
        clauses.append(f"(created_at, id) < (${len(values) - 1}, ${len(values)})")
    values.append(query.limit)
    return " and ".join(clauses), values


def _age(row: RawRow) -> tuple[datetime, str]:
    return documents.at(row[1]), row[2]
