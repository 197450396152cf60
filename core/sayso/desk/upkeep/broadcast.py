"""The log as it grows, read once for all who listen in this process: event streams and open pages.

The rule: a listener that falls behind holds up nobody and keeps nothing; it reads what it missed from the store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Sequence
from datetime import timedelta

from sayso import clock as clocks
from sayso import errors
from sayso.stores import Row, Store

# Rows read at once, and rows that wait at most for a listener that is busy.
_CHUNK, _MOST_WAITING = 100, 500


class Ended(Exception):
    """Nobody hands out any more: the process stops, or the store was closed."""


class Listener:
    """One who listens. Not for two tasks at once."""

    def __init__(self, broadcast: Broadcast, number: int) -> None:
        self.number = number
        """Of the last row that was handed out."""
        self._broadcast = broadcast
        self._rows = list[Row]()
        self.is_live = False
        """Whether rows are handed over as they come; otherwise it reads what it missed."""
        self.at_once: Callable[[Sequence[Row]], bool] | None = None
        """Takes rows where they are handed over, without a turn of its task; False if it cannot now."""
        self._ended: Exception | None = None
        self._news: asyncio.Future[None] | None = None

    async def next(self) -> Sequence[Row]:
        """The rows that follow, once there are some; none as a sign that time has passed.

        Raises:
            Ended: nobody hands out any more, or `end` was called.
            StoreUnavailable: the log cannot be read now.
        """
        rows = await self._catch_up() if not self.is_live else self._take()
        if not rows and self._ended is None:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
            rows = self._take()
        if self._ended is not None:
            raise self._ended
        return rows

    def skip_to(self, number: int) -> None:
        """Leave out what came before."""
        self.number = max(self.number, number)

    def end(self, error: Exception | None = None) -> None:
        """Let `next` raise."""
        self._ended = self._ended or error or Ended()
        self.wake()

    def offer(self, rows: Sequence[Row]) -> None:
        """Hand over rows; nothing if there are none but that time has passed."""
        if self._waits_for(rows) and self._took(rows):
            self.number = rows[-1].number
            return
        if self.is_live:
            self._rows += rows
        if len(self._rows) > _MOST_WAITING:
            self._rows, self.is_live = [], False
        self.wake()

    def _waits_for(self, rows: Sequence[Row]) -> bool:
        """Whether it has all that came before, so that these are next."""
        idle = self._news is not None and not self._news.done() and not self._rows
        return self.is_live and idle and bool(rows) and rows[0].number > self.number

    def _took(self, rows: Sequence[Row]) -> bool:
        try:
            return self.at_once is not None and self.at_once(rows)
        except Exception as error:  # whatever it is, it ends this one and nobody else's
            self.end(error)
            return False

    def wake(self) -> None:
        """Let `next` return, though there may be no rows."""
        if self._news and not self._news.done():
            self._news.set_result(None)

    def _take(self) -> Sequence[Row]:
        rows = [row for row in self._rows if row.number > self.number]
        self._rows = []
        if rows:
            self.number = rows[-1].number
        return rows

    async def _catch_up(self) -> Sequence[Row]:
        await self._broadcast.begun.wait()
        while not self.is_live and self._ended is None:
            reached = self._broadcast.number
            if rows := await self._broadcast.store.log_after(self.number, _CHUNK):
                self.number = rows[-1].number
                return rows
            # of what was there a moment ago all is known; the rest is handed out, or is read now
            self.number = max(self.number, reached)
            self.is_live = self._broadcast.number <= self.number
        return self._take()


class Broadcast:
    """Reads the log while somebody listens. *beat* is how often they hear that time has passed, in seconds."""

    def __init__(self, store: Store, clock: clocks.Clock, beat: float) -> None:
        self.store = store
        self.number = 0
        """Of the last row that was read."""
        self.begun = asyncio.Event()
        self._clock = clock
        self._beat = timedelta(seconds=beat)
        self._listeners = set[Listener]()
        self._reading: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def listening(self) -> int:
        """How many listen, and have all that there is."""
        return sum(listener.is_live for listener in self._listeners)

    @contextlib.contextmanager
    def listen(self, number: int) -> Generator[Listener]:
        """Listen from a row on, for as long as the block."""
        listener = Listener(self, number)
        self._listeners.add(listener)
        if self._is_over:
            listener.end()
        elif self._reading is None or self._reading.done():
            self.begun.clear()
            self._reading = asyncio.create_task(self._read())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._reading:
                self._reading.cancel()
                self._reading = None

    def stop(self) -> None:
        """End all listening, now and later."""
        self._is_over = True
        self._end_all(None)

    async def _read(self) -> None:
        try:
            await self._read_on()
        except errors.SaysoError as error:
            self._end_all(error)
        except asyncio.CancelledError:
            # by the store that was closed, and not because nobody listens any more
            if self._reading is asyncio.current_task():
                self._end_all(None)
            raise

    async def _read_on(self) -> None:
        changes = self.store.changes()
        self.number = await self.store.last_row()
        self.begun.set()
        beat = self._clock.now() + self._beat
        while True:
            if await self._clock.within(beat, anext(changes)):
                await self._hand_out()
            if self._clock.now() >= beat:
                beat = self._clock.now() + self._beat
                self._offer(())

    async def _hand_out(self) -> None:
        while rows := await self.store.log_after(self.number, _CHUNK):
            self.number = rows[-1].number
            self._offer(rows)

    def _offer(self, rows: Sequence[Row]) -> None:
        for listener in self._listeners:
            listener.offer(rows)

    def _end_all(self, error: Exception | None) -> None:
        self.begun.set()
        for listener in self._listeners:
            listener.end(error)
