"""What people decided before on the same call of the same agent: kept beside each decision, shown on the next card.

The rule: a decision adds small records and reads none, and no two decisions write the same one, so that none is left
out. They end by themselves after some days, and a look reads the newest of them: it costs the same, however much was
ever asked.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sayso import aside, model
from sayso.cards import tokens
from sayso.content import digest, masks, requests, risk, wording
from sayso.desk.admission import denials
from sayso.machine import Terms
from sayso.stores import Record, Store, documents
from sayso.stores.protocol import Last
from sayso.stores.record_kinds import ANSWERED, DENIED, PAST, RISKY

KEPT = timedelta(days=7)
"""For how long what was said to a call stands on later cards."""
ENDS_AFTER = timedelta(days=30)
RISKY_FOR = timedelta(days=1)
MOST_TIMES = 20
"""How often the same call was allowed, or denied, is counted up to here."""
MOST_ANSWERED = 20
"""Requests of one person that are known as answered lately."""
# As it stands in names: what was denied comes after what was allowed.
_RANK = {"allowed": "0", "denied": "1"}
_OUTCOMES = {rank: outcome for outcome, rank in _RANK.items()}
_MOST_DECIDERS = 10
_MOST_RISKY, _MOST_SHOWN, _LONGEST_REASON = 10, 3, 300

Call = TypeVar("Call", model.Denied, model.Risky)

# Arguments, and characters in all of them.
_FEW, _SHORT = 10, 300


@dataclass(frozen=True, slots=True)
class _Said:
    """What was decided on one call at one moment."""

    at: datetime
    outcome: str
    by: str = ""
    reason: str | None = None


async def records(*tickets: model.Ticket) -> Sequence[Record]:
    """What is to be kept of what people decided at one moment: written together with the decisions.

    What a rule or time decided is no opinion of people.
    """
    decided = [(ticket, ticket.decision) for ticket in tickets if ticket.decision and ticket.decision.by]
    return [one for ticket, decision in decided for one in await _added(ticket, decision)]


async def _added(ticket: model.Ticket, decision: model.Decision) -> Sequence[Record]:
    """What is kept of each decision: who answered, and what was said to this call."""
    # all at the same moment, so that they stand side by side in the index of what ends
    own, ends = _own(ticket, decision), decision.decided_at + ENDS_AFTER
    names = [f"{_name_of('answered', person)}/{own}" for person in _deciders(decision)]
    added = [Record(ANSWERED, name, {}, ends) for name in names]
    if name := await past_of(ticket, decision):
        said = {"by": wording.names(decision)[: model.MAX_NAME]}
        if decision.reason:
            said["reason"] = decision.reason[:_LONGEST_REASON]
        added.append(Record(PAST, name, said, ends))
        added += [*_denied(ticket, decision), *await _risky(ticket, decision)]
    return added


async def past_of(ticket: model.Ticket, decision: model.Decision) -> str | None:
    """The name of the record of what was said to this call; none if it is not about a call."""
    if not _is_about_a_call(ticket, decision):
        return None
    # of the call as it was allowed: what somebody changed was not
    ran = decision.input_digest or await _digest(ticket.request, large=requests.is_large(ticket.request))
    return f"{_name_of_call(ticket.owner, ran)}/{_RANK[decision.outcome]}/{_own(ticket, decision)}"


def _own(ticket: model.Ticket, decision: model.Decision) -> str:
    # later ones stand behind earlier ones, and no two are the same
    return f"{documents.to_micros(decision.decided_at):016d}/{ticket.id}"


def _is_about_a_call(ticket: model.Ticket, decision: model.Decision) -> bool:
    return ticket.request.kind == "permission" and decision.outcome in _RANK


async def answered_by(store: Store, person: str) -> tuple[str, ...]:
    """The ids of the requests that this person decided last, the newest first."""
    found = await store.look_back((ANSWERED, _name_of("answered", person), MOST_ANSWERED))
    ids = (one.name.rpartition("/") for one in sorted(found, key=lambda one: one.name, reverse=True))
    return tuple(id for _, behind, id in ids if behind)


def _deciders(decision: model.Decision) -> Sequence[str]:
    named = [name for one in decision.by for name in (one.person, one.delegate) if name]
    return list(dict.fromkeys(named))[:_MOST_DECIDERS]


@functools.lru_cache(maxsize=1024)
def _name_of(what: str, *whose: str) -> str:
    """The name of a record of a person or an agent: few of them come again and again."""
    return tokens.id_from(what, *whose)


async def wanted(owner: str, request: model.Request, *, large: bool) -> Sequence[Last]:
    """What to look back for: first what was said to this call. What is *large* is looked at beside the event loop."""
    if request.kind != "permission":
        return ()
    call = _name_of_call(owner, await _digest(request, large=large))
    return (PAST, f"{call}/", MOST_TIMES), *_of_agent(owner)


async def add(
    store: Store, request: model.Request, terms: Terms, at: datetime, looked: Sequence[Last], found: Sequence[Record]
) -> Terms:
    """The terms of a request, with what is remembered of it: *found* is what there was of what it *looked* for."""
    if not looked or not found:
        return terms
    said = _said(found)
    if [one.outcome for one in said] != ["allowed"] * sum(one.kind == PAST for one in found):
        # denials and what cannot be read stand last, and may be all of these
        (_, call, _), *_ = looked
        allowed = await store.look_back((PAST, f"{call}{_RANK['allowed']}/", MOST_TIMES))
        said = [*(one for one in said if one.outcome == "denied"), *_said(allowed)]
    like = denials.retried(_calls(found, DENIED, model.Denied), request, at)
    risky = await _risky_before(_calls(found, RISKY, model.Risky), request, at)
    remembered = _remembered([one for one in said if one.at > at - KEPT], risky, like)
    return dataclasses.replace(terms, remembered=remembered) if remembered else terms


def _remembered(
    said: Sequence[_Said], risky: tuple[model.Risky, ...], like: model.Denied | None
) -> model.Remembered | None:
    last = max(said, key=lambda one: (one.at, _RANK[one.outcome]), default=None)
    if last is None:
        return model.Remembered(risky=risky, like=like) if risky or like else None
    denied = sum(one.outcome == "denied" for one in said)
    return model.Remembered(
        allowed=min(len(said) - denied, MOST_TIMES),
        denied=min(denied, MOST_TIMES),
        last="denied" if last.outcome == "denied" else "allowed",
        by=last.by,
        at=last.at,
        reason=last.reason,
        risky=risky,
        like=like,
    )


async def _digest(request: model.Request, *, large: bool) -> str:
    return await aside.run_large(large, digest.of_call, request.tool or "", request.input or {})


def _name_of_call(owner: str, call: str) -> str:
    """How the names of the records of a call of an agent begin, by the call's digest."""
    return tokens.id_from("call", owner, call)


