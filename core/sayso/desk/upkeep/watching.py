"""Who looks on: told of what was stored and of what was delivered, after it happened. Figures are made of it.

The rule: nobody who looks on holds up a request, or makes it fail. Where nobody does, it costs nothing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence
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


class DeliveryWatcher(Protocol):
    """Somebody who looks on at deliveries. It is called in the loop of the service: it counts and never waits."""

    def delivered(self, delivery: Delivery) -> None:
        """Hear of a delivery, or of one that failed."""
        ...


class Watcher(DeliveryWatcher, Protocol):
    """Somebody who looks on at what is stored as well."""

    def committed(self, commit: Commit) -> None:
        """Hear of what was stored."""
        ...


class Watched:
    """All who look on at one desk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of_commits: tuple[Watcher, ...] = ()
        self._of_deliveries: tuple[DeliveryWatcher, ...] = ()

    def add(self, watcher: Watcher) -> None:
        """Tell this one of everything, from now on."""
        self._of_commits = (*self._of_commits, watcher)
        self.add_to_deliveries(watcher)

    def add_to_deliveries(self, watcher: DeliveryWatcher) -> None:
        """Tell this one of deliveries alone."""
        self._of_deliveries = (*self._of_deliveries, watcher)

    def committed(self, ticket: model.Ticket, entry: events.Entry, *, decides: bool) -> None:
        """Tell of a commit."""
        if self._of_commits:
            told = Commit(ticket, entry, decides, self._clock.now())
            for watcher in self._of_commits:
                with _holding_up_nothing():
                    watcher.committed(told)

    def delivery(self, jobs: Sequence[Job], ticket: model.Ticket | None) -> contextlib.AbstractContextManager[None]:
        """Tell of the delivery that happens inside."""
        return self._delivering(jobs, ticket) if self._of_deliveries else contextlib.nullcontext()

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
            told = Delivery(job, ticket, began, self._clock.now(), error)
            for watcher in self._of_deliveries:
                with _holding_up_nothing():
                    watcher.delivered(told)


@contextlib.contextmanager
def _holding_up_nothing() -> Generator[None]:
    try:
        yield
    except Exception:
        log.exception("somebody who looks on failed")
