"""Faults in what the settings bring: rules, grants, suggestions, receipts, turns, digests, quiet hours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from sayso import machine, model
from sayso.content import risk
from sayso.desk.admission import granting, judging, receipting, turning
from sayso.desk.upkeep import suggestions
from sayso.machine import events, silence, taking_on, using
from sayso.rules import Rule, Ruling, rulings
from sayso.stores import Record, Store, outbox
from tests.simulation import disk

_replace = mock.patch.object


class _Overwriting:
    """A store that lets whoever comes later overwrite a record."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, record: Record) -> None:
        with contextlib.suppress(Exception):
            await self._store.put(record)


def _an_allowance_is_not_compared() -> AbstractContextManager[object]:
    original = judging._take

    async def take(store: Store, *more: Any) -> bool:
        return await original(cast(Store, _Overwriting(store)), *more)

    return _replace(judging, "_take", take)


def _a_rule_allows_under_a_stop() -> AbstractContextManager[object]:
    async def standing(_: Store) -> Any:
        return SimpleNamespace(of=lambda _: None)

    return _replace(judging, "stops", SimpleNamespace(standing=standing))


def _a_rule_that_only_observes_decides() -> AbstractContextManager[object]:
    original = rulings.decide

    def decide(matching: Sequence[Rule], spent: Collection[str] = ()) -> Ruling:
        return original([one.model_copy(update={"observed": False}) for one in matching], spent)

    return _replace(rulings, "decide", decide)


def _a_receipt_is_good_twice() -> AbstractContextManager[object]:
    original = using.redeemed

    def redeemed(ticket: model.Ticket, event: events.Redeemed) -> model.Ticket:
        return original(ticket.model_copy(update={"redeemed_at": None}), event)

    return _replace(using, "redeemed", redeemed)


def _a_receipt_outlives_its_allow() -> AbstractContextManager[object]:
    original = receipting.claims

    def claims(*given: Any) -> dict[str, Any]:
        said = original(*given)
        return said | {"exp": said["exp"] + 60}

    return _replace(receipting, "claims", claims)


def _an_ended_grant_is_kept() -> AbstractContextManager[object]:
    async def end(store: Store, id: str, by: str, at: datetime) -> granting.Grant:
        return next(one for one in await granting.listed(store, at) if one.id == id)

    return _replace(granting, "end", end)


def _a_suggestion_goes_on_after_a_denial() -> AbstractContextManager[object]:
    async def catch_up(_: Any, record: Record) -> Record:
        return record

    return _replace(suggestions, "_catch_up", catch_up)


def _a_turn_is_not_compared() -> AbstractContextManager[object]:
    original = turning.take

    async def take(store: Store, *more: Any) -> machine.Terms:
        return await original(cast(Store, _Overwriting(store)), *more)

    return _replace(turning, "take", take)


def _a_round_begins_anew_each_time() -> AbstractContextManager[object]:
    return _replace(turning, "in_order", lambda _, names, __: [*names])


def _who_has_taken_it_on_is_passed_over() -> AbstractContextManager[object]:
    original = taking_on.claimed

    def claimed(ticket: model.Ticket, event: events.Claimed) -> Any:
        made, effects = original(ticket, event)
        return made.model_copy(update={"plan": ticket.plan}), effects

    return _replace(taking_on, "claimed", claimed)


def _what_is_risky_is_gathered() -> AbstractContextManager[object]:
    return _replace(risk, "level_of", lambda *_: "low")


def _what_is_gathered_is_shown_at_once() -> AbstractContextManager[object]:
    original = disk.Disk.put_effect

    def put_effect(self: disk.Disk, ticket_id: str, effect: events.Effect, at: datetime) -> bool:
        early = effect.model_copy(update={"after": None}) if isinstance(effect, events.Announce) else effect
        return original(self, ticket_id, early, at)

    return _replace(disk.Disk, "put_effect", put_effect)


def _what_is_handed_on_is_nobodys() -> AbstractContextManager[object]:
    return _replace(disk._There, "receive", lambda *_: None)


def _what_is_handed_on_is_not_leased() -> AbstractContextManager[object]:
    original = disk.Disk.put_effect

    def put_effect(self: disk.Disk, ticket_id: str, effect: events.Effect, at: datetime) -> bool:
        handed = original(self, ticket_id, effect, at)
        if handed:
            self._outbox[outbox.outbox_key(ticket_id, effect)].due_at = at
        return handed

    return _replace(disk.Disk, "put_effect", put_effect)


def _quiet_hours_are_not_quiet() -> AbstractContextManager[object]:
    return _replace(silence, "silent", lambda *_: frozenset[str]())


def _nobody_hears_of_it_after_quiet_hours() -> AbstractContextManager[object]:
    return _replace(silence, "opening", lambda *_: ())


ALL: Sequence[Callable[[], AbstractContextManager[object]]] = (
    _an_allowance_is_not_compared,
    _a_rule_allows_under_a_stop,
    _a_rule_that_only_observes_decides,
    _a_receipt_is_good_twice,
    _a_receipt_outlives_its_allow,
    _an_ended_grant_is_kept,
    _a_suggestion_goes_on_after_a_denial,
    _a_turn_is_not_compared,
    _a_round_begins_anew_each_time,
    _who_has_taken_it_on_is_passed_over,
    _what_is_risky_is_gathered,
    _what_is_gathered_is_shown_at_once,
    _what_is_handed_on_is_nobodys,
    _what_is_handed_on_is_not_leased,
    _quiet_hours_are_not_quiet,
    _nobody_hears_of_it_after_quiet_hours,
)
"""Each of them, until its block ends."""
