"""An event loop in virtual time. It runs what is ready in an order that a seed decides, and it knows processes.

The rule: one seed is one run. Nothing waits for a thread, a socket or the machine's clock, and no order of a set that
depends on addresses reaches a task.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import inspect
import itertools
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

# Beyond this something runs in a circle without letting time pass.
_MOST_STEPS = 3_000_000
_MOST_AT_ONE_MOMENT = 200_000
# Blocks around one await that wait at their end.
_MOST_BLOCKS = 50
# Finished tasks are let go of after so many.
_SWEEP = 2_000


class Stuck(AssertionError):
    """Nothing can ever happen again, or it happens without end."""


@dataclass(eq=False)
class Process:
    """What dies, or stands still, together: everything that was begun inside it."""

    name: str
    number: int = 0
    """How many were started before it, and it."""
    alive: bool = True
    frozen: bool = False
    held: list[asyncio.Handle] = field(default_factory=list[asyncio.Handle])
    """What would have run while it stood still."""


PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("PROCESS", default=None)
SENT_BY: contextvars.ContextVar[Process | None] = contextvars.ContextVar("SENT_BY", default=None)
"""Who had something done elsewhere, which happens even if it dies."""
OUTSIDE = contextvars.Context()
"""What no process takes with it when it dies: platforms, databases, the wires."""


class _Numbered:
    # sets of these are in the order in which they came into one first, not of their addresses
    numbers = itertools.count()
    number: int | None = None

    def __hash__(self) -> int:
        if self.number is None:
            self.number = next(_Numbered.numbers)
        return self.number


class _Task(_Numbered, asyncio.Task[Any]):
    process: Process | None = None


class _Future(_Numbered, asyncio.Future[Any]):
    pass


class Loop(asyncio.BaseEventLoop):
    """The loop of one run."""

    _ready: list[asyncio.Handle]
    _stopping: bool

    def __init__(self, seed: str) -> None:
        super().__init__()
        _Numbered.numbers = itertools.count()
        self._ready = []
        self._timers = list[tuple[float, int, asyncio.TimerHandle]]()
        self._timed = itertools.count()
        self._order = random.Random(f"{seed}/order")
        self._moment = 0.0
        self._here = 0
        self._tasks = list[_Task]()
        self.steps = 0
        self.trace = 0
        """A sum over all choices: two runs with the same sum were the same."""
        self.faults = list[dict[str, Any]]()
        """What nobody caught."""
        self.set_task_factory(cast(Any, self._make_task))
        self.set_exception_handler(lambda _, context: self.faults.append(context))

    def time(self) -> float:
        """Seconds since the run began."""
        return self._moment

    def get_debug(self) -> bool:
        """Never: it is asked at every step."""
        return False

    def create_future(self) -> asyncio.Future[Any]:
        """A future with a number of its own."""
        return cast("asyncio.Future[Any]", _Future(loop=self))

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        """Have it called at this moment, in any order."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Have it called at that moment."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._timed), timer))
        return timer

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Have it called so many seconds later."""
        return self.call_at(self._moment + delay, callback, *args, context=context)

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        """There are no threads."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run it here, a moment later: others come in between, as beside a thread."""
        future = self.create_future()

        def act() -> None:
            try:
                made = func(*args)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(made)

        self.call_later(self._order.choice((0.0, 0.0, 0.002)), act)
        return future

    def unfinished(self, process: Process) -> list[asyncio.Task[Any]]:
        """The tasks of a process that have not ended."""
        return [task for task in self._tasks if not task.done() and task.process is process]

    def bury(self) -> None:
        """Let go of all that was begun and cannot go on, and close."""
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                _close(task.get_coro())
        for handle in self._ready:
            # a generator of somebody who was killed is not closed any more
            for given in handle._args or ():
                if inspect.isawaitable(given) and not asyncio.isfuture(given):
                    cast(Any, given).close()
        self._tasks.clear()
        self.close()

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **more: Any) -> _Task:
        made = _Task(coro, loop=loop, **more)
        context = more.get("context")
        made.process = context.get(PROCESS) if context else PROCESS.get()
        if len(self._tasks) > _SWEEP:
            self._tasks = [task for task in self._tasks if not task.done()]
        # whoever was killed must not be taken away: its blocks would end, as they do not when a process is killed
        self._tasks.append(made)
        return made

    def _run_once(self) -> None:
        # as many as there are: whoever calls this would only call it again
        while not self._stopping:
            self._pass_time()
            self._run_any()

    def _run_any(self) -> None:
        ready = self._ready
        count = len(ready)
        chosen = int(self._order.random() * count) if count > 1 else 0
        handle, last = ready[chosen], ready.pop()
        if last is not handle:
            ready[chosen] = last
        if handle.cancelled():
            return
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is not None and not process.alive:
            return
        if process is not None and process.frozen:
            process.held.append(handle)
            return
        self.steps += 1
        self.trace = hash((self.trace, chosen, count, self._moment))
        handle._run()

    def _pass_time(self) -> None:
        timers = self._timers
        while not self._ready:
            if not timers:
                raise Stuck("nothing is ready, and nothing will be")
            if not timers[0][2].cancelled():
                self._moment, self._here = max(self._moment, timers[0][0]), self.steps
            self._wake()
        if timers and timers[0][0] <= self._moment:
            self._wake()
        if self.steps - self._here > _MOST_AT_ONE_MOMENT or self.steps > _MOST_STEPS:
            raise Stuck(f"{self.steps} steps, and only {self._moment:.0f} seconds have passed")

    def _wake(self) -> None:
        timers = self._timers
        while timers and (timers[0][0] <= self._moment or timers[0][2].cancelled()):
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                self._ready.append(timer)

    def thaw(self, process: Process) -> None:
        """Let a process go on."""
        process.frozen = False
        self._ready += process.held
        process.held.clear()

    def _process_events(self, event_list: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _timer_handle_cancelled(self, handle: object) -> None:
        pass


def _close(coroutine: Any) -> None:
    for _ in range(_MOST_BLOCKS):
        try:
            coroutine.close()
        except RuntimeError:
            # a block of it waits for something at its end: that is closed as well
            continue
        except BaseException:
            # what it does at its end concerns nobody any more
            return
        return
