"""The one way to a database connection; all that waits is written in one transaction (group commit).

A caller gets its answer only after the commit: what it hears is on the disk. Statements take microseconds, so the event
loop runs them itself: a thread would wait for the interpreter after each of them. The thread waits for the disk and
for locks of other processes, and runs what takes long. While it does not have the connection, the loop may read by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import apsw

from sayso import errors

log = logging.getLogger(__name__)

Result = TypeVar("Result")

DAMAGED = "the database is damaged"
"""What is said of a file with a page that cannot be read."""

_HINTS = {apsw.BusyError: "another program holds it; try again", apsw.FullError: "free some space on the disk"}
# A text that cannot be decoded comes from a page that is not what was written.
_DAMAGE = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError)
# After these a commit has surely not happened.
_CERTAIN = (apsw.BusyError, apsw.FullError, apsw.ConstraintError)


@dataclass(slots=True)
class Work:
    """A piece of work, and who waits for it. `tell` is called after the commit, even if the caller has gone."""

    run: Callable[[apsw.Cursor], Any]
    """May be called a second time, in another transaction, if other work of the first one failed."""
    writes: bool
    future: asyncio.Future[Any]
    tell: Callable[[], None] | None = None
    long: bool = False
    """Whether it may take its time, so that it is run beside the event loop."""
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Group:
    """Work that shares a transaction."""

    jobs: list[Work]
    stage: Literal["new", "filled", "over"] = "new"
    """Filled: all of it was run, and the commit is still to come."""
    busy: bool = False
    """Whether another process held the database for too long."""


class Worker:
    """Runs work on *connection*, for the event loop in which it was made; no other thread may use the connection.

    *before* is called before each transaction; whatever it raises ends the transaction. *timeout* is for locks of
    other processes, in seconds.
    """

    def __init__(
        self, connection: apsw.Connection, before: Callable[[], None] = lambda: None, timeout: float = 0.0
    ) -> None:
        self._connection = connection
        # one for all: to make one costs as much as a short statement
        self._cursor = connection.cursor()
        self._before = before
        self._timeout = round(timeout * 1000)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Work] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._groups: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
        self._closed = False
        self._is_lent = False
        self._connection.set_busy_timeout(0)
        self._thread = threading.Thread(target=self._run, name="sayso-store", daemon=True)
        self._thread.start()

    @property
    def at_rest(self) -> apsw.Cursor | None:
        """The connection, unless the thread has it: for reads, since it knows still what it wrote."""
        busy = self._is_lent or self._closed or self._connection.in_transaction
        return None if busy else self._cursor

    async def run(
        self,
        work: Callable[[apsw.Cursor], Result],
        *,
        writes: bool = False,
        tell: Callable[[], None] | None = None,
        long: bool = False,
    ) -> Result:
        """Return what *work* returns, after the commit that makes it durable. Raises `StoreUnavailable`."""
        if self._closed:
            raise errors.StoreUnavailable("the database is closed")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append(Work(work, writes, future, tell, long))
        if self._idle.is_set():
            self._idle.clear()
            # what others ask for in this turn of the loop comes along
            self._loop.call_soon(self._begin)
        return await future

    async def close(self) -> None:
        """Finish what waits, and close the connection."""
        if not self._closed:
            self._closed = True
            await self._idle.wait()
            self._groups.put(None)
        await asyncio.to_thread(self._thread.join)

    def _begin(self) -> None:
        group, self._waiting = Group(self._waiting), []
        if not any(job.long for job in group.jobs):
            self._fill(group, waits=False)
        if group.stage == "over":
            self._finish(group)
        else:
            self._is_lent = True
            self._groups.put(group)

    def _finish(self, group: Group) -> None:
        self._is_lent = False
        if group.busy:
            # work that came during the wait does not wait a second time: the bound holds for all of it
            late, self._waiting = self._waiting, []
            for job in late:
                job.error = group.jobs[0].error
            group.jobs += late
        try:
            _answer(group.jobs)
        finally:
            if self._waiting:
                self._loop.call_soon(self._begin)
            else:
                self._idle.set()

    def _run(self) -> None:
        while group := self._groups.get():
            # only the thread waits for locks of others
            self._connection.set_busy_timeout(self._timeout)
            if group.stage == "new":
                self._fill(group, waits=True)
            if group.stage == "filled":
                self._commit(group)
            self._connection.set_busy_timeout(0)
            try:
                self._loop.call_soon_threadsafe(self._finish, group)
            except RuntimeError:  # the loop is closed: nobody is left to be told
                break
        self._connection.close()

    def _fill(self, group: Group, *, waits: bool) -> None:
        """Run all work of a group in one transaction. If it does not wait, and the database is held, nothing is run."""
        try:
            self._before()
            begin = "begin immediate" if any(job.writes for job in group.jobs) else "begin"
            perform(self._cursor, begin)
            if not all(map(self._is_run, group.jobs)):
                # only now each is run so that it can be taken back alone: hardly ever, and it costs two statements
                perform(self._cursor, "rollback")
                perform(self._cursor, begin)
                for job in group.jobs:
                    self._run_apart(job)
            group.stage = "filled" if self._connection.in_transaction else "over"
        except Exception as error:  # whatever it is: the next group gets its turn, and everybody is told
            if waits or not isinstance(error, apsw.BusyError):
                self._fail(group, error)

    def _commit(self, group: Group) -> None:
        try:
            perform(self._cursor, "commit")
            group.stage = "over"
        except Exception as error:  # as above
            self._fail(group, error, unsure=not isinstance(error, _CERTAIN))

    def _is_run(self, job: Work) -> bool:
        """Run it, and tell whether the transaction holds all of it or nothing."""
        before = self._connection.total_changes()
        self._run_one(job)
        return job.error is None or self._connection.total_changes() == before

    def _run_apart(self, job: Work) -> None:
        perform(self._cursor, "savepoint job")
        self._run_one(job)
        if job.error:
            perform(self._cursor, "rollback to job")
        perform(self._cursor, "release job")

    def _run_one(self, job: Work) -> None:
        job.error = None
        try:
            job.result = job.run(self._cursor)
        except Exception as error:
            # a full disk ends the whole transaction; anything else ends only this job
            if not self._connection.in_transaction:
                raise
            job.error = unavailable(error) if isinstance(error, (apsw.Error, UnicodeDecodeError)) else error

    def _fail(self, group: Group, error: Exception, *, unsure: bool = False) -> None:
        log.warning(
            "a transaction failed",
            extra={"error": str(error), "hint": getattr(error, "hint", None), "jobs": len(group.jobs)},
        )
        if self._connection.in_transaction:
            with contextlib.suppress(apsw.Error):  # tried again before the next transaction fails, too
                perform(self._cursor, "rollback")
        group.stage, group.busy = "over", isinstance(error, apsw.BusyError)
        for job in group.jobs:
            job.error = unavailable(error, unsure=unsure and job.writes)


def perform(db: apsw.Cursor, text: str, values: Sequence[str | int | None] = ()) -> None:
    """Run a statement that has no rows."""
    # apsw's types name one that Python 3.11 does not have
    db.execute(text, values)  # pyright: ignore[reportUnknownMemberType]


def rows(
    db: apsw.Connection | apsw.Cursor, text: str, values: Sequence[str | int | None] = ()
) -> list[tuple[Any, ...]]:
    """Run a statement to its end; all its rows."""
    # as above
    return db.execute(text, values).fetchall()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def read_point(db: apsw.Cursor, text: str, values: Sequence[str | int | None] = ()) -> list[tuple[Any, ...]]:
    """As `rows`, without a worker. Raises `StoreUnavailable`, and `BusyError` as SQLite does."""
    try:
        return rows(db, text, values)
    except apsw.BusyError:  # pragma: no cover - only after a crash, or while the last writer leaves
        raise
    except (apsw.Error, UnicodeDecodeError) as error:
        raise unavailable(error) from error


def unavailable(error: Exception, *, unsure: bool = False) -> errors.StoreUnavailable:
    """The error of a caller; *unsure* if the commit itself failed, and may be on the disk all the same."""
    if isinstance(error, errors.StoreUnavailable):
        return error
    if isinstance(error, _DAMAGE):
        return damaged(str(error))
    hint = next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), "see the log of the service")
    # of a copy to a full disk apsw says "not an error"
    said = "database or disk is full" if isinstance(error, apsw.FullError) else error
    return errors.StoreUnavailable(f"the database cannot be used now: {said}", hint=hint, unsure=unsure)


def damaged(found: str) -> errors.StoreUnavailable:
    """The error of a file that cannot be read everywhere."""
    hint = "see: sayso doctor; then put a backup back with: sayso restore FILE"
    return errors.StoreUnavailable(f"{DAMAGED}: {found}", hint=hint, why=DAMAGED)


def _answer(jobs: list[Work]) -> None:
    for job in jobs:
        if job.tell and job.error is None:
            job.tell()
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)
