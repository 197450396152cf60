"""What a run shares: its time, its chance, what happens in it and what is wrong with it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Collection, Generator
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock

from sayso import clock
from sayso.cards import tokens
from sayso.desk.upkeep import observing, purging
from sayso.stores import watch
from tests.simulation.loop import OUTSIDE, PROCESS, SENT_BY, Loop

if TYPE_CHECKING:
    from collections.abc import Callable

OFTEN = 12.0
"""Seconds between two looks of what is done now and then."""
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

T = TypeVar("T")


class Clock(clock.SystemClock):
    """The time of a run, as one machine sees it."""

    def __init__(self, loop: Loop, ahead: float = 0.0) -> None:
        self._loop = loop
        self._start = START + timedelta(seconds=ahead)

    def now(self) -> datetime:
        """The present moment of this machine."""
        return self._start + timedelta(seconds=self._loop.time())


@dataclass(frozen=True)
class Episode:
    """A time in which something outside does not work as it should."""

    start: float
    end: float
    where: str
    """`store`, `wire`, `news`, `settings`, or the name of a chat."""
    rate: float
    """The share of calls that it concerns."""

    def holds(self, at: float) -> bool:
        return self.start <= at < self.end


@dataclass
class World:
    """One run."""

    seed: str
    loop: Loop
    episodes: list[Episode] = field(default_factory=list[Episode])
    disturbed: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Times in which nobody may expect anything to be done soon."""
    lines: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    past: int = 0
    """The number of the last process of before an older copy of the database was put back."""
    crashes: int = 0
    """How often something died or stood still, so that a call may have been made twice."""
    killed: float = -1000.0
    """When a process was killed last: what it alone did is taken over some minutes later."""
    ends: bool = False
    """Whether the last copies are stopped, once all is done."""
    over: bool = False
    """Whether what comes now is only cleared away."""
    verbose: bool = False

    def __post_init__(self) -> None:
        self.clock = Clock(self.loop)
        self.chance = random.Random(f"{self.seed}/faults")

    @property
    def now(self) -> float:
        return self.loop.time()

    def say(self, what: str, *facts: object) -> None:
        """Write a line of the trace."""
        if self.verbose:
            self.lines.append(f"{self.now:9.3f}  {what:<12} {' '.join(map(str, facts))}")

    def blame(self, what: str) -> None:
        """Note that a promise was broken."""
        if what not in self.wrong and not self.over:
            self.wrong.append(what)
            self.say("WRONG", what)

    def troubled(self, where: str) -> bool:
        """Whether a call there goes wrong now."""
        rate = max((one.rate for one in self.episodes if one.where == where and one.holds(self.now)), default=0.0)
        return rate > 0 and self.chance.random() < rate

    def disturb(self, seconds: float) -> None:
        """Nobody may expect anything of the next seconds."""
        self.disturbed.append((self.now, self.now + seconds))

    def slow_down(self, where: str, seconds: float) -> None:
        """Nobody may expect an answer from there meanwhile: one call takes longer than the trouble that it met."""
        self.episodes.append(Episode(self.now, self.now + seconds, where, 0.0))

    def calm_since(self, start: float, but: Collection[str] = ()) -> float:
        """How many seconds since then were calm; trouble counts double, for whoever backs off.

        Trouble *but* there does not count.
        """
        calm = self.now - start
        for begin, end in self.disturbed:
            calm -= max(0.0, min(self.now, end) - max(start, begin))
        for one in (one for one in self.episodes if one.where not in but):
            end = one.end + (one.end - one.start) + 5
            calm -= max(0.0, min(self.now, end) - max(start, one.start))
        return calm

    def later(self, delay: float, act: Callable[[], object], context: Context | None = None) -> None:
        """Do it after so many seconds, whoever has died until then; with a context only if that process lives."""
        self.loop.call_later(delay, act, context=context or OUTSIDE.copy())

    async def remote(self, act: Callable[[], T], delay: float, back: float, *, sent: bool) -> T:
        """Have it done elsewhere; what was *sent* is done although the caller has gone, else it dies with it."""
        answer = self.loop.create_future()

        def arrive() -> None:
            made: T | None = None
            failed: Exception | None = None
            try:
                made = act()
            except Exception as error:
                failed = error

            def told() -> None:
                if not answer.done():
                    answer.set_exception(failed) if failed else answer.set_result(made)

            self.later(back, told) if back else told()

        if sent:
            context = OUTSIDE.copy()
            context.run(SENT_BY.set, PROCESS.get())
            self.later(delay, arrive, context)
        else:
            self.loop.call_later(delay, arrive)
        found: T = await answer
        return found


class _Secrets:
    """Numbers that nobody could guess, if there were no seed."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(f"{seed}/secrets")

    def token_bytes(self, count: int) -> bytes:
        return self._chance.randbytes(count)

    def token_hex(self, count: int) -> str:
        return self._chance.randbytes(count).hex()


class _Ordered(dict[Any, None]):
    """A set in the order of adding, where the core has a set of weak references."""

    def add(self, one: object) -> None:
        self[one] = None


@contextlib.contextmanager
def seeded(seed: str) -> Generator[None]:
    """Let all that is random in the core follow from the seed."""
    before = random.getstate()
    random.seed(f"{seed}/core")
    references = SimpleNamespace(WeakSet=_Ordered)
    with contextlib.ExitStack() as patched:
        for where, name, value in (
            (tokens, "secrets", _Secrets(seed)),
            (watch, "weakref", references),
            # what is done once an hour is done now and then
            (observing, "_LOOK", OFTEN),
            (purging, "_EVERY", OFTEN),
        ):
            patched.enter_context(mock.patch.object(where, name, value))
        yield
    random.setstate(before)
