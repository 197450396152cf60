"""Copies of the database, and what putting one back means for what stands in it.

The rule: a copy that is put back decides nothing and lets nothing run a second time; people and agents are told why.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import apsw

from sayso import errors, model
from sayso.desk import authority
from sayso.machine import events
from sayso.stores import Query, Store, record_kinds, sqlite, sqlite_file, sqlite_worker

# Tickets read at once.
_CHUNK = 100
_BESIDE = ("-wal", "-shm")
# Databases of before a restore that may stand beside the present one.
_MOST_KEPT = 9_999


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back."""

    held: int
    """Requests that wait for an operator."""
    void: int
    """Allows that were not used when the copy was made."""
    dropped: tuple[str, ...]
    """Keys of the copy that were revoked since."""
    revived: tuple[str, ...]
    """Keys of the copy that may have been revoked since; there is no database to tell."""
    before: Path | None
    """Where the database of before is kept now."""


def backup(database: Path, target: Path) -> None:
    """Copy the database as of this moment, also while it is in use.

    Raises:
        InvalidSettings: there is no such database, or the target is there already, or cannot be made.
        StoreUnavailable: it cannot be read.
    """
    if not database.exists():
        raise sqlite_file.wrong(f"there is no database at {database}", "run this in the folder of the service")
    if target.exists():
        raise errors.InvalidSettings(f"{target} is there already", field="FILE", hint="name a new file")
    beside = target.with_name(target.name + ".new")
    try:
        sqlite_file.while_busy(sqlite_file.BUSY_TIMEOUT)(_copy, database, beside)
        os.replace(beside, target)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        message, hint = f"{target} cannot be made: {error.strerror}", "name a file in a folder that is there and yours"
        raise errors.InvalidSettings(message, field="FILE", hint=hint) from error


async def restore(copy: Path, database: Path, at: datetime) -> Restored:
    """Put a copy in the place of the database, whose own file is kept beside it.

    Raises:
        InvalidSettings: the copy is not one of ours, or a service uses the database now.
        StoreUnavailable: the copy is damaged.
    """
    known = _check(copy, database)
    fresh = database.with_name(database.name + ".restoring")
    _remove(fresh)
    sqlite_file.while_busy(sqlite_file.BUSY_TIMEOUT)(_copy, copy, fresh)
    try:
        store = await sqlite.SqliteStore.open(str(fresh))
        try:
            dropped, revived = await _drop_revoked(store, known)
            held, void = await hold(store, at)
        finally:
            await store.close()
    except BaseException:
        _remove(fresh)
        raise
    return Restored(held, void, dropped, revived, _swap(fresh, database))


async def hold(store: Store, at: datetime) -> tuple[int, int]:
    """Let nothing of an older copy count by itself; returns how many requests wait and how many allows are void."""
    for kind in record_kinds.FLEETING:
        for record in await store.scan(kind):
            await store.remove(kind, record.name)
    held = 0
    async for ticket in _tickets(store, "pending"):
        held += (await authority.happen(store, ticket.id, events.Held(at=at))).held
    void = 0
    async for ticket in _tickets(store, "decided"):
        if ticket.decision is not None and ticket.decision.outcome == "allowed" and ticket.used_at is None:
            void += (await authority.happen(store, ticket.id, events.Held(at=at))).held
    return held, void


async def settle(store: Store, ids: tuple[str, ...], event: events.Event) -> list[model.Ticket]:
    """What an operator says about held requests: a release, or a withdrawal; without *ids* about all of them.

    Raises:
        NotFound: there is no such request.
        InvalidRequest: one of them is not held.
    """
    chosen = [await store.load(id) for id in ids]
    for ticket in chosen:
        if not ticket.held or ticket.decision is not None:
            raise errors.InvalidRequest(f"request {ticket.id} is not held", field="id", hint="see: sayso list")
    if not ids:
        chosen = [ticket async for ticket in _tickets(store, "pending") if ticket.held]
    return [await authority.happen(store, ticket.id, event) for ticket in chosen]


