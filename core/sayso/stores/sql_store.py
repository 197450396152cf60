"""What the SQL stores share: one named query for each method. Only what stands below it differs between them."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from sayso import aside, endings, errors, machine, model
from sayso.content.text import is_whole
from sayso.machine import events
from sayso.stores import commit_rows, documents, lists, protocol, sql, sql_audit, sql_records, takers, watch
from sayso.stores.outbox import Job, Taker
from sayso.stores.protocol import Commit, Durability, Query, Record, Row, Summary

Value = documents.Value
Values = documents.Values
RawRow = documents.RawRow
Decoded = TypeVar("Decoded")


class SqlStore(sql_audit.SqlAudit, sql_records.SqlRecords, abc.ABC):
    """A store on SQL tables. A subclass brings the abstract methods and the way to hear of other processes."""

    dialect: ClassVar[sql.Dialect]
    durability: Durability
    _watch: watch.Watch
    _takers: takers.Takers

    @abc.abstractmethod
    async def _select(self, text: str, *values: Value) -> Sequence[RawRow]:
        """Read the rows of a statement that was put together here."""

    @abc.abstractmethod
    async def _commit(self, *commits: commit_rows.CommitRows) -> None:
        """Write all of it or nothing, and tell the watch. Raises `Conflict`."""

    @abc.abstractmethod
    async def _all_told(self) -> None:
        """Return once all commits have ended that were begun by now."""

    @property
    def waiting(self) -> int:
        """See `Store.waiting`."""
        return self._watch.waiting

    async def load(self, id: str) -> model.Ticket:
        """See `Store.load`."""
        told = self._watch.told
        ticket = await self._one(functools.partial(documents.read_stored, id), id, await self._document(id))
        self._watch.note(id, ticket.version, told)
        return ticket

    async def load_by_ref(self, ref: str) -> model.Ticket:
        """See `Store.load_by_ref`."""
        rows = await self._read("load_by_ref", ref)
        return await self._one(functools.partial(documents.read_stored, ref), "of this reference", rows)

    async def commit(self, step: machine.Step, entry: events.Entry, beside: Sequence[Record] = ()) -> None:
        """See `Store.commit`."""
        await self.commit_together([(step, entry)], beside)

    async def commit_together(self, commits: Sequence[Commit], beside: Sequence[Record] = ()) -> None:
        """See `Store.commit_together`."""
        first, *others = commits
        rows = tuple([(one.kind, one.name, *documents.row_of_record(one), one.version + 1) for one in beside])
        await self._commit(commit_rows.of_step(*first, rows), *(commit_rows.of_step(*one) for one in others))

    async def erase(self, step: machine.Step, entry: events.Entry, kept: Mapping[int, str]) -> None:
        """See `AuditStore.erase`."""
        left = tuple((text, number) for number, text in kept.items())
        await self._commit(commit_rows.of_step(step, entry, kept=left))

    async def append(self, ticket_id: str, version: int, entry: events.Entry) -> None:
        """See `Store.append`."""
        await self._commit(commit_rows.of_entry(ticket_id, version, entry))

    async def log(self, id: str, after: int = 0, limit: int = protocol.LOG_PAGE) -> Sequence[Row]:
        """See `Store.log`."""
        return await self._page(lambda number: self._read("log", id, number, limit), after)

    async def log_after(self, number: int, limit: int = 100) -> Sequence[Row]:
        """See `Store.log_after`."""
        return await self._page(lambda number: self._read("log_after", number, limit), number)

    async def _page(self, read: Callable[[int], Awaitable[Sequence[RawRow]]], number: int) -> Sequence[Row]:
        while rows := await read(number):
            if found := list(documents.read_all(documents.read_entry, rows)):
                return found
            # these cannot be read, and what comes after them must not wait for ever
            number = rows[-1][0]
        return []

    async def last_row(self) -> int:
        """See `Store.last_row`."""
        return int((await self._read("last_row"))[0][0])

    async def list(self, query: Query) -> Sequence[model.Ticket]:
        """See `Store.list`."""
        found, page = list[model.Ticket](), query
        while rows := await self._select_page(page):
            found += await aside.run_large(_is_large(rows), _read_tickets, rows)
            if len(rows) < page.limit or len(found) == query.limit:
                break
            # some cannot be read: a short page would look like the last one
            page = replace(query, before=_age(rows[-1]), limit=query.limit - len(found))
        return found

    async def summary(self, id: str) -> Summary:
        """See `Store.summary`."""
        found = documents.read_one(f"request {id}", documents.read_summary, await self._read("summary", id))
        if found is None:
            raise errors.NotFound(f"there is no request {id}")
        return found

    async def count(self, query: Query) -> int:
        """See `Store.count`."""
        text, values = lists.select_count(query, self.dialect)
        return int((await self._select(text, *values))[0][0])

    async def audiences(self) -> Sequence[str]:
        """See `Store.audiences`."""
        return [row[0] for row in await self._read("audiences")]

    async def due(self, at: datetime, limit: int = 100) -> Sequence[str]:
        """See `Store.due`."""
        return [row[0] for row in await self._read("due", documents.to_micros(at), limit)]

    async def postpone(self, id: str, until: datetime) -> None:
        """See `Store.postpone`."""
        await self._write("postpone", documents.to_micros(until), id)

    async def check(self) -> None:
        """See `Store.check`."""
        await self._write("probe")

    async def next_due(self) -> datetime | None:
        """See `Store.next_due`."""
        return documents.to_datetime_if_any((await self._read("next_due"))[0][0])

    async def awaited(self, id: str, after: int | None = None) -> machine.Awaited:
        """See `Store.awaited`."""
        document = None if after is None else await self._newer(id, after)
        told = self._watch.told
        rows = [(document,)] if document else await self._document(id)
        # each who waits reads it anew: whoever answered has an object of their own, and may change it
        seen = await self._one(documents.read_awaited, id, rows)
        # a document that was told may be older than what was told since
        if document is None:
            self._watch.note(id, seen.version, told)
        return seen

    async def changed(self, id: str, version: int) -> model.Ticket | None:
        """See `Store.changed`."""
        document = await self._newer(id, version)
        return None if document is None else await self._one(documents.read_ticket, id, [(document,)])

    async def _newer(self, id: str, version: int) -> str | None:
        """The document of the ticket once it is newer, if this process stored it."""
        return await self._watch.wait_for_newer(id, version, self._version)

    def changes(self) -> AsyncIterator[None]:
        """See `Store.changes`."""
        return self._watch.stream()

    def work(self, what: str) -> AsyncIterator[None]:
        """See `Store.work`."""
        return self._watch.stream(what)

    async def take(self, channels: Collection[str], at: datetime, lease: float, limit: int = 20) -> Sequence[Job]:
        """See `Store.take`."""
        until = documents.to_micros(at + timedelta(seconds=lease))
        rows = await self._write("take", until, json.dumps(sorted(channels)), documents.to_micros(at), limit)
        return list(documents.read_all(documents.read_job, sorted(rows, key=lambda row: (row[5], row[0]))))

    @contextlib.asynccontextmanager
    async def taking(self, channel: str, taker: Taker) -> AsyncGenerator[None]:
        """See `Store.taking`."""
        try:
            async with self._takers.taking(channel, taker):
                yield
        finally:
            # what was leased before comes with that
            await endings.see_through([asyncio.create_task(self._all_told())])

    async def next_job(self, channels: Collection[str]) -> datetime | None:
        """See `Store.next_job`."""
        return documents.to_datetime_if_any((await self._read("next_job", json.dumps(sorted(channels))))[0][0])

    async def done(self, job: Job) -> None:
        """See `Store.done`."""
        await self._write("done", job.fence, job.key)

    async def retry(self, job: Job, at: datetime, error: str) -> None:
        """See `Store.retry`."""
        await self._write("retry", documents.to_micros(at), error, job.key, job.fence)

    async def put_off(self, job: Job, at: datetime) -> None:
        """See `Store.put_off`."""
        await self._write("put_off", documents.to_micros(at), job.key, job.fence)

    async def renew(self, job: Job, until: datetime) -> bool:
        """See `Store.renew`."""
        return bool(await self._write("renew", documents.to_micros(until), job.key, job.fence))

    async def add_card(self, posted: model.PostedCard) -> None:
        """See `Store.add_card`."""
        await self._write("add_card", *documents.row_of_posted_card(posted))

    async def remove_card(self, posted: model.PostedCard) -> None:
        """See `Store.remove_card`."""
        await self._write("remove_card", posted.channel, posted.conversation, posted.message)

    async def cards(self, *ticket_ids: str) -> Sequence[model.PostedCard]:
        """See `Store.cards`."""
        return [model.PostedCard(*row) for row in await self._read("cards", json.dumps(ticket_ids))]

    async def find_card(self, channel: str, conversation: str, message: str) -> model.PostedCard | None:
        """See `Store.find_card`."""
        rows = await self._read("find_card", channel, conversation, message)
        return documents.read_one("a posted card", documents.read_posted_card, rows)

    async def _version(self, id: str) -> int:
        rows = await self._read("version", id)
        if not rows:
            raise errors.NotFound(f"there is no request {id}")
        return int(rows[0][0])

    async def _select_page(self, query: Query) -> Sequence[RawRow]:
        text, values = lists.select_page(query, self.dialect)
        return await self._select(text, *values)

    async def _document(self, id: str) -> Sequence[RawRow]:
        if not is_whole(id):
            raise errors.NotFound("there is no request with this id", field="id")
        return await self._read("load", id)

    async def _one(self, decode: Callable[[RawRow], Decoded], name: str, rows: Sequence[RawRow]) -> Decoded:
        found = await aside.run_large(_is_large(rows), documents.read_one, f"request {name}", decode, rows)
        if found is None:
            raise errors.NotFound(f"there is no request {name}")
        return found


def _read_tickets(rows: Sequence[RawRow]) -> list[model.Ticket]:
    # document, moment, id
    return list(documents.read_all(documents.read_ticket, rows, name=2))


def _is_large(rows: Sequence[RawRow]) -> bool:
    """Whether these documents are read beside the event loop."""
    return sum(len(row[0]) for row in rows) > aside.LARGE


def _age(row: RawRow) -> tuple[datetime, str]:
    return documents.to_datetime(row[1]), row[2]
