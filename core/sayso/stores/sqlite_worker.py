"""The one thread that owns a database connection; all that waits is written in one transaction (group commit).

A caller gets its answer only after the commit: what it hears is on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

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

    run: Callable[[apsw.Connection], Any]
    writes: bool
    future: asyncio.Future[Any]
    tell: Callable[[], None] | None = None
    result: Any = None
    error: Exception | None = None


class Worker:
    """Runs work on *connection* in its own thread, for the event loop in which it was made.

    *before* is called before each transaction; whatever it raises ends the transaction.
    """

    def __init__(self, connection: apsw.Connection, before: Callable[[], None] = lambda: None) -> None:
        self._connection = connection
        self._before = before
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sayso-store", daemon=True)
        self._thread.start()

    async def run(
        self,
        work: Callable[[apsw.Connection], Result],
        *,
        writes: bool = False,
        tell: Callable[[], None] | None = None,
    ) -> Result:
        """Return what *work* returns, after the commit that makes it durable. Raises `StoreUnavailable`."""
        if self._closed:
            raise errors.StoreUnavailable("the database is closed")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._jobs.put(Work(work, writes, future, tell))
        return await future

    async def close(self) -> None:
        """Finish what waits, and close the connection."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        last = False
        while not last:
            waiting = [self._jobs.get(), *self._drain()]
            last = waiting[-1] is None
            jobs = [job for job in waiting if job is not None]
            self._transact(jobs)
            try:
                self._loop.call_soon_threadsafe(_answer, jobs)
            except RuntimeError:  # the loop is closed: nobody is left to be told
                last = True
        self._connection.close()

    def _drain(self) -> Sequence[Work | None]:
        return [self._jobs.get_nowait() for _ in range(self._jobs.qsize())]

    def _transact(self, jobs: list[Work]) -> None:
        begin, ending = "begin immediate" if any(job.writes for job in jobs) else "begin", False
        try:
            self._before()
            rows(self._connection, begin)
            for job in jobs:
                self._perform(job)
            ending = True
            rows(self._connection, "commit")
        except Exception as error:  # whatever it is: the thread goes on, and everybody is told
            self._fail(jobs, error, unsure=ending and not isinstance(error, _CERTAIN))

    def _perform(self, job: Work) -> None:
        rows(self._connection, "savepoint job")
        try:
            job.result = job.run(self._connection)
        except Exception as error:
            # a full disk ends the whole transaction; anything else ends only this job
            if not self._connection.in_transaction:
                raise
            job.error = unavailable(error) if isinstance(error, (apsw.Error, UnicodeDecodeError)) else error
            rows(self._connection, "rollback to job")
        rows(self._connection, "release job")

    def _fail(self, jobs: list[Work], error: Exception, *, unsure: bool) -> None:
        log.warning("a transaction failed", extra={"error": str(error), "jobs": len(jobs)})
        if self._connection.in_transaction:
            with contextlib.suppress(apsw.Error):  # tried again before the next transaction fails, too
                rows(self._connection, "rollback")
        if isinstance(error, apsw.BusyError):
            # work that came during the wait does not wait a second time: the bound holds for all of it
            late = self._drain()
            jobs += [job for job in late if job is not None]
            if None in late:
                self._jobs.put(None)
        for job in jobs:
            job.error = unavailable(error, unsure=unsure and job.writes)


def rows(db: apsw.Connection, text: str, values: Sequence[str | int | None] = ()) -> list[tuple[Any, ...]]:
    """Run a statement to its end; all its rows."""
    # apsw's types name one that Python 3.11 does not have
    return db.execute(text, values).fetchall()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def unavailable(error: Exception, *, unsure: bool = False) -> errors.StoreUnavailable:
    """The error of a caller; *unsure* if the commit itself failed, and may be on the disk all the same."""
    if isinstance(error, errors.StoreUnavailable):
        return error
    if isinstance(error, _DAMAGE):
        return damaged(str(error))
    hint = next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), "see the log of the service")
    return errors.StoreUnavailable(f"the database cannot be used now: {error}", hint=hint, unsure=unsure)


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
