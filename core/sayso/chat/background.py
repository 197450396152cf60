"""Work that goes on beside what is answered now.

The rule: nothing that was begun is lost in silence. It ends before the adapter closes, or its failure is in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import tenacity

from sayso import errors

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds.
_CLOSE_WITHIN = 10.0


class Background:
    """The work of one adapter that is going on."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._repeatable: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Begin work that is finished before the adapter closes."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._end)
        return task

    def start_repeatable(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin work that may be cut short when the adapter closes, since the next start does it again."""
        self._repeatable.add(self.start(work))

    async def close(self) -> None:
        """Let what was begun come to its end."""
        for task in self._repeatable:
            task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_CLOSE_WITHIN)
            for task in late:
                task.cancel()

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._repeatable.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, errors.SaysoError):
            # it says itself what happened, as that the database is away
            log.warning("follow-up failed", extra={"error": error.message, "hint": error.hint})
        elif error is not None:
            log.error("follow-up failed", exc_info=error)


async def persist(
    look: Callable[[], Awaitable[None]],
    said: str,
    pauses: Sequence[float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Look once the database can be asked, for what nobody asks to look at again; *said* is for the log until then.

    Args:
        pauses: Seconds between tries; behind the last one it is tried a last time.

    Raises:
        StoreUnavailable: it was away to the end.
    """

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(said, extra={"error": getattr(error, "message", "")})

    await tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(errors.StoreUnavailable),
        stop=tenacity.stop_after_attempt(len(pauses) + 1),
        wait=tenacity.wait_chain(*map(tenacity.wait_fixed, pauses)),
        before_sleep=tell,
        sleep=sleep,
        reraise=True,
    )(look)
