"""Effects in memory: what is to be done, and who has it for themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sayso import model
from sayso.machine import events
from sayso.stores import takers
from sayso.stores.outbox import Job, Taker, outbox_key


@dataclass
class _Task:
    job: Job
    written_at: datetime
    due_at: datetime | None
    lease: int = 0
    """The fence of the job that holds it; 0 if nobody does."""


class MemoryOutbox:
    """The outbox of a memory store."""

    def __init__(self) -> None:
        super().__init__()
        self._outbox: dict[str, _Task] = {}
        self._takers = takers.Takers()

    async def take(self, channels: Collection[str], at: datetime, lease: float, limit: int = 20) -> Sequence[Job]:
        """See `Store.take`."""
        due = sorted((since, task.job.key) for since, task in self._waiting_tasks(channels) if since <= at)[:limit]
        return [self._take(self._outbox[key], at + timedelta(seconds=lease)) for _, key in due]

    def taking(self, channel: str, taker: Taker) -> contextlib.AbstractAsyncContextManager[None]:
        """See `Store.taking`."""
        return self._takers.taking(channel, taker)

    async def next_job(self, channels: Collection[str]) -> datetime | None:
        """See `Store.next_job`."""
        return min((at for at, _ in self._waiting_tasks(channels)), default=None)

    async def done(self, job: Job) -> None:
        """See `Store.done`."""
        task = self._outbox[job.key]
        if task.lease == job.fence:
            task.lease, task.due_at = 0, None if task.job.fence == job.fence else task.written_at

    async def retry(self, job: Job, at: datetime, error: str) -> None:
        """See `Store.retry`."""
        task = self._outbox[job.key]
        if task.lease == job.fence:
            task.lease, task.due_at = 0, at

    async def put_off(self, job: Job, at: datetime) -> None:
        """See `Store.put_off`."""
        task = self._outbox[job.key]
        if task.lease == job.fence:
            task.job = replace(task.job, attempts=max(0, task.job.attempts - 1))
            task.lease, task.due_at = 0, at

    async def renew(self, job: Job, until: datetime) -> bool:
        """See `Store.renew`."""
        task = self._outbox[job.key]
        if task.lease == job.fence:
            task.due_at = until
        return task.lease == job.fence

    def _waiting_tasks(self, channels: Collection[str]) -> Sequence[tuple[datetime, _Task]]:
        tasks = (task for task in self._outbox.values() if model.channel_of(task.job.effect.place) in channels)
        return [(task.due_at, task) for task in tasks if task.due_at is not None]

    def put_effect(self, ticket_id: str, effect: events.Effect, at: datetime) -> bool:
        """Write an effect; whether somebody has it for themselves from now on."""
        key = outbox_key(ticket_id, effect)
        task = self._outbox.setdefault(key, _Task(Job(key, ticket_id, effect, 0, 0, at), at, None))
        task.job, task.written_at = replace(task.job, effect=effect, attempts=0, fence=task.job.fence + 1), at
        if task.lease:
            return False
        due = max(at, effect.after) if isinstance(effect, events.Announce | events.Push) and effect.after else at
        lent = self._takers.lease(model.channel_of(effect.place)) if due == at else None
        if lent is None:
            task.due_at = min(due, task.due_at or due)
            return False
        taker, until = lent
        taker.receive(self._take(task, until))
        return True

    def _take(self, task: _Task, until: datetime) -> Job:
        taken = replace(task.job, fence=task.job.fence + 1, until=until)
        task.job, task.lease, task.due_at = replace(taken, attempts=taken.attempts + 1), taken.fence, until
        return taken
