"""Keeps tickets in one SQLite file: durable, quick, nothing to install. Holds the file; the rows are in `tables`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator, Sequence

import apsw

from sayso import errors
from sayso.stores import sql, sql_store, sqlite_file, sqlite_writer, watch
from sayso.stores.protocol import Durability

OLDEST_SQLITE = sqlite_file.OLDEST_SQLITE
_prepare = sqlite_file.prepare

# How often to look for commits of other processes, in seconds; costs microseconds, and only while somebody waits.
POLL_INTERVAL = 0.15

# Looked up by key, so they take microseconds and need no thread of their own. In WAL mode a reader waits for nobody.
_POINTS = frozenset({"load", "load_by_ref", "version", "get", "cards", "find_card", "next_due", "next_job", "last_row"})


class SqliteStore(sql_store.Tables):
    """A `Store` in an SQLite file; several processes may open the same one. Use `await SqliteStore.open(path)`."""

    def __init__(self, connection: apsw.Connection, poll_interval: float) -> None:
        self._queries = sql.queries("sqlite")
        self._reader = _reader(connection.filename)
        self._file = sqlite_file.Kept(connection.filename)
        self._damage: errors.StoreUnavailable | None = None
        self._data_version = sqlite_file.pragma(connection, "data_version")
        [[seen]] = sqlite_writer.rows(connection, self._queries["last_row"])
        self._writer = sqlite_writer.Writer(connection, self._file.check)
        self._watch = watch.Watch(self._tail, poll_interval, seen)
        level = f"journal_mode={sqlite_file.pragma(connection, 'journal_mode')}, synchronous=full"
        self.durability = Durability("SQLite", apsw.sqlite_lib_version(), level, bool(connection.filename))

    @classmethod
    async def open(
        cls, path: str, *, busy_timeout: float = sqlite_file.BUSY_TIMEOUT, poll_interval: float = POLL_INTERVAL
    ) -> SqliteStore:
        """Open or make the file; `:memory:` keeps nothing. Times are in seconds.

        Raises:
            InvalidSettings: the file is no database of ours, or of a newer version, or SQLite is too old.
            StoreUnavailable: another process holds it for longer than *busy_timeout*.
        """
        connection = await asyncio.to_thread(sqlite_file.opened, path, busy_timeout)
        try:
            return cls(connection, poll_interval)
        except (apsw.Error, UnicodeDecodeError) as error:
            connection.close()
            raise sqlite_writer.unavailable(error) from error

    async def close(self) -> None:
        """Release the file; waiters are cancelled."""
        self._watch.close()
        if self._reader:
            self._reader.close()
            self._reader = None
        await self._writer.close()

    async def _read(self, query: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        text = self._queries.get(query, query)
        with self._noticed():
            if query in _POINTS and self._reader:
                self._file.check_now_and_then()
                # busy only after a crash, or while the last writer leaves: then the thread waits, not the loop
                with contextlib.suppress(apsw.BusyError):
                    return _point(self._reader, text, values)
            return await self._writer.run(lambda db: sqlite_writer.rows(db, text, values))

    async def _write(self, query: str, *values: sql_store.Value) -> Sequence[sql_store.RawRow]:
        text = self._queries[query]
        with self._noticed():
            return await self._writer.run(lambda db: sqlite_writer.rows(db, text, values), writes=True)

    async def check(self) -> None:
        """See `Store.check`: a file that was found damaged stays so until the next start."""
        if self._damage is not None:
            raise self._damage
        await super().check()

    async def _commit(self, *writes: sql_store.Write) -> None:
        def work(db: apsw.Connection) -> None:
            for write in writes:
                if write.ticket and not _stored(db, self._queries["store"], write.ticket):
                    # whoever runs this takes back what the writes before it have done
                    raise errors.Conflict(f"request {write.logged[0]} was changed by somebody else")
                sqlite_writer.rows(db, self._queries["append"], write.logged)
                for effect in write.effects:
                    sqlite_writer.rows(db, self._queries["write"], effect)

        def told() -> None:
            for ticket_id, version, _ in (write.logged for write in writes):
                self._watch.told(ticket_id, version)

        with self._noticed():
            await self._writer.run(work, writes=True, told=told)

    @contextlib.contextmanager
    def _noticed(self) -> Generator[None]:
        try:
            yield
        except errors.StoreUnavailable as error:
            if error.why == sqlite_writer.DAMAGED:
                self._damage = error
            raise

    async def _tail(self, seen: int) -> Sequence[tuple[int, str, int]]:
        def work(db: apsw.Connection) -> Sequence[tuple[int, str, int]]:
            # grows with every commit of another connection, never with ours
            found = sqlite_file.pragma(db, "data_version")
            if found == self._data_version:
                return ()
            self._data_version = found
            return [(row[0], row[1], row[2]) for row in sqlite_writer.rows(db, self._queries["tail"], (seen,))]

        return await self._writer.run(work)


def _reader(path: str) -> apsw.Connection | None:
    # a database in memory belongs to one connection
    return apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY) if path else None


def _point(reader: apsw.Connection, text: str, values: Sequence[sql_store.Value]) -> Sequence[sql_store.RawRow]:
    try:
        return sqlite_writer.rows(reader, text, values)
    except apsw.BusyError:
        raise
    except (apsw.Error, UnicodeDecodeError) as error:
        raise sqlite_writer.unavailable(error) from error


def _stored(db: apsw.Connection, query: str, ticket: sql_store.Values) -> bool:
    try:
        return bool(sqlite_writer.rows(db, query, ticket))
    except apsw.ConstraintError:  # the reference is taken
        return False
