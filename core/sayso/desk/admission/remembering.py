"""What people decided before on the same call of the same agent: kept beside each decision, shown on the next card.

The rule: bounded by construction. The calls of an agent fall into a fixed number of records by their digest, and each
record keeps its newest calls of the last days. So a look costs the same, however much was ever asked, and nothing has
to be swept. It is written in the transaction of the decision; of two at the same moment one may be left out.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pydantic

from sayso import aside, errors, model
from sayso.cards import tokens
from sayso.content import digest, masks, requests, risk
from sayso.desk.admission import denials
from sayso.machine import Terms
from sayso.stores import Record, Store
from sayso.stores.record_kinds import ANSWERED, DENIED, PAST, RISKY

KEPT = timedelta(days=7)
RISKY_FOR = timedelta(days=1)
# Of a digest's hex digits: 256 records for each agent, of at most so many calls, each with so many moments.
_DIGITS, _MOST_CALLS, MOST_TIMES = 2, 8, 20
MOST_ANSWERED = 20
"""Requests of one person that are known as answered lately."""
_MOST_DECIDERS = 10
_MOST_RISKY, _MOST_SHOWN, _LONGEST_REASON = 10, 3, 300

Value = dict[str, Any]
"""What stands in a record; of another version, or damaged, it is as if nothing stood there."""

# Arguments, and characters in all of them.
_FEW, _SHORT = 10, 300

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Past:
    """What was decided on one call."""

    allowed: tuple[datetime, ...] = ()
    denied: tuple[datetime, ...] = ()
    by: str = ""
    reason: str | None = None

    def since(self, start: datetime) -> _Past:
        """What is younger."""
        return _Past(_since(self.allowed, start), _since(self.denied, start), self.by, self.reason)


@dataclass(frozen=True, slots=True)
class _Change:
    """What a decision changes in one record."""

    kind: str
    name: str
    until: datetime | None
    change: Callable[[Value], Value]

    def of(self, found: Record | None) -> Record:
        """The record afterwards."""
        value, version = (found.value, found.version) if found else ({}, 0)
        return Record(self.kind, self.name, self.change(value), self.until, version)


async def records(store: Store, *tickets: model.Ticket) -> Sequence[Record]:
    """What is to be kept of what people decided at one moment: written together with the decisions.

    What a rule or time decided is no opinion of people.
    """
    changes = [one for ticket in tickets if ticket.decision for one in await _changes(ticket, ticket.decision)]
    if not changes:
        return ()
    try:
        found = dict(await store.get_all(list({(one.kind, one.name): None for one in changes})))
    except errors.SaysoError as error:
        # nobody's answer waits for this
        log.warning("a decision is not remembered", extra={"ticket": tickets[0].id, "error": error.message})
        return ()
    made = dict[tuple[str, str], Record]()
    for one in changes:
        # several calls stand in one record
        place = one.kind, one.name
        made[place] = one.of(made.get(place) or found.get(place))
    return [*made.values()]


async def _changes(ticket: model.Ticket, decision: model.Decision) -> Sequence[_Change]:
    if not decision.by:
        return ()
    changes = [_of_answered(person, ticket.id) for person in _deciders(decision)]
    if ticket.request.kind == "permission" and decision.outcome in ("allowed", "denied"):
        changes += [await _of_call(ticket, decision), *await _of_risky(ticket, decision), *_of_denied(ticket, decision)]
    return changes


async def answered_by(store: Store, person: str) -> tuple[str, ...]:
    """The ids of the requests that this person decided last, the newest first."""
    found = await store.get(ANSWERED, tokens.id_from("answered", person))
    return tuple(reversed(_ids(found.value if found else {})))


def _deciders(decision: model.Decision) -> Sequence[str]:
    named = [name for one in decision.by for name in (one.person, one.delegate) if name]
    return list(dict.fromkeys(named))[:_MOST_DECIDERS]


def _ids(value: Value) -> list[str]:
    ids = value.get("ids")
    return [id for id in ids if isinstance(id, str)] if isinstance(ids, list) else []  # pyright: ignore[reportUnknownVariableType]


def _of_answered(person: str, id: str) -> _Change:
    name = tokens.id_from("answered", person)
    return _Change(ANSWERED, name, None, lambda value: {"ids": [*_ids(value), id][-MOST_ANSWERED:]})


async def _of_call(ticket: model.Ticket, decision: model.Decision) -> _Change:
    name, call = await _place(ticket.owner, ticket.request, decision)
    return _Change(PAST, name, decision.decided_at + KEPT, lambda value: _with(value, call, decision))


async def add(store: Store, request: model.Request, terms: Terms, at: datetime) -> Terms:
    """The terms of a request, with what is remembered of it."""
    if request.kind != "permission":
        return terms
    name, call = await _place(terms.owner, request)
    calls, ran, denied = (PAST, name), (RISKY, tokens.id_from("risky", terms.owner)), _denied_of(terms.owner)
    found = {key: record.value for key, record in (await store.get_all([calls, ran, denied])).items()}
    if not found:
        return terms
    past = _past(_calls(found.get(calls, {})).get(call)).since(at - KEPT)
    like = denials.retried(found.get(denied, {}), request, at)
    remembered = _remembered(past, await _risky_before(found.get(ran, {}), request, at), like)
    return dataclasses.replace(terms, remembered=remembered) if remembered else terms


def _remembered(past: _Past, risky: tuple[model.Risky, ...], like: model.Denied | None) -> model.Remembered | None:
    last = max((*past.allowed, *past.denied), default=None)
    if last is None:
        return model.Remembered(risky=risky, like=like) if risky or like else None
    return model.Remembered(
        allowed=len(past.allowed),
        denied=len(past.denied),
        last="denied" if last in past.denied else "allowed",
        by=past.by,
        at=last,
        reason=past.reason,
        risky=risky,
        like=like,
    )


def _since(moments: tuple[datetime, ...], start: datetime) -> tuple[datetime, ...]:
    return tuple(moment for moment in moments if moment > start)


async def _place(owner: str, request: model.Request, decision: model.Decision | None = None) -> tuple[str, str]:
    """The record in which a call stands, and its name there."""
    if decision and decision.input_digest:
        # of the call as it was allowed: what somebody changed was not
        found = decision.input_digest
    else:
        found = await aside.run_large(
            requests.is_large(request), digest.of_call, request.tool or "", request.input or {}
        )
    hexed = found.partition(":")[2]
    return tokens.id_from("calls", owner, hexed[:_DIGITS]), hexed


def _with(value: Value, call: str, decision: model.Decision) -> Value:
    at, calls = decision.decided_at, dict(_calls(value))
    past = _past(calls.pop(call, None)).since(at - KEPT)
    moments = {"allowed": past.allowed, "denied": past.denied}
    moments[decision.outcome] = (*moments[decision.outcome], at)[-MOST_TIMES:]
    by = " and ".join(one.name for one in decision.by)[: model.MAX_NAME]
    reason = (decision.reason or "")[:_LONGEST_REASON] or None
    # the newest stands last, so that the oldest goes first
    calls[call] = {name: [one.isoformat() for one in some] for name, some in moments.items()} | {
        "by": by,
        "reason": reason,
    }
    return {"calls": dict(list(calls.items())[-_MOST_CALLS:])}


def _calls(value: Value) -> Value:
    calls = value.get("calls")
    return calls if isinstance(calls, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _past(found: Any) -> _Past:
    if found is None:
        return _Past()
    try:
        # a name or a reason that is no text fails here as well
        by, reason = found["by"] + "", None if found["reason"] is None else found["reason"] + ""
        return _Past(_moments(found["allowed"]), _moments(found["denied"]), by, reason)
    except (LookupError, TypeError, ValueError):
        return _Past()


def _moments(found: Any) -> tuple[datetime, ...]:
    moments = tuple(map(datetime.fromisoformat, found))
    if any(moment.tzinfo is None for moment in moments):
        raise ValueError("a moment without its zone")
    return moments


def _denied_of(owner: str) -> tuple[str, str]:
    return DENIED, tokens.id_from("denied", owner)


def _of_denied(ticket: model.Ticket, decision: model.Decision) -> Sequence[_Change]:
    if decision.outcome != "denied":
        return ()
    until = decision.decided_at + denials.KEPT
    return [_Change(*_denied_of(ticket.owner), until, lambda value: denials.added(value, ticket, decision))]


async def _of_risky(ticket: model.Ticket, decision: model.Decision) -> Sequence[_Change]:
    if decision.outcome != "allowed":
        return ()
    asked = ticket.request
    ran = asked if asked.input == decision.input else asked.model_copy(update={"input": decision.input})
    found = await aside.run_large(not _is_short(decision.input), risk.marks_of, ran)
    marks = [mark for mark in found if risk.LEVELS[mark.level] > risk.LEVELS["low"]]
    if not marks:
        return ()
    first, at = await _without_secrets(marks[0], ran), decision.decided_at
    new = model.Risky(id=ticket.id, words=first.words, trigger=first.trigger, at=at)

    def changed(value: Value) -> Value:
        kept = (*_risky(value, at), new)[-_MOST_RISKY:]
        return {"calls": [one.model_dump(mode="json") for one in kept]}

    return [_Change(RISKY, tokens.id_from("risky", ticket.owner), at + RISKY_FOR, changed)]


async def _without_secrets(mark: risk.Mark, ran: model.Request) -> risk.Mark:
    """The same, with words that were cut once the secrets in them were gone."""
    covered = await aside.run(masks.GONE.value, ran.input)
    if covered is ran.input:
        return mark
    found = await aside.run(risk.in_sight, ran, ran.model_copy(update={"input": covered}))
    return next(one for one in found if one.name == mark.name)


def _is_short(given: model.JsonObject) -> bool:
    """Whether it is read for risks faster than it is handed to a thread."""
    texts = [value for value in given.values() if isinstance(value, str)]
    plain = all(isinstance(value, str | int | float | None) for value in given.values())
    return plain and len(given) <= _FEW and sum(map(len, texts)) <= _SHORT


async def _risky_before(value: Value, request: model.Request, at: datetime) -> tuple[model.Risky, ...]:
    """What risky this agent was allowed before, for a request that is risky itself."""
    before = _risky(value, at)
    if not before:
        return ()
    level = await aside.run_large(not _is_short(request.input or {}), risk.level_of, request)
    return tuple(reversed(before[-_MOST_SHOWN:])) if level in ("medium", "high") else ()


def _risky(value: Value, at: datetime) -> list[model.Risky]:
    try:
        calls = [model.Risky.model_validate(one) for one in value.get("calls", ())]
    except (TypeError, pydantic.ValidationError):
        return []
    return [one for one in calls if one.at > at - RISKY_FOR]
