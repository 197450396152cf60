"""Leases: whoever performs an effect has it alone, and sends nothing any more once its lease is over.

The rule: a look before a wait says nothing about what holds after it. A process that was frozen goes on where it stood,
so whoever sends something looks immediately before, by `check`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from datetime import UTC, datetime, timedelta

from sayso import clock as clocks
from sayso import endings, errors
from sayso.stores import Job, Store

log = logging.getLogger(__name__)

# Seconds. A job whose worker died is taken again after this. However long a job takes, nobody else has it meanwhile:
# its lease is renewed. One renewal may fail, and both may wait for the database as long as a store waits.
LEASE = 30.0
RENEW_EVERY = LEASE / 6
# The part of a lease in which something may be sent. The rest is for the call: it has come, or was given up, when the
# lease ends.
TO_SEND = 2 / 3
# Long ago, and not so long that nothing can be taken from it.
_OVER = datetime(1970, 1, 1, tzinfo=UTC)

Ends = Callable[[], datetime]


class LeaseOver(errors.SaysoError):
    """Whoever performs an effect stood still, and does not have it to itself any more; nothing was sent."""

    code = "lease_over"


_held: contextvars.ContextVar[tuple[tuple[clocks.Clock, Ends], ...]] = contextvars.ContextVar("held", default=())


class Held:
    """Jobs that are performed as one, and until when each of them is ours, as far as is known."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self._ends = {job.key: job.until for job in jobs}

    def sends_until(self) -> datetime:
        """Until when something may be sent for all of them."""
        return min(self._ends.values()) - timedelta(seconds=LEASE) * (1 - TO_SEND)

    async def renew(self, store: Store, until: datetime) -> None:
        """Keep their leases until then."""
        # all at once: a database that is slow to answer is waited for once, not for each job
        await asyncio.gather(*(self._renew_one(store, job, until) for job in self.jobs))

    async def _renew_one(self, store: Store, job: Job, until: datetime) -> None:
        try:
            self._ends[job.key] = until if await store.renew(job, until) else _OVER
        except errors.StoreUnavailable as error:
            log.warning("lease not renewed", extra={"ticket": job.ticket_id, "error": error.message})


@contextlib.contextmanager
def under(clock: clocks.Clock, ends: Ends, *, alone: bool = False) -> Generator[None]:
    """In the block something may be sent until then only, besides what holds already.

    *alone* is for work that begins: whoever was about something else when it came may be long done with that.
    """
    before = _held.set(((clock, ends),) if alone else (*_held.get(), (clock, ends)))
    try:
        yield
    finally:
        _held.reset(before)


def check() -> None:
    """Look whether what is about to be sent may be sent still; to be called immediately before each call that writes.

    Raises:
        LeaseOver: somebody else may be about it by now, or may be before the call has come.
    """
    for clock, ends in _held.get():
        if clock.now() >= ends():
            raise LeaseOver("a lease was over before this was sent")


@contextlib.asynccontextmanager
async def keep(store: Store, clock: clocks.Clock, held: Callable[[], Sequence[Held]]) -> AsyncGenerator[None]:
    """Keep the leases of what *held* names at each moment, until the block ends."""
    renewing = asyncio.create_task(_renew(store, clock, held))
    try:
        yield
    finally:
        renewing.cancel()
        await endings.see_through([renewing])


async def _renew(store: Store, clock: clocks.Clock, held: Callable[[], Sequence[Held]]) -> None:
    while True:
        await clock.within(clock.now() + timedelta(seconds=RENEW_EVERY), asyncio.Event().wait())
        until = clock.now() + timedelta(seconds=LEASE)
        await asyncio.gather(*(one.renew(store, until) for one in held()))
