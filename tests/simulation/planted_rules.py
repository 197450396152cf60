"""Faults in who may decide what, when, and what may run then."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from sayso import machine, model
from sayso.cards import tokens
from sayso.desk import authority
from sayso.desk.admission import fresh, granting
from sayso.desk.answering import closed_accounts
from sayso.desk.upkeep import restoring, stops
from sayso.machine import approvers, events, places, schedule, standstill, transitions, using
from sayso.stores import Record

_replace = mock.patch.object


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
    async def withdraw(*_: Any) -> tuple[int, bool]:
        return 0, True

    return _replace(authority, "withdraw", withdraw)


def _an_older_copy_counts() -> AbstractContextManager[object]:
    async def hold(*_: Any) -> tuple[int, int]:
        return 0, 0

    return _replace(restoring, "hold", hold)


def _a_grant_never_ends() -> AbstractContextManager[object]:
    original = granting.read

    def read(record: Record | None) -> granting.Grant | None:
        found = original(record)
        return found and found.model_copy(update={"until": found.until.replace(year=2030)})

    return _replace(granting, "read", read)


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


ALL: Sequence[Callable[[], AbstractContextManager[object]]] = (
    _a_press_is_not_checked,
    _one_allow_is_good_twice,
    _accounts_are_counted_and_not_people,
    _nobody_is_barred,
    _an_answer_counts_after_the_deadline,
    _a_stop_is_looked_up_once,
    _a_stop_lets_an_allow_be_used,
    _what_was_due_stays_due,
    _a_revoked_key_still_runs,
    _what_a_revoked_key_asked_stays_open,
    _an_older_copy_counts,
    _a_grant_never_ends,
    _a_grant_covers_the_whole_tool,
    _who_is_in_a_group_is_asked_once,
    _a_closed_account_counts,
    _what_people_edit_does_not_run,
)
"""Each of them, until its block ends."""