def _said(records: Sequence[Record]) -> list[_Said]:
    """What stands in those of these records that are of one decision."""
    return [said for record in records if record.kind == PAST and (said := _read(record))]


def _read(record: Record) -> _Said | None:
    try:
        _, rank, at, _ = record.name.split("/")
        # a name or a reason that is no text fails here as well
        by, reason = record.value["by"] + "", record.value.get("reason")
        return _Said(documents.to_datetime_from_name(at), _OUTCOMES[rank], by, None if reason is None else reason + "")
    except (LookupError, TypeError, ValueError, OverflowError):
        return None


def _of_agent(owner: str) -> tuple[Last, Last]:
    """The newest records of an agent: of the risky calls that it was allowed, and of what was denied."""
    return (RISKY, f"{_name_of('risky', owner)}/", _MOST_RISKY), (DENIED, f"{_name_of('denied', owner)}/", denials.MOST)


def of_agent(ticket: model.Ticket, decision: model.Decision) -> Sequence[tuple[str, str]]:
    """The records of its agent that this decision may have left, by kind and name."""
    return [(kind, f"{prefix}{_own(ticket, decision)}") for kind, prefix, _ in _of_agent(ticket.owner)]


def _calls(records: Sequence[Record], kind: str, of: type[Call]) -> list[Call]:
    """What stands in those of these records that are of one kind, the oldest first."""
    found = list[Call]()
    for record in sorted((one for one in records if one.kind == kind), key=lambda one: one.name):
        # one that cannot be read leaves out no other; what is invalid is a ValueError, too
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            _, at, id = record.name.split("/")
            found.append(of.model_validate({**record.value, "id": id, "at": documents.to_datetime_from_name(at)}))
    return found


def _denied(ticket: model.Ticket, decision: model.Decision) -> Sequence[Record]:
    if decision.outcome != "denied":
        return ()
    _, place = of_agent(ticket, decision)
    return [Record(*place, denials.value_of(ticket, decision), decision.decided_at + denials.KEPT)]


async def _risky(ticket: model.Ticket, decision: model.Decision) -> Sequence[Record]:
    if decision.outcome != "allowed":
        return ()
    asked = ticket.request
    ran = asked if asked.input == decision.input else asked.model_copy(update={"input": decision.input})
    found = await aside.run_large(not _is_short(decision.input), risk.marks_of, ran)
    marks = [mark for mark in found if risk.LEVELS[mark.level] > risk.LEVELS["low"]]
    if not marks:
        return ()
    first = await _without_secrets(marks[0], ran)
    place, _ = of_agent(ticket, decision)
    return [Record(*place, {"words": first.words, "trigger": first.trigger}, decision.decided_at + RISKY_FOR)]


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


async def _risky_before(calls: Sequence[model.Risky], request: model.Request, at: datetime) -> tuple[model.Risky, ...]:
    """What risky this agent was allowed before, for a request that is risky itself."""
    before = [one for one in calls if one.at > at - RISKY_FOR]
    if not before:
        return ()
    level = await aside.run_large(not _is_short(request.input or {}), risk.level_of, request)
    return tuple(reversed(before[-_MOST_SHOWN:])) if level in ("medium", "high") else ()
