"""What suggested rules keep of other people's requests, and when it goes: with those requests, or once it is over.

The rule: a suggestion shows inputs of other requests, so that it has them no longer than these do. What somebody
accepted holds until its grant ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sayso import errors, machine
from sayso.cards import naming
from sayso.desk.admission import granting, learned
from sayso.machine import events
from sayso.rules.suggesting import Suggestion
from sayso.stores import Record, Store
from sayso.stores.record_kinds import SUGGESTION

# Of what it covers the oldest are erased first.
_MOST = 100
# One that is damaged holds up no other.
_GONE = (errors.NotFound, errors.Unreadable)
_WHY = "a request that it shows was erased"


def ids_of(one: Suggestion) -> list[str]:
    """The requests whose end is its end."""
    return [past.id for past in sorted(one.covered, key=lambda past: past.at)[:_MOST]]


async def tidy(store: Store, now: datetime) -> None:
    """Forget what suggestions were about that are over: nobody answered them, or what came of them has ended."""
    for record in await store.scan(SUGGESTION):
        if "match" in record.value and await _is_over(store, record, now):
            await _forget(store, record)


async def to_erase(store: Store, at: datetime) -> AsyncIterator[str]:
    """The suggestions whose content is to be erased, because one of the requests that they show was.

    One that is still open is withdrawn. Each is over once the next one is asked for.
    """
    for record in await store.scan(SUGGESTION):
        if not await _shows_erased(store, record.value.get("covered", ())):
            continue
        id = record.value["request"]
        with contextlib.suppress(*_GONE, errors.Conflict):
            ticket = await store.load(id)
            if ticket.decision is None:
                event = events.Cancelled(at=at, by=naming.SERVICE, reason=_WHY)
                await store.commit(machine.step(ticket, event), event)
            yield id
            if await _is_over(store, record, at):
                await _forget(store, record)
            else:
                await store.put(replace(record, value=record.value | {"covered": []}))


async def _shows_erased(store: Store, ids: list[str]) -> bool:
    for id in ids:
        with contextlib.suppress(*_GONE):
            if (await store.load(id)).erased_at is not None:
                return True
    return False


async def _is_over(store: Store, record: Record, now: datetime) -> bool:
    """Whether it can be accepted no more, and nothing that came of it holds."""
    try:
        decision = (await store.load(record.value["request"])).decision
    except _GONE:
        return False  # it is not asked yet, or nobody can say
    # what was answered may be erased by now
    held = {one.id for one in await granting.listed(store, now)}
    return decision is not None and learned.grant_of(record.name) not in held


async def _forget(store: Store, record: Record) -> None:
    """Keep that it was suggested, and how long it is not suggested again."""
    value: Mapping[str, Any] = record.value
    kept = {name: value[name] for name in ("request", "lasts", "over", "denied") if name in value}
    with contextlib.suppress(errors.Conflict):
        await store.put(replace(record, value=kept))
