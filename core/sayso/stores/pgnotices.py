"""What processes on one PostgreSQL tell each other: which request was changed, and who has work that nobody took.

The rule: a notice is never part of a commit. PostgreSQL makes commits with a notice one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

# asyncpg has no types.
# pyright: reportUnknownLambdaType=false
from sayso.content import wording
from sayso.stores import pgserver, watch

log = logging.getLogger(__name__)

# How long to wait before listening again after the connection was lost, in seconds.
_RECONNECT = 0.5
# How often to ask the server whether it is there: a connection that was cut far away says nothing of itself.
_HEARTBEAT = 30.0

_CHANGED, _WORK = "sayso", "sayso_work"
_SEND = "select pg_notify(channel, notice) from unnest($1::text[], $2::text[]) as given (channel, notice)"


class Notices:
    """Sends and hears them. *own* are the connections of this process, whose notices it need not hear."""

    def __init__(
        self,
        connection: Callable[[], AbstractAsyncContextManager[Any]],
        watched: watch.Watch,
        own: set[int],
    ) -> None:
        self.is_listening = asyncio.Event()
        self._connection = connection
        self._watch = watched
        self._own = own
        self._waiting: dict[tuple[str, str], None] = {}
        self._sending: asyncio.Task[None] | None = None
        self._listening = asyncio.create_task(self._listen())

    def send(self, ticket_id: str, version: int, work: frozenset[str]) -> None:
        """Tell the others soon. *work* is what nobody in this process takes on."""
        self._waiting[_CHANGED, f"{version} {ticket_id}"] = None
        for topic in work:
            self._waiting[_WORK, topic] = None
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    def stop(self) -> None:
        """Listen no more."""
        self._listening.cancel()

    async def sent(self) -> None:
        """Return once the others were told of all that there was."""
        if self._sending:
            await asyncio.wait([self._sending])

    async def finish(self) -> None:
        """Return once all is sent and nobody listens."""
        self.stop()
        await self.sent()
        await asyncio.wait([self._listening])

    async def _send_all(self) -> None:
        while self._waiting:
            notices, self._waiting = list(self._waiting), {}
            try:
                async with self._connection() as db:
                    await db.execute(_SEND, [one for one, _ in notices], [pgserver.escape(two) for _, two in notices])
            except pgserver.TROUBLE as error:
                # they look at the log now and then
                log.warning("other processes were not told", extra={"error": wording.of_error(error)})

    async def _listen(self) -> None:
        while True:
            try:
                async with self._connection() as db:
                    await self._listen_on(db)
            except pgserver.TROUBLE as error:
                log.warning("notices of other processes are lost", extra={"error": wording.of_error(error)})
            await asyncio.sleep(_RECONNECT)

    async def _listen_on(self, db: Any) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        db.add_termination_listener(lambda _connection: lost.set())
        await db.add_listener(_CHANGED, self._take_change)
        await db.add_listener(_WORK, self._take_work)
        try:
            # what was committed while nobody listened
            await self._watch.poll()
            # not before: nobody who begins to wait is told of what they know
            self.is_listening.set()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _HEARTBEAT)
                    return
                await db.execute("select 1")
        finally:
            # not given back to the pool alive: to stop listening would need an answer, and the server may be gone
            db.terminate()

    def _take_change(self, _connection: Any, process: int, _channel: str, notice: object) -> None:
        if process not in self._own:
            version, _, ticket_id = pgserver.unescape(str(notice)).partition(" ")
            self._watch.tell(ticket_id, int(version))

    def _take_work(self, _connection: Any, process: int, _channel: str, notice: object) -> None:
        if process not in self._own:
            self._watch.tell_of(pgserver.unescape(str(notice)))
