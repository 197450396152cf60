"""Keeps calls as far apart as Slack wants them: turns are given in order, and a turn that was given stays reserved.

The rule: no call waits here for long, because other deliveries wait behind it. A call that is not due soon is told when
to come again, and finds its turn then.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from sayso import errors
from sayso.clock import Clock

# Seconds; the courier renews its lease of a job while it waits here.
LONGEST_WAIT = 10.0
# Of a delivery, which comes again: whoever waits for it is told of a longer one, and hears nothing of a shorter one.
LONGEST_TURN = 3.0
# A minute as Slack counts it, and a little for the time that a call takes to arrive.
_MINUTE = timedelta(seconds=60.5)
# A call that does not come for so long is not needed any more: another process made it, or nobody waits for it.
_LOST = timedelta(seconds=60)
# If a call is this late, the turns behind it move as well, or many would come at once.
_LATE = timedelta(seconds=5)
_MOST_KEYS = 1_000


class Pace:
    """One call each *interval* seconds and key, *burst* calls at once after a rest, never more than *most* a minute.

    It is the part of one copy of the service where there are several: each takes as much.
    """

    def __init__(
        self,
        clock: Clock,
        interval: float,
        burst: int,
        most: int | None = None,
        copies: Callable[[], int] = lambda: 1,
    ) -> None:
        self._clock = clock
        self._every = timedelta(seconds=interval)
        self._ahead = self._every * (burst - 1)
        self._all = most
        self._copies = copies
        self._queues: dict[str, _Queue] = {}
        self._nobody = itertools.count()

    @property
    def _interval(self) -> timedelta:
        return self._every * max(1, self._copies())

    @property
    def _most(self) -> int | None:
        return None if self._all is None else max(1, self._all // max(1, self._copies()))

    async def turn(self, key: str, who: str = "") -> None:
        """Return when it is this call's turn. Raises `NotYet` if that is not soon; the turn stays reserved for *who*.

        Without *who* the turn is given back.
        """
        queue, now = self._queue(key), self._clock.now()
        mine = who or f"#{next(self._nobody)}"
        at = self._find_turn(queue, mine, now)
        while (wait := (at - now).total_seconds()) > 0:
            if wait > (LONGEST_TURN if who else LONGEST_WAIT):
                raise self._refuse(queue, mine, at, kept=bool(who))
            await self._clock.within(at, asyncio.Event().wait())
            now = self._clock.now()
            # Slack may have told somebody ahead to wait
            at = self._keep_to_minute(queue, mine, max(queue.turns.get(mine, now), now, queue.held))
        queue.turns.pop(mine, None)
        queue.began.append(now)

    def hold(self, key: str, seconds: float, who: str = "") -> None:
        """Wait, because Slack told *who* to: all calls behind wait as long, and *who* comes first then."""
        queue, now = self._queue(key), self._clock.now()
        until = now + timedelta(seconds=seconds)
        longer = until - max(queue.held, now)
        if longer > timedelta(0):
            queue.held = until
            queue.put_back(now, longer)
            queue.free = max(queue.free, until + self._ahead)  # no burst after that
        if who:
            queue.put_back(until, self._interval)
            queue.turns[who] = until

    def _find_turn(self, queue: _Queue, who: str, now: datetime) -> datetime:
        """When it is the turn of *who*, as far as is known now."""
        at = queue.turns.get(who)
        if at is None:
            at = max(queue.free - self._ahead, queue.held, now)
            queue.free = max(queue.free, at) + self._interval
        elif now - at > _LATE:
            queue.put_back(at, now - at)
        return self._keep_to_minute(queue, who, max(at, now, queue.held))

    def _keep_to_minute(self, queue: _Queue, who: str, at: datetime) -> datetime:
        queue.turns[who] = at
        if self._most is not None and len(queue.began) >= self._most:
            wait = queue.began[-self._most] + _MINUTE - at
            if wait > timedelta(0):
                queue.put_back(at, wait)
        return queue.turns[who]

    def _refuse(self, queue: _Queue, who: str, at: datetime, *, kept: bool) -> errors.NotYet:
        if not kept:
            del queue.turns[who]
            queue.free -= self._interval
        said = (
            "Slack's rate limit" if queue.held > self._clock.now() else "Slack's rate limit, after many calls at once"
        )
        return errors.NotYet(said, (at - self._clock.now()).total_seconds())

    def _queue(self, key: str) -> _Queue:
        now = self._clock.now()
        if key not in self._queues and len(self._queues) >= _MOST_KEYS:
            self._queues = {name: one for name, one in self._queues.items() if one.turns or one.free > now}
        queue = self._queues.setdefault(key, _Queue(now, self._all or 1))
        # now and then: with many turns given, looking at all of them at every call takes longer than the calls
        if now - queue.looked >= _LOST / 2:
            queue.looked, queue.turns = now, {who: at for who, at in queue.turns.items() if now - at < _LOST}
        return queue


class _Queue:
    """The turns that were given, and when the latest calls began."""

    def __init__(self, at: datetime, most: int) -> None:
        self.free = at
        """When the next newcomer would come if there were no bursts."""
        self.held = at
        self.turns: dict[str, datetime] = {}
        self.looked = at
        """When turns were last taken from those who did not come."""
        self.began: deque[datetime] = deque(maxlen=most)

    def put_back(self, since: datetime, by: timedelta) -> None:
        """Move all turns from *since* on."""
        self.turns = {who: at + by if at >= since else at for who, at in self.turns.items()}
        self.free += by
