"""Keeps tickets in one SQLite file: durable, quick, nothing to install. What it shares is in `sql_store`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Sequence

import apsw

from sayso import errors, model
from sayso.machine import events
from sayso.stores import (
    commit_rows,
    documents,
    lists,
    record_kinds,
    sql,
    sql_store,
    sqlite_file,
    sqlite_worker,
    takers,
    watch,
)
from sayso.stores.outbox import Job
from sayso.stores.protocol import Durability, Query

# How often to look for commits of other processes, in seconds; costs microseconds, and only while somebody waits.
POLL_INTERVAL = 0.15

# Looked up by key, so they take microseconds and need no thread of their own. In WAL mode a reader does not wait.
_POINTS: frozenset[sql.Name] = frozenset(
    {
        "load",
        "load_by_ref",
        "version",
        "get",
        "get_all",
        "cards",
        "find_card",
        "next_due",
        "next_job",
        "last_row",
        "last_seal",
    }
)

# These may find many rows, and the event loop does not wait for them.
_LONG: frozenset[sql.Name] = frozenset({"expire", "forget_cards", "forget_effects"})
# As many of one owner are counted in a fifth of a millisecond.
_SOME = 1_000
# Kinds of which there are never many: a scan of them is a point read, too, and it is on the path of each answer.
_FEW = frozenset({record_kinds.STOP})


class SqliteStore(sql_store.SqlStore):
    """A `Store` in an SQLite file; several processes may open the same one. Use `await SqliteStore.open(path)`."""

    dialect = "sqlite"

    def __init__(self, connection: apsw.Connection, poll_interval: float, busy_timeout: float) -> None:
        self._queries = sql.queries(self.dialect)
        # a database in memory belongs to one connection
        self._reader = sqlite_file.open_point_reader(connection.filename).cursor() if connection.filename else None
        self._file = sqlite_file.OpenedFile(connection.filename)
        self._noting = _Noting()
        self._data_version = sqlite_file.read_pragma(connection, "data_version")
        [[seen]] = sqlite_worker.rows(connection, self._queries["last_row"])
        # up to here all rows were told as they were written, or came before
        self._told: int = seen
        self._worker = sqlite_worker.Worker(connection, self._file.check, busy_timeout)
        # a list may take its time, and no commit waits for it
        reads = sqlite_file.open_reader(connection.filename) if connection.filename else None
        self._lists = sqlite_worker.Worker(reads, self._file.check, busy_timeout) if reads else self._worker
        self._watch = watch.Watch(self._tail, poll_interval, seen)
        self._takers = takers.Takers()
        level = f"journal_mode={sqlite_file.read_pragma(connection, 'journal_mode')}, synchronous=full"
        self.durability = Durability("SQLite", apsw.sqlite_lib_version(), level, bool(connection.filename))

    @classmethod
    async def open(
        cls, path: str, *, busy_timeout: float = sqlite_file.BUSY_TIMEOUT, poll_interval: float = POLL_INTERVAL
    ) -> SqliteStore:
        """Open or make the file; `:memory:` keeps nothing. Times are in seconds.

        Raises:
            InvalidSettings: the file is not a database of sayso, it is of a newer version, or SQLite is too old.
            StoreUnavailable: another process holds it for longer than *busy_timeout*.
        """
        connection = await asyncio.to_thread(sqlite_file.open_file, path, busy_timeout)
        try:
            return cls(connection, poll_interval, busy_timeout)
        except (apsw.Error, UnicodeDecodeError) as error:
            connection.close()
            raise sqlite_worker.unavailable(error) from error

    async def close(self) -> None:
        """Release the file; waiters are cancelled."""
        self._watch.close()
        if self._reader:
            self._reader.connection.close()
            self._reader = None
        await self._lists.close()
        await self._worker.close()

    async def _read(self, query: sql.Name, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        text = self._queries[query]
        if query in _POINTS or (query == "scan" and values[0] in _FEW):
            return await self._select_few(text, *values)
        return await self._select(text, *values)

    async def _select_few(self, text: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        # it takes microseconds, and in WAL mode a reader does not wait
        if reader := self._worker.at_rest or self._reader:
            try:
                self._file.check_now_and_then()
                return sqlite_worker.read_point(reader, text, values)
            except errors.StoreUnavailable as error:
                self._noting.note(error)
                raise
            except apsw.BusyError:
                # only after a crash, or while the last writer leaves: then the thread waits, not the loop
                pass
        return await self._select(text, *values)

    async def _select(self, text: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        with self._noting:
            return await self._lists.run(lambda db: sqlite_worker.rows(db, text, values), long=True)

    async def count(self, query: Query) -> int:
        """See `Store.count`. So many of one owner stand beside each other in an index."""
        if query.owner is None or query.limit > _SOME:
            return await super().count(query)
        text, values = lists.select_count(query, self.dialect)
        return int((await self._select_few(text, *values))[0][0])

    async def _write(self, query: sql.Name, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        text = self._queries[query]
        with self._noting:
            rows = functools.partial(sqlite_worker.rows, text=text, values=values)
            return await self._worker.run(rows, writes=True, long=query in _LONG)

    async def check(self) -> None:
        """See `Store.check`: a file that was found damaged stays so until the next start."""
        if self._noting.damage is not None:
            raise self._noting.damage
        await super().check()

    async def _all_told(self) -> None:
        with contextlib.suppress(errors.StoreUnavailable):
            await self._worker.run(lambda _: None)

    async def _commit(self, *commits: commit_rows.CommitRows) -> None:
        handed: list[takers.Handed] = []

        def work(db: apsw.Cursor) -> None:
            handed.clear()
            for commit in commits:
                if commit.ticket and not self._put_ticket(db, commit.ticket):
                    # whoever runs this takes back what the commits before it have done
                    raise errors.Conflict(f"request {commit.logged[0]} was changed by somebody else")
                self._append(db, commit)
                for row, effect in zip(commit.effects, commit.performed, strict=True):
                    handed.extend(self._put_effect(db, row, effect))
                for record in commit.beside:
                    sqlite_worker.perform(db, self._queries["put_beside"], record)
                for kept in commit.kept:
                    sqlite_worker.perform(db, self._queries["leave"], kept)

        def tell() -> None:
            keys = {job.key for _, job in handed}
            for commit in commits:
                self._watch.tell(*commit.logged[:2], commit.work_without(keys), commit.document)
            # behind those who wait
            takers.hand_on(handed)

        try:
            await self._write_told(work, tell)
        except errors.StoreUnavailable as error:
            if error.unsure:
                await self._hand_back(handed, commits)
            raise

    async def _hand_back(self, handed: Sequence[takers.Handed], commits: Sequence[commit_rows.CommitRows]) -> None:
        """Let anybody take what may be on the disk all the same, leased to whoever does not know of it."""
        written = {effect[0]: effect[4] for commit in commits for effect in commit.effects}
        # where this fails as well, the lease ends by itself
        with contextlib.suppress(errors.StoreUnavailable):
            for _, job in handed:
                await self._write("put_off", written[job.key], job.key, job.fence)

    async def settle(self, job: Job, posted: model.PostedCard, version: int, entry: events.Entry) -> bool:
        """See `Store.settle`: in one transaction."""
        logged, card = commit_rows.of_entry(job.ticket_id, version, entry), documents.row_of_posted_card(posted)

        def work(db: apsw.Cursor) -> bool:
            sqlite_worker.perform(db, self._queries["add_card"], card)
            self._append(db, logged)
            ends = job.fence, job.key, job.ticket_id, version
            return bool(sqlite_worker.rows(db, self._queries["done_unless_newer"], ends))

        return await self._write_told(work, functools.partial(self._watch.tell, job.ticket_id, version))

    async def _write_told(
        self, work: Callable[[apsw.Cursor], sqlite_worker.Result], tell: Callable[[], None]
    ) -> sqlite_worker.Result:
        """Do work that writes rows of the log, and tell of them."""
        with self._noting:
            try:
                return await self._worker.run(work, writes=True, tell=tell)
            except errors.StoreUnavailable:
                # it may be on the disk all the same, and nobody was told: the next look goes through the log
                self._data_version = -1
                raise

    def _put_ticket(self, db: apsw.Cursor, ticket: sql_store.Values) -> bool:
        id, _, version, state, wake_at, _, _, _, audience, _, ends_at, document = ticket
        try:
            if version == 1:
                sqlite_worker.perform(db, self._queries["add_ticket"], ticket)
            else:
                changed = version, state, wake_at, audience, ends_at, document, id
                sqlite_worker.perform(db, self._queries["change_ticket"], changed)
        except apsw.ConstraintError:  # the reference is taken
            return False
        return db.connection.changes() == 1

    def _put_effect(self, db: apsw.Cursor, row: sql_store.Values, effect: events.Effect) -> Sequence[takers.Handed]:
        """Write an effect; who has it for themselves from now on, if somebody does."""
        key, ticket_id, channel, _, written_at, due_at = row
        lent = self._takers.lease(str(channel)) if due_at == written_at else None
        if lent is None:
            sqlite_worker.perform(db, self._queries["put_effect"], row)
            return ()
        taker, until = lent
        values = *row[:-1], documents.to_micros(until)
        [[fence, lease]] = sqlite_worker.rows(db, self._queries["put_leased"], values)
        return [(taker, Job(str(key), str(ticket_id), effect, 0, fence, until))] if lease == fence else ()

    def _append(self, db: apsw.Cursor, commit: commit_rows.CommitRows) -> None:
        # two statements: one that reads the table it writes takes several times as long
        is_first = commit.ticket is not None and commit.logged[1] == 1
        heads = [] if is_first else sqlite_worker.rows(db, self._queries["head"], commit.logged[:1])
        prev, link = (heads[0][0] if heads else None) or "", commit.link
        values = (*commit.logged, prev, link.body, link.state, link.hash_after(prev))
        sqlite_worker.perform(db, self._queries["append"], values)

    async def _tail(self, seen: int) -> Sequence[tuple[int, str, int]]:
        # hardly ever there is anything, and that is found out without the thread
        reader = self._worker.at_rest
        with contextlib.suppress(apsw.BusyError):
            if reader and self._is_all_told(reader):
                return []
        return await self._worker.run(functools.partial(self._written_elsewhere, seen), long=True)

    def _is_all_told(self, db: apsw.Cursor) -> bool:
        self._file.check_now_and_then()
        [[last]] = sqlite_worker.read_point(db, self._queries["last_row"])
        # grows with every commit of another connection, never with ours; asked last, so none came before the row
        [[version]] = sqlite_worker.read_point(db, "pragma data_version")
        if version != self._data_version:
            return False
        # what is there was told as it was written, and is not gone through once somebody else writes
        self._told = last
        return True

    def _written_elsewhere(self, seen: int, db: apsw.Cursor) -> Sequence[tuple[int, str, int]]:
        if self._is_all_told(db):
            return []
        version = sqlite_file.read_pragma(db, "data_version")
        new = sqlite_worker.rows(db, self._queries["tail"], (max(seen, self._told),))
        if not new:
            # what was found may not be all: only once there is none nothing is left to look for
            self._data_version = version
        return [(row[0], row[1], row[2]) for row in new]


class _Noting:
    """Notes that the file was found damaged. No generator: it is entered for each read and each commit."""

    def __init__(self) -> None:
        self.damage: errors.StoreUnavailable | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, errors.StoreUnavailable):
            self.note(error)

    def note(self, error: errors.StoreUnavailable) -> None:
        """Note it, if it says so."""
        if error.why == sqlite_worker.DAMAGED:
            self.damage = error
