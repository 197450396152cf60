"""Faults in what is done beside decisions: what is erased, told on devices, and told of what rules observed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import sayso_push
from sayso import errors, model
from sayso.desk.admission import forgetting
from sayso.desk.upkeep import duties, observing, purging, suggested_content
from sayso.machine import erasing

_replace = mock.patch.object


def _what_may_still_run_is_erased() -> AbstractContextManager[object]:
    return _replace(erasing, "may_still_run", lambda ticket, _: ticket.decision is None)


def _what_was_typed_stays_in_the_log() -> AbstractContextManager[object]:
    return _replace(erasing, "kept", lambda entry: entry)


def _what_is_remembered_outlives_its_request() -> AbstractContextManager[object]:
    async def forget(*_: Any) -> None:
        return None

    return _replace(forgetting, "forget", forget)


def _a_suggestion_outlives_what_it_shows() -> AbstractContextManager[object]:
    async def to_erase(*_: Any) -> AsyncIterator[str]:
        for id in tuple[str, ...]():
            yield id

    return _replace(suggested_content, "to_erase", to_erase)


def _a_purge_passes_over_what_was_denied() -> AbstractContextManager[object]:
    original = purging._is_over

    async def is_over(store: Any, id: str, *more: Any) -> bool:
        found: model.Ticket = await store.load(id)
        denied = found.decision is not None and found.decision.outcome == "denied"
        return not denied and await original(store, id, *more)

    return _replace(purging, "_is_over", is_over)


def _a_notification_stays_once_it_is_decided() -> AbstractContextManager[object]:
    original = sayso_push.Pusher.update

    async def update(self: sayso_push.Pusher, ticket: model.Ticket) -> None:
        if ticket.decision is None:
            await original(self, ticket)

    return _replace(sayso_push.Pusher, "update", update)


def _where_it_may_stand_is_not_kept_first() -> AbstractContextManager[object]:
    original = sayso_push.Pusher._keep

    async def keep(self: sayso_push.Pusher, notice: Any, shown: set[str], maybe: set[str], record: Any) -> Any:
        return record if maybe else await original(self, notice, shown, maybe, record)

    return _replace(sayso_push.Pusher, "_keep", keep)


def _everybody_is_told_on_their_devices() -> AbstractContextManager[object]:
    async def waits_for(*_: Any) -> bool:
        return True

    return _replace(sayso_push.Pusher, "_waits_for", waits_for)


def _each_copy_tells_what_was_observed() -> AbstractContextManager[object]:
    original = duties.Duty.take

    async def take(self: duties.Duty) -> bool:
        return self._name == "observed" or await original(self)

    return _replace(duties.Duty, "take", take)


def _nobody_is_told_what_was_observed() -> AbstractContextManager[object]:
    async def tell_if_due(_: Any) -> bool:
        return False

    return _replace(observing, "tell_if_due", tell_if_due)


def _a_place_that_fails_has_all_told_again() -> AbstractContextManager[object]:
    original = observing._note

    async def is_done(desk: Any, place: str, said: Any) -> bool:
        with contextlib.suppress(errors.ChannelError):
            await observing._tell(desk, place, said)
            return True
        return False

    async def note(desk: Any, at: Any, left: Any, before: Any) -> None:
        if not left:
            await original(desk, at, left, before)

    failing = contextlib.ExitStack()
    failing.enter_context(_replace(observing, "_is_done", is_done))
    failing.enter_context(_replace(observing, "_note", note))
    return failing


ALL: Sequence[Callable[[], AbstractContextManager[object]]] = (
    _what_may_still_run_is_erased,
    _what_was_typed_stays_in_the_log,
    _what_is_remembered_outlives_its_request,
    _a_suggestion_outlives_what_it_shows,
    _a_purge_passes_over_what_was_denied,
    _a_notification_stays_once_it_is_decided,
    _where_it_may_stand_is_not_kept_first,
    _everybody_is_told_on_their_devices,
    _each_copy_tells_what_was_observed,
    _nobody_is_told_what_was_observed,
    _a_place_that_fails_has_all_told_again,
)
"""Each of them, until its block ends."""
