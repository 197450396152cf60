"""Faults in what is stored, shown and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from sayso import errors, model
from sayso.desk import courier, timekeeper
from sayso.desk.posting import card_posts, late_cards, leases
from sayso.desk.upkeep import attendance
from sayso.machine import events, outcomes
from sayso.stores import Job, watch
from tests.simulation import chats, disk

_replace = mock.patch.object


def _versions_are_not_compared() -> AbstractContextManager[object]:
    original = disk.Disk.commit_together

    async def commit(self: disk.Disk, commits: Any, beside: Any = ()) -> None:
        for step, _ in commits:
            if (before := self._tickets.get(step.ticket.id)) is not None:
                aligned = before.model_copy(update={"version": step.ticket.version - 1})
                self._tickets[step.ticket.id] = aligned
        await original(self, commits, beside)

    return _replace(disk.Disk, "commit_together", commit)


def _answered_before_it_is_stored() -> AbstractContextManager[object]:
    original = disk.View.call

    async def call(self: disk.View, name: str, args: Any, more: Any) -> Any:
        if name == "commit" and args[0].ticket.version > 1:
            writing = asyncio.ensure_future(original(self, name, args, more))
            writing.add_done_callback(lambda done: done.cancelled() or done.exception())
            return None
        return await original(self, name, args, more)

    return _replace(disk.View, "call", call)


def _a_job_is_done_before_it_is_tried() -> AbstractContextManager[object]:
    original = courier.Courier._guard

    async def guard(self: courier.Courier, jobs: Sequence[Job], act: Any, what: Any) -> None:
        for job in jobs:
            await self._store.done(job)
        await original(self, jobs, act, what)

    return _replace(courier.Courier, "_guard", guard)


def _a_card_is_posted_without_looking_again() -> AbstractContextManager[object]:
    async def catch_up(*_: Any) -> None:
        return None

    return _replace(card_posts.CardPosts, "_catch_up", catch_up)


def _a_newer_effect_is_lost_with_an_older_one() -> AbstractContextManager[object]:
    async def done(self: disk.Disk, job: Job) -> None:
        task = self._outbox[job.key]
        task.lease, task.due_at = 0, None

    return _replace(disk.Disk, "done", done)


def _leases_are_not_kept() -> AbstractContextManager[object]:
    async def renew(*_: Any) -> bool:
        return True

    return _replace(disk.Disk, "renew", renew)


def _nobody_looks_whether_a_lease_holds() -> AbstractContextManager[object]:
    return _replace(leases, "check", lambda: None)


def _an_earlier_card_is_not_looked_for() -> AbstractContextManager[object]:
    original = chats.Connection.post

    async def post(self: chats.Connection, place: str, drawn: Any, *, again: bool) -> model.PostedCard:
        return await original(self, place, drawn, again=False)

    return _replace(chats.Connection, "post", post)


def _nobody_polls() -> AbstractContextManager[object]:
    async def poll(self: watch.Watch) -> None:
        return None

    return _replace(watch.Watch, "poll", poll)


def _time_is_kept_by_nobody() -> AbstractContextManager[object]:
    async def expire(*_: Any) -> None:
        await asyncio.Event().wait()

    return _replace(timekeeper, "expire_due", expire)


def _who_hung_up_is_waited_for() -> AbstractContextManager[object]:
    async def withdraw(*_: Any) -> None:
        return None

    return _replace(attendance, "_withdraw", withdraw)


def _rows_are_chained_to_nothing() -> AbstractContextManager[object]:
    original = disk.Disk._log

    def log(self: disk.Disk, ticket_id: str, version: int, entry: Any, ticket: Any) -> None:
        if isinstance(entry, events.AnswerRefused):
            self._heads.pop(ticket_id, None)
        original(self, ticket_id, version, entry, ticket)

    return _replace(disk.Disk, "_log", log)


def _a_place_that_is_closed_is_tried_for_ever() -> AbstractContextManager[object]:
    original = courier.Courier._fail

    async def fail(self: courier.Courier, job: Job, error: errors.ChannelError) -> None:
        error.final = False
        await original(self, job, error)

    return _replace(courier.Courier, "_fail", fail)


def _nobody_looks_for_a_card_that_comes_late() -> AbstractContextManager[object]:
    async def look_at(*_: Any) -> None:
        return None

    return _replace(late_cards, "look_at", look_at)


def _an_edit_is_dropped_that_fails() -> AbstractContextManager[object]:
    async def wait_after(self: courier.Courier, job: Job, error: errors.ChannelError) -> float | None:
        return None if isinstance(job.effect, events.Redraw) else await original(self, job, error)

    original = courier.Courier._wait_after
    return _replace(courier.Courier, "_wait_after", wait_after)


def _a_decision_is_told_to_no_address() -> AbstractContextManager[object]:
    return _replace(outcomes, "resumes", lambda _: ())


ALL: Sequence[Callable[[], AbstractContextManager[object]]] = (
    _versions_are_not_compared,
    _answered_before_it_is_stored,
    _a_job_is_done_before_it_is_tried,
    _a_card_is_posted_without_looking_again,
    _a_newer_effect_is_lost_with_an_older_one,
    _leases_are_not_kept,
    _nobody_looks_whether_a_lease_holds,
    _an_earlier_card_is_not_looked_for,
    _nobody_polls,
    _time_is_kept_by_nobody,
    _who_hung_up_is_waited_for,
    _rows_are_chained_to_nothing,
    _a_place_that_is_closed_is_tried_for_ever,
    _nobody_looks_for_a_card_that_comes_late,
    _an_edit_is_dropped_that_fails,
    _a_decision_is_told_to_no_address,
)
"""Each of them, until its block ends."""