async def _tickets(store: Store, state: model.State) -> AsyncIterator[model.Ticket]:
    query = Query(state, limit=_CHUNK)
    while tickets := await store.list(query):
        for ticket in tickets:
            yield ticket
        query = Query(state, limit=_CHUNK, before=(tickets[-1].created_at, tickets[-1].id))


async def _drop_revoked(store: Store, known: set[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keys that were revoked since the copy was made stay revoked, as far as the present database says which."""
    records = await store.scan(record_kinds.KEY)
    names = {record.name: str(record.value["name"]) for record in records}
    if known is None:
        return (), tuple(sorted(names.values()))
    gone = [record.name for record in records if record.name not in known]
    for name in gone:
        await store.remove(record_kinds.KEY, name)
    return tuple(sorted(names[name] for name in gone)), ()


def _check(copy: Path, database: Path) -> set[str] | None:
    """The keys of the present database, once the copy is known to be whole. Raises as `restore`."""
    if not copy.is_file():
        raise errors.InvalidSettings(f"there is no file {copy}", field="FILE", hint="see: sayso backup FILE")
    other = "take another file that sayso backup wrote; nothing was changed"
    try:
        sqlite_file.quick_check(str(copy))
    except errors.StoreUnavailable as error:
        raise errors.StoreUnavailable(f"{copy} cannot be put back: {error.message}", hint=other) from error
    # what is empty would be opened as a new database, in which nothing is left
    with contextlib.closing(sqlite_file.open_reader(str(copy))) as db:
        is_ours = bool(sqlite_worker.rows(db, "select 1 from sqlite_master where name = 'tickets'"))
    if not is_ours:
        raise errors.InvalidSettings(f"{copy} is no copy of a database of sayso", field="FILE", hint=other)
    return _keys_alone(database)


def _remove(fresh: Path) -> None:
    for end in ("", *_BESIDE):
        fresh.with_name(fresh.name + end).unlink(missing_ok=True)


def _keys_alone(database: Path) -> set[str] | None:
    """Read the keys of the present database, once no process uses it; None if it is missing or cannot be read."""
    if not database.exists():
        return None
    try:
        with contextlib.closing(apsw.Connection(str(database))) as db:
            db.set_busy_timeout(round(sqlite_file.BUSY_TIMEOUT * 1000))
            keys = {
                str(row[0])
                for row in sqlite_worker.rows(db, "select name from records where kind = ?", (record_kinds.KEY,))
            }
            # takes what is in the WAL into the file; possible only if no other process has it open
            sqlite_file.read_pragma(db, "journal_mode = delete")
            return keys
    except apsw.BusyError as error:
        raise sqlite_file.wrong(f"{database} is in use", "stop the service first") from error
    except (apsw.Error, UnicodeDecodeError):
        return None


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with (
            contextlib.closing(sqlite_file.open_reader(str(source))) as db,
            contextlib.closing(apsw.Connection(str(target))) as copy,
        ):
            # some versions of apsw let no other thread run in this call: it must not wait, `while_busy` does
            db.set_busy_timeout(0)
            with copy.backup("main", db, "main") as copying:
                copying.step()
            # one file, with nothing beside it
            sqlite_file.read_pragma(copy, "journal_mode = delete")
    except (apsw.Error, UnicodeDecodeError) as error:
        target.unlink(missing_ok=True)
        raise sqlite_worker.unavailable(error) from error
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _swap(fresh: Path, database: Path) -> Path | None:
    """Put *fresh* in place in one step; returns where the file of before is now."""
    before = None
    if database.exists():
        before = _free_name(database)
        os.link(database, before)
        for end in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{database}{end}", f"{before}{end}")
    os.replace(fresh, database)
    folder = os.open(database.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return before


def _free_name(database: Path) -> Path:
    for number in range(1, _MOST_KEPT + 1):
        before = database.with_name(f"{database.name}{sqlite_file.BEFORE_RESTORE}{number}")
        if not before.exists():
            return before
    raise sqlite_file.wrong(f"too many files beside {database}", "remove those of earlier restores")
