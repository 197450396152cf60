"""Rows to tickets, log entries, effects and records, and back. Pure.

The rule: what a newer version wrote is read as far as it is known here and written back whole, and a row that cannot be
read has an error of its own, so that it stops nothing but itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pydantic
import pydantic_core

from sayso import errors, machine, model
from sayso.machine import events
from sayso.stores import record_kinds
from sayso.stores.outbox import Job
from sayso.stores.protocol import Record, Row, Summary

log = logging.getLogger(__name__)

Value = str | int | None
Values = tuple[Value, ...]
RawRow = Sequence[Any]
Decoded = TypeVar("Decoded")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# How much of a row that cannot be read stands in its error.
_SHOWN = 200
# The parts of a ticket that a version may have added to.
_PARTS = ("request", "policy", "decision")


class Mismatch(ValueError):
    """A row and its document say different things."""


def to_micros(when: datetime) -> int:
    """Microseconds since 1970: exact, unlike a float, and the same in every dialect."""
    since = when - _EPOCH
    # as `since // _MICROSECOND`, in a quarter of the time
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_FIRST, _LAST = (to_micros(one.replace(tzinfo=UTC)) for one in (datetime.min, datetime.max))


def to_datetime(stored: int) -> datetime:
    """The opposite of `to_micros`. What stands in a damaged row may be no moment: then the nearest one."""
    within = stored if _FIRST <= stored <= _LAST else _FIRST if stored < _FIRST else _LAST
    return _EPOCH + within * _MICROSECOND


def to_datetime_from_name(written: str) -> datetime:
    """The moment that stands in the name of a record. Raises ValueError or OverflowError if it is none."""
    return _EPOCH + int(written) * _MICROSECOND


def to_datetime_if_any(stored: int | None) -> datetime | None:
    """As `to_datetime`, if anything is stored."""
    return None if stored is None else to_datetime(stored)


def row_of(ticket: model.Ticket) -> Values:
    """The row of a ticket; its document stands last."""
    wake = machine.next_wake(ticket)
    return (
        ticket.id,
        ticket.ref,
        ticket.version,
        ticket.state,
        None if wake is None else to_micros(wake),
        ticket.owner,
        ticket.request.source.session,
        to_micros(ticket.created_at),
        machine.audience(ticket),
        ticket.requester,
        to_micros(ticket.expires_at),
        text_of(ticket),
    )


def text_of(ticket: model.Ticket) -> str:
    """The document of a ticket."""
    added = {name: part.model_extra for name in _PARTS if (part := getattr(ticket, name)) and part.model_extra}
    if not added and not ticket.model_extra:
        # what says nothing is two thirds of a small request; so a default never changes its meaning
        return ticket.model_dump_json(exclude_defaults=True)
    document = {**(ticket.model_extra or {}), **ticket.model_dump(mode="json")}
    for name, extra in added.items():
        document[name] = {**extra, **document[name]}
    return json.dumps(document)


def read_ticket(row: RawRow) -> model.Ticket:
    """The ticket of a row that begins with its document."""
    # kept, not dropped: who writes the ticket back must not undo what a newer version knows of it
    return model.Ticket.model_validate_json(row[0], extra="allow")


def read_stored(id: str, row: RawRow) -> model.Ticket:
    """The ticket of a row with its version. Raises ValueError also if it has another id, and another reference."""
    ticket = read_ticket(row)
    if id not in (ticket.id, ticket.ref):
        raise Mismatch
    _check_version(ticket.version, row)
    return ticket


def read_awaited(row: RawRow) -> machine.Awaited:
    """What whoever waits needs of the ticket of a row, which may have its version as well."""
    seen = machine.Awaited.model_validate_json(row[0], extra="ignore")
    if len(row) > 1:
        _check_version(seen.version, row)
    return seen


def _check_version(version: int, row: RawRow) -> None:
    # otherwise it could never be changed, since each commit says which version it follows
    if version != row[1]:
        raise Mismatch


def read_entry(row: RawRow) -> Row:
    """A row of the log."""
    return Row(row[0], row[1], row[2], events.entry_codec.validate_json(row[3], extra="ignore"))


def read_job(row: RawRow) -> Job:
    """A row of the outbox, under its new lease."""
    effect = events.effect_codec.validate_json(row[2], extra="ignore")
    return Job(row[0], row[1], effect, row[3], row[4], to_datetime(row[6]))


def row_of_posted_card(posted: model.PostedCard) -> Values:
    """The row of a posted card."""
    return posted.ticket_id, posted.place, posted.channel, posted.conversation, posted.message


def read_posted_card(row: RawRow) -> model.PostedCard:
    """A posted card."""
    return model.PostedCard(*row)


def row_of_record(record: Record) -> tuple[str, int | None]:
    """What a record holds, and when it ends."""
    return _json(record.value), None if record.expires_at is None else to_micros(record.expires_at)


def read_record(row: RawRow) -> Record:
    """A record."""
    value: model.JsonObject = {}
    try:
        value = json.loads(row[2])
    except (ValueError, RecursionError):
        if row[0] not in record_kinds.NEVER_LEFT_OUT:
            raise
    return Record(row[0], row[1], value, to_datetime_if_any(row[3]), row[4])


def read_summary(row: RawRow) -> Summary:
    """What figures need of a ticket; its document was read by the database."""
    decided = None if row[4] is None else datetime.fromisoformat(row[4])
    return Summary(row[0], to_datetime(row[1]), row[2], row[3], decided)


def read_all(decode: Callable[[RawRow], Decoded], rows: Sequence[RawRow], name: int = 0) -> Iterator[Decoded]:
    """All that can be read; one damaged row must not hold up the others. Each is known by the value at *name*."""
    for row in rows:
        try:
            yield decode(row)
        except ValueError as error:
            # the document itself is nothing for a log
            log.error(
                "a stored row cannot be read and is left out",
                extra={"row": str(row[name])[:_SHOWN], "error": _why(error)},
            )


def read_one(name: str, decode: Callable[[RawRow], Decoded], rows: Sequence[RawRow]) -> Decoded | None:
    """The first row, if there is one. Raises `Unreadable`, naming what it is."""
    try:
        return decode(rows[0]) if rows else None
    except ValueError as error:
        log.error("a stored row cannot be read", extra={"row": name, "error": _why(error)})
        raise errors.Unreadable(name) from error


def _json(value: dict[str, Any]) -> str:
    try:
        return pydantic_core.to_json(value).decode()
    except ValueError:
        # half a character, which only escaped text can hold
        return json.dumps(value)


def _why(error: ValueError) -> str:
    if not isinstance(error, pydantic.ValidationError):
        return type(error).__name__
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['type']}"
