"""What people decided before on the same call of the same agent: kept beside each decision, shown on the next card.

The rule: bounded by construction. The calls of an agent fall into a fixed number of records by their digest, and each
record keeps its newest calls of the last days. So a look costs the same, however much was ever asked, and nothing has
to be swept. It is written in the transaction of the decision; of two at the same moment one may be left out.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pydantic

from sayso import aside, errors, model
from sayso.cards import tokens
from sayso.content import digest, requests, risk
from sayso.machine import Terms
from sayso.stores import Record, Store
from sayso.stores.record_kinds import ANSWERED, PAST, RISKY

KEPT = timedelta(days=7)
RISKY_FOR = timedelta(days=1)
# Of a digest's hex digits: 256 records for each agent, of at most so many calls, each with so many moments.
_DIGITS, _MOST_CALLS, MOST_TIMES = 2, 8, 20
MOST_ANSWERED = 20
"""Requests of one person that are known as answered lately."""
_MOST_DECIDERS = 10
_MOST_RISKY, _MOST_SHOWN, _LONGEST_REASON = 10, 3, 300

Kept = TypeVar("Kept", bound=model.Frozen)

# Arguments, and characters in all of them.
_FEW, _SHORT = 10, 300

log = logging.getLogger(__name__)


class _Past(model.Frozen):
    """What was decided on one call."""

    allowed: tuple[datetime, ...] = ()
    denied: tuple[datetime, ...] = ()
    by: str = ""
    reason: str | None = None


class _Calls(model.Frozen):
    """What stands in one record of calls."""

    calls: Mapping[str, _Past] = pydantic.Field(default_factory=dict[str, _Past])


class _Answered(model.Frozen):
    """What stands in the record of one person."""

    ids: tuple[str, ...] = ()


class _RiskyCalls(model.Frozen):
    """What stands in the one record of risky calls."""

    calls: tuple[model.Risky, ...] = ()


async def records(store: Store, ticket: model.Ticket) -> Sequence[Record]:
    """What is to be kept of what people decided on this call: written together with the decision.

    What a rule or time decided is no opinion of people.
    """
    decision = ticket.decision
    if decision is None or not decision.by:
        return ()
    try:
        kept = [await _of_answered(store, person, ticket.id) for person in _deciders(decision)]
        if ticket.request.kind == "permission" and decision.outcome in ("allowed", "denied"):
            kept.append(await _of_call(store, ticket, decision))
            risky = await _of_risky(store, ticket, decision)
            kept += [risky] if risky else []
        return kept
    except errors.SaysoError as error:
        # nobody's answer waits for this
        log.warning("a decision is not remembered", extra={"ticket": ticket.id, "error": error.message})
        return ()


async def answered_by(store: Store, person: str) -> tuple[str, ...]:
    """The ids of the requests that this person decided last, the newest first."""
    found = await store.get(ANSWERED, tokens.id_from("answered", person))
    return tuple(reversed(_read(_Answered, found.value if found else {}).ids))


def _deciders(decision: model.Decision) -> Sequence[str]:
    named = [name for one in decision.by for name in (one.person, one.delegate) if name]
    return list(dict.fromkeys(named))[:_MOST_DECIDERS]


async def _of_answered(store: Store, person: str, id: str) -> Record:
    def changed(value: Any) -> model.Frozen:
        return _Answered(ids=(*_read(_Answered, value).ids, id)[-MOST_ANSWERED:])

    return await _changed(store, ANSWERED, tokens.id_from("answered", person), None, changed)


async def _of_call(store: Store, ticket: model.Ticket, decision: model.Decision) -> Record:
    name, call = await _place(ticket.owner, ticket.request)
    return await _changed(store, PAST, name, decision.decided_at + KEPT, lambda value: _with(value, call, decision))


async def add(store: Store, request: model.Request, terms: Terms, at: datetime) -> Terms:
    """The terms of a request, with what is remembered of it."""
    if request.kind != "permission":
        return terms
    name, call = await _place(terms.owner, request)
    found = await store.get(PAST, name)
    past = _read(_Calls, found.value if found else {}).calls.get(call, _Past())
    risky = await _risky_before(store, request, terms.owner, at)
    remembered = _remembered(past, risky, at)
    return dataclasses.replace(terms, remembered=remembered) if remembered else terms


def _remembered(past: _Past, risky: tuple[model.Risky, ...], at: datetime) -> model.Remembered | None:
    allowed, denied = _since(past.allowed, at - KEPT), _since(past.denied, at - KEPT)
    last = max((*allowed, *denied), default=None)
    if last is None:
        return model.Remembered(risky=risky) if risky else None
    return model.Remembered(
        allowed=len(allowed),
        denied=len(denied),
        last="denied" if last in denied else "allowed",
        by=past.by,
        at=last,
        reason=past.reason,
        risky=risky,
    )


def _since(moments: tuple[datetime, ...], start: datetime) -> tuple[datetime, ...]:
    return tuple(moment for moment in moments if moment > start)


async def _place(owner: str, request: model.Request) -> tuple[str, str]:
    """The record in which a call stands, and its name there."""
    arguments = request.input or {}
    found = await aside.run_large(requests.is_large(request), digest.of_call, request.tool or "", arguments)
    hexed = found.partition(":")[2]
    return tokens.id_from("calls", owner, hexed[:_DIGITS]), hexed


def _with(value: Any, call: str, decision: model.Decision) -> model.Frozen:
    calls, at = dict(_read(_Calls, value).calls), decision.decided_at
    past = calls.pop(call, _Past())
    moments: dict[str, object] = {
        decision.outcome: (*_since(getattr(past, decision.outcome), at - KEPT), at)[-MOST_TIMES:]
    }
    by = " and ".join(one.name for one in decision.by)[: model.MAX_NAME]
    reason = (decision.reason or "")[:_LONGEST_REASON] or None
    # the newest stands last, so that the oldest goes first
    calls[call] = past.model_copy(update={**moments, "by": by, "reason": reason})
    fresh = {name: one for name, one in calls.items() if _since((*one.allowed, *one.denied), at - KEPT)}
    return _Calls(calls=dict(list(fresh.items())[-_MOST_CALLS:]))


async def _of_risky(store: Store, ticket: model.Ticket, decision: model.Decision) -> Record | None:
    if decision.outcome != "allowed":
        return None
    ran = ticket.request.model_copy(update={"input": decision.input})
    found = await aside.run_large(not _is_short(decision.input), risk.marks_of, ran)
    marks = [mark for mark in found if risk.LEVELS[mark.level] > risk.LEVELS["low"]]
    if not marks:
        return None
    first, at = marks[0], decision.decided_at
    new = model.Risky(id=ticket.id, words=first.words, trigger=first.trigger, at=at)

    def changed(value: Any) -> model.Frozen:
        older = [one for one in _read(_RiskyCalls, value).calls if one.at > at - RISKY_FOR]
        return _RiskyCalls(calls=(*older, new)[-_MOST_RISKY:])

    return await _changed(store, RISKY, tokens.id_from("risky", ticket.owner), at + RISKY_FOR, changed)


def _is_short(given: model.JsonObject) -> bool:
    """Whether it is read for risks faster than it is handed to a thread."""
    texts = [value for value in given.values() if isinstance(value, str)]
    plain = all(isinstance(value, str | int | float | None) for value in given.values())
    return plain and len(given) <= _FEW and sum(map(len, texts)) <= _SHORT


async def _risky_before(store: Store, request: model.Request, owner: str, at: datetime) -> tuple[model.Risky, ...]:
    """What risky this agent was allowed before, for a request that is risky itself."""
    found = await store.get(RISKY, tokens.id_from("risky", owner))
    before = [one for one in _read(_RiskyCalls, found.value if found else {}).calls if one.at > at - RISKY_FOR]
    if not before:
        return ()
    marks = await aside.run_large(not _is_short(request.input or {}), risk.marks_of, request)
    level = risk.highest([request.risk, *(mark.level for mark in marks)])
    return tuple(reversed(before[-_MOST_SHOWN:])) if level in ("medium", "high") else ()


async def _changed(
    store: Store, kind: str, name: str, until: datetime | None, change: Callable[[Any], model.Frozen]
) -> Record:
    found = await store.get(kind, name)
    value = change(found.value if found else {}).model_dump(mode="json")
    return Record(kind, name, value, until, found.version if found else 0)


def _read(shape: type[Kept], value: Any) -> Kept:
    # of another version, or damaged: nothing is remembered
    try:
        return shape.model_validate(value)
    except pydantic.ValidationError:
        return shape()
