"""Wakes those who wait for a change, made here or in another process. A store tells it what changed."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Generator, Sequence
from contextlib import contextmanager

from sayso import errors
from sayso.stores.protocol import SERVICE

log = logging.getLogger(__name__)

Tail = Callable[[int], Awaitable[Sequence[tuple[int, str, int]]]]
"""Reads the log after a row number: number, ticket id and version of each row, and none if there are no more."""

# No work is called so: any change at all.
_ANY = "\nany"

# The requests of which it is known when they were told of last.
_KNOWN = 1000


class Watch:
    """The waiters of one store.

    *tail* finds what other processes wrote, from row *seen* on, every *interval* seconds and only while somebody waits.
    """

    def __init__(self, tail: Tail | None = None, interval: float = 0.0, seen: int = 0) -> None:
        self._tail = tail
        self._interval = interval
        self._seen = seen
        self._waiters: dict[str, dict[asyncio.Future[str | None], int]] = {}
        self._streams: dict[str, weakref.WeakSet[_Stream]] = {}
        self._poller: asyncio.Task[None] | None = None
        self.told = 0
        """How often anything was told."""
        self._read: tuple[str, int] | None = None
        self._read_at = 0
        self._last_told: dict[str, int] = {}
        self._forgotten = 0

    @property
    def waiting(self) -> int:
        """How many wait at this moment."""
        return sum(map(len, self._waiters.values())) + sum(1 for _ in self._waiting_streams())

    def tell(self, ticket_id: str, version: int, work: Collection[str] = (), document: str | None = None) -> None:
        """Wake those who wait: the log has grown, this ticket has this version, and there may be this work.

        With its *document* they need not look it up.
        """
        self.told += 1
        self._note_told(ticket_id)
        for future, known in self._waiters.get(ticket_id, {}).items():
            if known < version and not future.done():
                future.set_result(document)
        self.tell_of(_ANY)
        for one in work:
            self.tell_of(one)
        if not ticket_id:
            # a row of no request is about the service
            self.tell_of(SERVICE)

    def note(self, ticket_id: str, version: int, told: int) -> None:
        """Take note that a ticket was read, and how much had been *told* before."""
        self._read, self._read_at = (ticket_id, version), told

    def is_known(self, ticket_id: str, version: int) -> bool:
        """Whether it is this ticket that was read last, and nothing was told of it since."""
        told = max(self._forgotten, self._last_told.get(ticket_id, 0))
        return self._read == (ticket_id, version) and told <= self._read_at

    def tell_of(self, work: str) -> None:
        """Wake those who take on this work."""
        for stream in self._streams.get(work, ()):
            stream.tell()

    def tell_of_all(self) -> None:
        """Wake whoever waits for any change and for any work."""
        for work in list(self._streams):
            self.tell_of(work)

    def is_taken_on(self, work: str) -> bool:
        """Whether somebody in this process takes it on."""
        return bool(self._streams.get(work))

    async def wait_for_newer(self, ticket_id: str, version: int, stored: Callable[[str], Awaitable[int]]) -> str | None:
        """Return once the ticket is newer than *version*, with its document if that was told.

        *stored* reads its version, unless this is known.
        """
        # registered before the read: a commit between the two is not missed
        with self._waiter(ticket_id, version) as future:
            try:
                # most begin to wait for what they have just read
                is_newer = not self.is_known(ticket_id, version) and await stored(ticket_id) > version
            except errors.StoreUnavailable:
                # a store that closes reads no more, and cancels whoever waits
                if not future.cancelled():
                    raise
                is_newer = False
            return None if is_newer else await future

    def stream(self, work: str = _ANY) -> AsyncIterator[None]:
        """Yields at once, and then whenever there may be more of this work; if none is named, the log has grown."""
        stream = _Stream(self._begin_polling)
        self._streams.setdefault(work, weakref.WeakSet()).add(stream)
        return stream

    async def poll(self) -> None:
        """Read what other processes wrote, and wake those who wait for it."""
        try:
            while rows := await self._tail(self._seen) if self._tail else ():
                self._seen = rows[-1][0]
                for _, ticket_id, version in rows:
                    self.tell(ticket_id, version)
                # whoever wrote it may have died since
                self.tell_of_all()
        except errors.StoreUnavailable as error:
            said = {"error": error.message, "hint": error.hint}
            log.warning("changes of other processes cannot be read now", extra=said)

    def close(self) -> None:
        """Cancel everybody who waits."""
        for future in [future for waiters in self._waiters.values() for future in waiters]:
            future.cancel()
        for stream in self._waiting_streams():
            stream.cancel()
        if self._poller:
            self._poller.cancel()

    def _note_told(self, ticket_id: str) -> None:
        # taken out, so that those which were told of last stand last
        self._last_told.pop(ticket_id, None)
        self._last_told[ticket_id] = self.told
        if len(self._last_told) > _KNOWN:
            self._forgotten = self._last_told.pop(next(iter(self._last_told)))

    @contextmanager
    def _waiter(self, ticket_id: str, version: int) -> Generator[asyncio.Future[str | None]]:
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(ticket_id, {})
        waiters[future] = version
        self._begin_polling()
        try:
            yield future
        finally:
            del waiters[future]
            if not waiters:
                del self._waiters[ticket_id]

    def _waiting_streams(self) -> Generator[_Stream]:
        return (stream for streams in self._streams.values() for stream in streams if stream.is_waiting)

    def _begin_polling(self) -> None:
        if self._tail and (self._poller is None or self._poller.done()):
            self._poller = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        while self._waiters or any(self._waiting_streams()):
            await asyncio.sleep(self._interval)
            await self.poll()


class _Stream:
    # not a generator: a generator ends when a wait in it is cancelled, and the next wait would fail

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin
        self._has_news = True
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_waiting(self) -> bool:
        return self._waiter is not None

    def tell(self) -> None:
        self._has_news = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def cancel(self) -> None:
        if self._waiter:
            self._waiter.cancel()

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> None:
        if not self._has_news:
            self._waiter = mine = asyncio.get_running_loop().create_future()
            self._begin()
            try:
                await mine
            finally:
                # the next one may wait already, before a cancelled one has come to this
                if self._waiter is mine:
                    self._waiter = None
        self._has_news = False
