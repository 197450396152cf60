"""Wakes those who wait for a change, made here or in another process. A store tells it what changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager

from sayso import errors

log = logging.getLogger(__name__)

Tail = Callable[[int], Awaitable[Sequence[tuple[int, str, int]]]]
"""Reads the log after a row number: number, ticket id and version of each row."""

# No ticket has this id: those who wait for any change at all.
_ANY = ""


class Watch:
    """The waiters of one store.

    *tail* finds what other processes wrote, from row *seen* on, every *interval* seconds and only while somebody waits.
    """

    def __init__(self, tail: Tail | None = None, interval: float = 0.0, seen: int = 0) -> None:
        self._tail = tail
        self._interval = interval
        self._seen = seen
        self._turn = 0
        self._waiters: dict[str, dict[asyncio.Future[None], int]] = {}
        self._poller: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait at this moment."""
        return sum(map(len, self._waiters.values()))

    def tell(self, ticket_id: str, version: int) -> None:
        """Wake those who wait: the log has grown, and this ticket has this version."""
        self._turn += 1
        for waiters in (self._waiters.get(ticket_id, {}), self._waiters.get(_ANY, {})):
            for future, known in waiters.items():
                if known < version and not future.done():
                    future.set_result(None)

    async def wait_for_newer(self, ticket_id: str, version: int, stored: Callable[[str], Awaitable[int]]) -> None:
        """Return once the ticket is newer than *version*; *stored* reads the version."""
        # registered before the read: a commit between the two is not missed
        with self._waiter(ticket_id, version) as future:
            if await stored(ticket_id) <= version:
                await future

    def changes(self) -> AsyncIterator[None]:
        """Yields at once, and then whenever the log has grown since the last time."""
        return _Changes(self)

    async def wait_for_growth(self, turn: int) -> int:
        """Return the present turn, once it is another one than *turn*."""
        if turn == self._turn:
            with self._waiter(_ANY, -1) as future:
                await future
        return self._turn

    async def poll(self) -> None:
        """Read what other processes wrote, and wake those who wait for it."""
        try:
            for number, ticket_id, version in await self._tail(self._seen) if self._tail else ():
                self._seen = max(self._seen, number)
                self.tell(ticket_id, version)
        except errors.StoreUnavailable as error:
            log.warning("changes of other processes cannot be read now", extra={"error": error.message})

    def close(self) -> None:
        """Cancel everybody who waits."""
        for future in [future for waiters in self._waiters.values() for future in waiters]:
            future.cancel()
        if self._poller:
            self._poller.cancel()

    @contextmanager
    def _waiter(self, ticket_id: str, version: int) -> Generator[asyncio.Future[None], None, None]:
        future = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(ticket_id, {})
        waiters[future] = version
        if self._tail and (self._poller is None or self._poller.done()):
            self._poller = asyncio.create_task(self._poll())
        try:
            yield future
        finally:
            del waiters[future]
            if not waiters:
                del self._waiters[ticket_id]

    async def _poll(self) -> None:
        while self._waiters:
            await asyncio.sleep(self._interval)
            await self.poll()


class _Changes:
    # not a generator: a generator ends when a wait in it is cancelled, and the next wait would fail

    def __init__(self, watched: Watch) -> None:
        self._watched = watched
        self._turn = -1

    def __aiter__(self) -> _Changes:
        return self

    async def __anext__(self) -> None:
        self._turn = await self._watched.wait_for_growth(self._turn)
