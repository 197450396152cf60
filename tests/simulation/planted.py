"""Faults that are planted on purpose, so that the simulation itself is tested: each is one that somebody could make."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from sayso import errors, machine, model
from sayso.cards import tokens
from sayso.desk import authority, courier, timekeeper
from sayso.desk.admission import fresh, granting
from sayso.desk.answering import closed_accounts
from sayso.desk.posting import card_posts, lanes
from sayso.desk.upkeep import attendance, restoring, stops
from sayso.machine import approvers, events, outcomes, places, schedule, standstill, transitions, using
from sayso.stores import Job, Record, watch
from tests.simulation import chats, disk, runs

Planted = Callable[[], AbstractContextManager[object]]
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


def _a_press_is_not_checked() -> AbstractContextManager[object]:
    return _replace(tokens.TokenMaker, "check", lambda *_: None)


def _one_allow_is_good_twice() -> AbstractContextManager[object]:
    def used(ticket: model.Ticket, event: events.Used) -> model.Ticket:
        return original(ticket.model_copy(update={"used_at": None}), event)

    original = using.used
    return _replace(using, "used", used)


def _accounts_are_counted_and_not_people() -> AbstractContextManager[object]:
    def different(ticket: model.Ticket) -> list[list[model.Given]]:
        return [[one for one in ticket.answers if one.answer.verdict == "allow"]]

    return _replace(places, "surely_different", different)


def _nobody_is_barred() -> AbstractContextManager[object]:
    return _replace(approvers, "_is_barred", lambda *_: False)


def _an_answer_counts_after_the_deadline() -> AbstractContextManager[object]:
    original = transitions._answered

    def answered(ticket: model.Ticket, event: events.Answered) -> machine.Step:
        in_time = min(event.at, ticket.expires_at - timedelta(seconds=1))
        return original(ticket, event.model_copy(update={"at": in_time}))

    def first(ticket: model.Ticket, event: events.Event) -> events.Event:
        return event if isinstance(event, events.Answered) else transitions.first(ticket, event)

    late = contextlib.ExitStack()
    late.enter_context(_replace(machine, "first", first))
    late.enter_context(_replace(transitions, "_answered", answered))
    return late


def _a_stop_is_looked_up_once() -> AbstractContextManager[object]:
    known = dict[int, Any]()
    original = stops.standing

    async def standing(store: Any) -> stops.Stops:
        if id(store) not in known:
            known[id(store)] = (store, await original(store))
        found: stops.Stops = known[id(store)][1]
        return found

    return _replace(stops, "standing", standing)


def _a_stop_lets_an_allow_be_used() -> AbstractContextManager[object]:
    return _replace(standstill, "check_use", lambda _: None)


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
    async def renew(*_: Any) -> None:
        await asyncio.Event().wait()

    return _replace(lanes, "_renew", renew)


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


def _what_was_due_stays_due() -> AbstractContextManager[object]:
    original = schedule.act

    def act(ticket: model.Ticket, at: datetime) -> Any:
        acted = original(ticket, at)
        if acted is None or ticket.reminded > 2:
            return acted
        again = tuple(one.model_copy(update={"at": one.at.replace(microsecond=0)}) for one in ticket.plan)
        return acted[0].model_copy(update={"plan": again}), acted[1]

    return _replace(schedule, "act", act)


def _a_revoked_key_still_runs() -> AbstractContextManager[object]:
    async def check(*_: Any) -> None:
        return None

    return _replace(authority, "check", check)


def _what_a_revoked_key_asked_stays_open() -> AbstractContextManager[object]:
    async def withdraw(*_: Any) -> int:
        return 0

    return _replace(authority, "withdraw", withdraw)


def _an_older_copy_counts() -> AbstractContextManager[object]:
    async def hold(*_: Any) -> tuple[int, int]:
        return 0, 0

    return _replace(restoring, "hold", hold)


def _who_hung_up_is_waited_for() -> AbstractContextManager[object]:
    async def withdraw(*_: Any) -> None:
        return None

    return _replace(attendance, "_withdraw", withdraw)


def _a_grant_never_ends() -> AbstractContextManager[object]:
    original = granting._read

    def read(record: Record | None) -> granting.Grant | None:
        found = original(record)
        return found and found.model_copy(update={"until": found.until.replace(year=2030)})

    return _replace(granting, "_read", read)


def _a_grant_covers_the_whole_tool() -> AbstractContextManager[object]:
    async def name(owner: str, request: model.Request, kind: Any) -> str:
        return f"{owner} {request.tool} {kind}"

    return _replace(granting, "_name", name)


def _who_is_in_a_group_is_asked_once() -> AbstractContextManager[object]:
    return _replace(fresh, "FOR", timedelta(hours=9))


def _a_closed_account_counts() -> AbstractContextManager[object]:
    async def since(*_: Any) -> tuple[str, ...]:
        return ()

    return _replace(closed_accounts, "since", since)


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


def _an_edit_is_dropped_that_fails() -> AbstractContextManager[object]:
    async def wait_after(self: courier.Courier, job: Job, error: errors.ChannelError) -> float | None:
        return None if isinstance(job.effect, events.Redraw) else await original(self, job, error)

    original = courier.Courier._wait_after
    return _replace(courier.Courier, "_wait_after", wait_after)


def _a_decision_is_told_to_no_address() -> AbstractContextManager[object]:
    return _replace(outcomes, "resumes", lambda _: ())


def _what_people_edit_does_not_run() -> AbstractContextManager[object]:
    original = machine.step

    def step(ticket: model.Ticket, event: Any) -> machine.Step:
        found = original(ticket, event)
        decision = found.ticket.decision
        if not isinstance(event, events.Used) or decision is None:
            return found
        asked = decision.model_copy(update={"input": ticket.request.input})
        return dataclasses.replace(found, ticket=found.ticket.model_copy(update={"decision": asked}))

    return _replace(machine, "step", step)


_ALL: Sequence[Planted] = (
    _versions_are_not_compared,
    _answered_before_it_is_stored,
    _a_press_is_not_checked,
    _one_allow_is_good_twice,
    _accounts_are_counted_and_not_people,
    _nobody_is_barred,
    _an_answer_counts_after_the_deadline,
    _a_stop_is_looked_up_once,
    _a_stop_lets_an_allow_be_used,
    _a_job_is_done_before_it_is_tried,
    _a_card_is_posted_without_looking_again,
    _a_newer_effect_is_lost_with_an_older_one,
    _leases_are_not_kept,
    _an_earlier_card_is_not_looked_for,
    _nobody_polls,
    _time_is_kept_by_nobody,
    _what_was_due_stays_due,
    _a_revoked_key_still_runs,
    _what_a_revoked_key_asked_stays_open,
    _an_older_copy_counts,
    _who_hung_up_is_waited_for,
    _a_grant_never_ends,
    _a_grant_covers_the_whole_tool,
    _who_is_in_a_group_is_asked_once,
    _a_closed_account_counts,
    _rows_are_chained_to_nothing,
    _a_place_that_is_closed_is_tried_for_ever,
    _an_edit_is_dropped_that_fails,
    _a_decision_is_told_to_no_address,
    _what_people_edit_does_not_run,
)
FAULTS: Mapping[str, Planted] = {one.__name__.strip("_").replace("_", " "): one for one in _ALL}
"""By what is wrong with them."""


@contextlib.contextmanager
def planting(name: str | None) -> Generator[None]:
    """With this fault, until the block ends."""
    with FAULTS[name]() if name else contextlib.nullcontext():
        yield


def find(name: str, first: int, most: int) -> runs.Result | None:
    """The first run that finds a fault."""
    with planting(name):
        results = (runs.play(str(seed)) for seed in range(first, first + most))
        return next((one for one in results if one.wrong), None)
