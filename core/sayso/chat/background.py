"""Work that goes on beside what is answered now.

The rule: nothing that was begun is lost in silence. It ends before the adapter closes, or its failure is in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import tenacity

from sayso import clock as clocks
from sayso import errors
from sayso.desk.upkeep import duties

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds.
_CLOSE_WITHIN = 10.0


class Background:
    """The work of one adapter that is going on."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._repeatable: set[asyncio.Task[Any]] = set()
        self._once: set[Hashable] = set()

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Begin work that is finished before the adapter closes."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._end)
        return task

    def start_repeatable(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin work that may be cut short when the adapter closes, since the next start does it again."""
        self._repeatable.add(self.start(work))

    def start_once(self, what: Hashable, act: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Begin work, unless the same is going on: many people press the same card too late within a moment."""
        if what not in self._once:
            self._once.add(what)
            self.start(act()).add_done_callback(lambda _: self._once.discard(what))

    async def close(self) -> None:
        """Let what was begun come to its end."""
        for task in self._repeatable:
            task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_CLOSE_WITHIN)
            if late:
                log.warning("follow-ups cut short", extra={"count": len(late)})
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


def may_pass(error: BaseException) -> bool:
    """Whether the same may go well later: the database was away, or the platform did not refuse for good."""
    return isinstance(error, errors.StoreUnavailable) or (isinstance(error, errors.ChannelError) and not error.final)


async def persist(
    act: Callable[[], Awaitable[Result]],
    said: str,
    pauses: Sequence[float],
    clock: clocks.Clock,
    *,
    until: datetime | None = None,
    passes: Callable[[BaseException], bool] = may_pass,
) -> Result:
    """Act again while what failed may pass, for what nobody asks for again; *said* is for the log until then.

    Args:
        pauses: Seconds between tries, unless a platform says when; behind the last one it is tried a last time.
        until: When it is of no use any more: nothing is tried then.
        passes: Which failures may pass; any other is raised at once, as the last one is.
    """

    def tell(state: tenacity.RetryCallState) -> None:
        error = _error_of(state)
        level = logging.INFO if isinstance(error, errors.NotYet) else logging.WARNING
        log.log(level, said, extra={"error": getattr(error, "message", "")})

    def wait(state: tenacity.RetryCallState) -> float:
        error = _error_of(state)
        if isinstance(error, errors.NotYet):
            return error.wait
        asked = getattr(error, "retry_after", None) or 0.0
        return max(asked, *pauses[state.attempt_number - 1 : state.attempt_number], 0.0)

    def is_over(state: tenacity.RetryCallState) -> bool:
        late = until is not None and clock.now() + timedelta(seconds=state.upcoming_sleep) >= until
        return late or state.attempt_number > len(pauses)

    return await tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(passes),
        stop=is_over,
        wait=wait,
        before_sleep=tell,
        sleep=lambda seconds: duties.rest(clock, clock.now() + timedelta(seconds=seconds)),
        reraise=True,
    )(act)


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
