"""Who looks on: told of what was stored and of what was delivered, after it happened. Figures are made of it.

The rule: nobody who looks on holds up a request, or makes it fail. Where nobody does, it costs nothing.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sayso import errors, model
from sayso.clock import Clock
from sayso.machine import events
from sayso.stores import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commit:
    """What was stored."""

    ticket: model.Ticket
    """The request as it is now."""
    entry: events.Entry
    """What made it so; it began at `entry.at`."""
    decides: bool
    """Whether this decided it."""
    ended: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to bring something to a place."""

    job: Job
    ticket: model.Ticket | None
    """As it was then; None where several share one message."""
    began: datetime
    ended: datetime
    error: Exception | None = None
    """Why it did not get there."""

    @property
    def channel(self) -> str:
        """Where it was to go."""
        return model.channel_of(self.job.effect.place)


class Watcher(Protocol):
    """Somebody who looks on. It is called in the loop of the service: it counts, and waits for nothing."""

    def committed(self, commit: Commit) -> None:
        """Hear of what was stored."""
        ...

    def delivered(self, delivery: Delivery) -> None:
        """Hear of a delivery, or of one that failed."""
        ...


class Watched:
    """All who look on at one desk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watchers: tuple[Watcher, ...] = ()

    def add(self, watcher: Watcher) -> None:
        """Tell this one as well, from now on."""
        self._watchers = (*self._watchers, watcher)

    def committed(self, ticket: model.Ticket, entry: events.Entry, *, decides: bool) -> None:
        """Tell of a commit."""
        if self._watchers:
            told = Commit(ticket, entry, decides, self._clock.now())
            self._tell(lambda watcher: watcher.committed(told))

    def delivery(self, jobs: Sequence[Job], ticket: model.Ticket | None) -> contextlib.AbstractContextManager[None]:
        """Tell of the delivery that happens inside."""
        return self._delivering(jobs, ticket) if self._watchers else contextlib.nullcontext()

    @contextlib.contextmanager
    def _delivering(self, jobs: Sequence[Job], ticket: model.Ticket | None) -> Generator[None]:
        began = self._clock.now()
        try:
            yield
        except errors.NotYet:
            # it was not tried
            raise
        except Exception as error:
            self._delivered(jobs, ticket, began, error)
            raise
        self._delivered(jobs, ticket, began, None)

    def _delivered(
        self, jobs: Sequence[Job], ticket: model.Ticket | None, began: datetime, error: Exception | None
    ) -> None:
        for job in jobs:
            self._tell(functools.partial(_hand_over, Delivery(job, ticket, began, self._clock.now(), error)))

    def _tell(self, tell: Callable[[Watcher], None]) -> None:
        for watcher in self._watchers:
            try:
                tell(watcher)
            except Exception:
                log.exception("somebody who looks on failed")


def _hand_over(delivery: Delivery, watcher: Watcher) -> None:
    watcher.delivered(delivery)
