"""An SQLite file: made for its owner alone, known to be ours, and still the one that was opened."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import threading
import time
from pathlib import Path

import apsw
import tenacity

from sayso import errors
from sayso.stores import sql, sqlite_worker

# SQLite 3.7.0 to 3.51.2 can damage a file when two connections write and checkpoint at once.
OLDEST_SQLITE = (3, 51, 3)

# How long to wait for another process that has the file, in seconds.
BUSY_TIMEOUT = 5.0

BEFORE_RESTORE = ".before-restore-"
"""Behind the name of a file, and before a number: what it was before a restore."""

# "says" in ASCII, in the header of the file: whose database it is.
_OURS = int.from_bytes(b"says")
_MEMORY = ":memory:"
# What SQLite keeps beside a file.
_BESIDE = ("-wal", "-shm")
# Of the log of pages that SQLite keeps beside a file, until they go into the file; each has 4 KiB.
_WAL_PAGES = 4096
# Seconds between two looks at the files for reads; a commit always looks.
_LOOK = 0.2
# To close a file ends all locks that this process has on it, also those of its other connections to the same database.
# So a new file is closed while no other thread can have opened it yet.
_making = threading.Lock()


class OpenedFile:
    """A file and what stands beside it, as they were when they were opened; nothing if the database is in memory."""

    def __init__(self, path: str) -> None:
        names = [f"{path}{end}" for end in ("", *_BESIDE)] if path else []
        self._seen = {name: found for name in names if (found := _identity(name))}
        self._lost: errors.StoreUnavailable | None = None
        self._looked = time.monotonic()

    def check(self) -> None:
        """Raise `StoreUnavailable` if a file is gone or is another one: what is written then is lost at the end.

        Once all of them are back, the same as before, it is as if nothing had been.
        """
        self._looked = time.monotonic()
        for name, found in self._seen.items():
            if _identity(name) != found:
                why = "the database file was moved, deleted or replaced while it was in use"
                file = os.path.basename(name)
                hint = f"move {file} back, and it goes on; or stop the service, put {file} back, and start it again"
                self._lost = errors.StoreUnavailable(f"{why}: {name}", hint=hint, why=why)
                raise self._lost
        self._lost = None

    def check_now_and_then(self) -> None:
        """As `check`, for reads, which are many: it looks at the files again only after a while."""
        if time.monotonic() - self._looked > _LOOK:
            self.check()
        if self._lost:
            raise self._lost


def open_file(path: str, busy_timeout: float) -> apsw.Connection:
    """A connection that writes to the file, which is made if it does not exist. Raises as `SqliteStore.open`."""
    found = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if found < OLDEST_SQLITE:
        raise wrong(f"SQLite {apsw.sqlite_lib_version()} can damage the database", "install a newer apsw")
    end = time.monotonic() + busy_timeout
    db = while_busy(busy_timeout)(lambda: _open_once(path, max(0.0, end - time.monotonic())))
    db.set_busy_timeout(_milliseconds(busy_timeout))
    return db


def while_busy(seconds: float) -> tenacity.Retrying:
    """Call something again while another process has the file, for *seconds* at most.

    SQLite does not wait by itself in each case: of two connections that switch one new file to WAL, one fails at once,
    and so does a backup in some versions.
    """
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error.__cause__, apsw.BusyError)),
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_random(0, 0.05),
        reraise=True,
    )


def _open_once(path: str, busy_timeout: float) -> apsw.Connection:
    try:
        if path != _MEMORY:
            _make(path)
            _refuse_names(path)
        db = _connect(path)
    except (OSError, apsw.Error) as error:
        raise wrong(f"{path} cannot be opened: {error}", "name a file in a folder that can be written") from error
    try:
        prepare(db, path, busy_timeout)
    except BaseException:
        db.close()
        raise
    return db


def _make(path: str) -> None:
    # made here, because SQLite would let everybody read it
    with _making, contextlib.suppress(FileExistsError):
        os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _refuse_names(path: str) -> None:
    # what is not in the file yet stands beside each name, so what is written by one is lost to the other
    names = os.stat(path).st_nlink
    # a restore that was killed may have left it the name by which it is kept: nothing writes by that
    kept = Path(path).parent.glob(f"{glob.escape(Path(path).name)}{BEFORE_RESTORE}*") if names > 1 else ()
    if names > 1 + sum(os.path.samefile(path, one) for one in kept):
        raise wrong(f"{path} has a second name (a hard link)", "remove one of the two; to copy it: sayso backup FILE")


def open_reader(path: str) -> apsw.Connection:
    """A connection that only reads, and waits while another process has the file. Raises `apsw.Error`."""
    db = open_point_reader(path)
    db.set_busy_timeout(_milliseconds(BUSY_TIMEOUT))
    return db


def open_point_reader(path: str) -> apsw.Connection:
    """A connection that only reads, and waits for nobody. Raises `apsw.Error`."""
    return _connect(path, apsw.SQLITE_OPEN_READONLY)


def _connect(path: str, flags: int = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE) -> apsw.Connection:
    db = apsw.Connection(path, flags=flags)
    # otherwise a statement with a bound on a range is prepared anew for each value, for figures that are not kept
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return db


def is_open_to_others(path: Path) -> bool:
    """Whether others than its owner may read or write a file: whoever writes it, decides."""
    return path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def close_to_others(path: Path) -> bool:
    """Leave the file, and what stands beside it, to its owner; whether others could reach it before.

    Raises:
        InvalidSettings: it belongs to somebody else.
    """
    found = [one for one in (path, *(Path(f"{path}{end}") for end in _BESIDE)) if is_open_to_others(one)]
    for one in found:
        try:
            one.chmod(0o600)
        except OSError as error:
            raise wrong(f"other users of this machine can reach {one}", f"chmod 600 {one}") from error
    return bool(found)


def quick_check(path: str) -> None:
    """Read the whole file once. Raises `StoreUnavailable` if a part of it is damaged."""
    try:
        with contextlib.closing(open_reader(path)) as db:
            found = [row[0] for row in sqlite_worker.rows(db, "pragma quick_check(1)")]
    except (apsw.Error, UnicodeDecodeError) as error:
        raise sqlite_worker.unavailable(error) from error
    if found != ["ok"]:
        raise sqlite_worker.damaged(str(found[0]))


def read_pragma(db: apsw.Connection | apsw.Cursor, name: str) -> int | str:
    """The value of a pragma."""
    value: int | str = sqlite_worker.rows(db, f"pragma {name}")[0][0]
    return value


def wrong(message: str, hint: str) -> errors.InvalidSettings:
    """The error of a file that cannot be used at all."""
    return errors.InvalidSettings(message, field="SAYSO_DATABASE_URL", hint=hint)


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def prepare(db: apsw.Connection, path: str, busy_timeout: float) -> None:
    """Set up a new connection, and bring the schema up to date. Raises as `open_file`."""
    try:
        db.set_busy_timeout(_milliseconds(busy_timeout))
        _refuse_others(db, path)
        journal = read_pragma(db, "journal_mode = wal")
        if journal not in ("wal", "memory"):
            raise wrong(f"{path} cannot be kept durably (journal mode {journal})", "use a local disk")
        # an acknowledged commit survives a power cut only with FULL; fullfsync is what macOS calls it
        for setting in ("synchronous = full", "fullfsync = on", "checkpoint_fullfsync = on"):
            sqlite_worker.rows(db, f"pragma {setting}")
        # what is erased, and each earlier text of a row, is written over with zeros, and does not stay in free pages
        sqlite_worker.rows(db, "pragma secure_delete = on")
        # the same pages are written again and again: into the file itself only each 16 MiB of them, and not each 4
        sqlite_worker.rows(db, f"pragma wal_autocheckpoint = {_WAL_PAGES}")
        _migrate(db, path)
    except apsw.NotADBError as error:
        raise wrong(f"{path} is not a database", "name another file") from error
    except apsw.ReadOnlyError as error:
        raise wrong(f"{path} cannot be written", "give the user of this process the right to write it") from error
    except (apsw.Error, UnicodeDecodeError) as error:
        raise sqlite_worker.unavailable(error) from error


def _refuse_others(db: apsw.Connection, path: str) -> None:
    """Before anything is changed: a file that another program keeps its data in is not ours."""
    # the mark is read once, and first: another process of ours may be making this very file
    mark = read_pragma(db, "application_id")
    tables = {row[0] for row in sqlite_worker.rows(db, "select name from sqlite_master where type = 'table'")}
    # files of the first versions have no mark yet
    known = read_pragma(db, "user_version") and {"tickets", "log", "outbox", "refs", "records"} <= tables
    if mark != _OURS and (mark or (tables and not known)):
        raise wrong(f"{path} is the database of another program", "name another file; nothing was changed")


def _migrate(db: apsw.Connection, path: str) -> None:
    steps = sql.migrations("sqlite")
    sqlite_worker.rows(db, "begin immediate")
    version = int(read_pragma(db, "user_version"))
    if version > len(steps):
        raise wrong(f"{path} was written by a newer sayso (schema {version})", "upgrade sayso")
    for step in steps[version:]:
        sqlite_worker.rows(db, step)
    sqlite_worker.rows(db, f"pragma user_version = {len(steps)}")
    sqlite_worker.rows(db, f"pragma application_id = {_OURS}")
    sqlite_worker.rows(db, "commit")


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
