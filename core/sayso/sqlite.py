"""Keeps tickets in one SQLite file: durable, quick, nothing to install. Holds the file; the rows are in `tables`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence

import apsw

from sayso import errors, sql, store, tables, watch, writer

# SQLite 3.7.0 to 3.51.2 can damage a file when two connections write and checkpoint at once.
OLDEST_SQLITE = (3, 51, 3)

# How long to wait for another process that writes, in seconds.
BUSY_TIMEOUT = 5.0

# How often to look for commits of other processes, in seconds; costs microseconds, and only while somebody waits.
POLL_INTERVAL = 0.15

# Looked up by key, so they take microseconds and need no thread of their own. In WAL mode a reader waits for nobody.
_POINTS = frozenset({"load", "load_ref", "version", "get", "refs", "find_ref", "next_due", "next_job", "last_row"})


class SqliteStore(tables.Tables):
    """A `Store` in an SQLite file; several processes may open the same one. Use `await SqliteStore.open(path)`."""

    def __init__(self, connection: apsw.Connection, poll_interval: float) -> None:
        self._queries = sql.queries("sqlite")
        self._reader = _reader(connection.filename)
        self._writer = writer.Writer(connection)
        self._data_version = _pragma(connection, "data_version")
        [[seen]] = writer.rows(connection, self._queries["last_row"])
        self._watch = watch.Watch(self._tail, poll_interval, seen)
        level = f"journal_mode={_pragma(connection, 'journal_mode')}, synchronous=full"
        self.durability = store.Durability("SQLite", apsw.sqlite_lib_version(), level, bool(connection.filename))

    @classmethod
    async def open(
        cls, path: str, *, busy_timeout: float = BUSY_TIMEOUT, poll_interval: float = POLL_INTERVAL
    ) -> SqliteStore:
        """Open or make the file; `:memory:` keeps nothing. Times are in seconds.

        Raises:
            InvalidSettings: the file is no database of ours, or of a newer version, or SQLite is too old.
            StoreUnavailable: another process holds it for longer than *busy_timeout*.
        """
        return cls(await asyncio.to_thread(_opened, path, busy_timeout), poll_interval)

    async def close(self) -> None:
        """Release the file; waiters are cancelled."""
        self._watch.close()
        if self._reader:
            self._reader.close()
            self._reader = None
        await self._writer.close()

    async def _read(self, query: str, *values: tables.Value) -> Sequence[tables.RawRow]:
        text = self._queries.get(query, query)
        if query in _POINTS and self._reader:
            # busy only for a moment after a crash, or while the last writer leaves: then the thread waits, not the loop
            with contextlib.suppress(apsw.BusyError):
                return _point(self._reader, text, values)
        return await self._writer.run(lambda db: writer.rows(db, text, values))

    async def _write(self, query: str, *values: tables.Value) -> Sequence[tables.RawRow]:
        text = self._queries[query]
        return await self._writer.run(lambda db: writer.rows(db, text, values), writes=True)

    async def _commit(self, write: tables.Write) -> None:
        def work(db: apsw.Connection) -> None:
            if write.ticket and not _stored(db, self._queries["store"], write.ticket):
                raise errors.Conflict(f"request {write.logged[0]} was changed by somebody else")
            writer.rows(db, self._queries["append"], write.logged)
            for effect in write.effects:
                writer.rows(db, self._queries["write"], effect)

        ticket_id, version, _ = write.logged
        await self._writer.run(work, writes=True, told=lambda: self._watch.told(ticket_id, version))

    async def _tail(self, seen: int) -> Sequence[tuple[int, str, int]]:
        def work(db: apsw.Connection) -> Sequence[tuple[int, str, int]]:
            # grows with every commit of another connection, never with ours
            found = _pragma(db, "data_version")
            if found == self._data_version:
                return ()
            self._data_version = found
            return [(row[0], row[1], row[2]) for row in writer.rows(db, self._queries["tail"], (seen,))]

        return await self._writer.run(work)


def _reader(path: str) -> apsw.Connection | None:
    # a database in memory belongs to one connection
    return apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY) if path else None


def _point(reader: apsw.Connection, text: str, values: Sequence[tables.Value]) -> Sequence[tables.RawRow]:
    try:
        return writer.rows(reader, text, values)
    except apsw.BusyError:
        raise
    except apsw.Error as error:
        raise writer.unavailable(error) from error


def _stored(db: apsw.Connection, query: str, ticket: tables.Values) -> bool:
    try:
        return bool(writer.rows(db, query, ticket))
    except apsw.ConstraintError:  # the reference is taken
        return False


def _pragma(db: apsw.Connection, name: str) -> int | str:
    value: int | str = writer.rows(db, f"pragma {name}")[0][0]
    return value


def _opened(path: str, busy_timeout: float) -> apsw.Connection:
    found = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if found < OLDEST_SQLITE:
        raise _wrong(f"SQLite {apsw.sqlite_lib_version()} can damage the database", "install a newer apsw")
    try:
        if path != ":memory:":
            # made here, because SQLite would let everybody read it
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = apsw.Connection(path)
    except (OSError, apsw.Error) as error:
        raise _wrong(f"{path} cannot be opened: {error}", "name a file in a folder that can be written") from error
    try:
        _prepare(db, path, busy_timeout)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: apsw.Connection, path: str, busy_timeout: float) -> None:
    try:
        db.set_busy_timeout(round(busy_timeout * 1000))
        journal = _pragma(db, "journal_mode = wal")
        if journal not in ("wal", "memory"):
            raise _wrong(f"{path} cannot be kept durably (journal mode {journal})", "use a local disk")
        # an acknowledged commit survives a power cut only with FULL; fullfsync is what macOS calls it
        for setting in ("synchronous = full", "fullfsync = on", "checkpoint_fullfsync = on"):
            writer.rows(db, f"pragma {setting}")
        _migrate(db, path)
    except apsw.NotADBError as error:
        raise _wrong(f"{path} is not a database", "name another file") from error
    except apsw.Error as error:
        raise writer.unavailable(error) from error


def _migrate(db: apsw.Connection, path: str) -> None:
    steps = sql.migrations("sqlite")
    writer.rows(db, "begin immediate")
    version = int(_pragma(db, "user_version"))
    if version > len(steps):
        raise _wrong(f"{path} was written by a newer sayso (schema {version})", "upgrade sayso")
    for step in steps[version:]:
        writer.rows(db, step)
    writer.rows(db, f"pragma user_version = {len(steps)}")
    writer.rows(db, "commit")


def _wrong(message: str, hint: str) -> errors.InvalidSettings:
    return errors.InvalidSettings(message, field="SAYSO_DATABASE_URL", hint=hint)
