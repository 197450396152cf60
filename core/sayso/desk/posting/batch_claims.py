"""Which process posts the card of a batch, where each of several has a request of it: a chat would take it twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from sayso import errors
from sayso.desk.posting import leases
from sayso.stores import Record, Store

_KIND = "posting"
_LOOK_EVERY = 1.0


async def claim(store: Store, ref: str, process: str, at: datetime) -> tuple[bool, datetime]:
    """Take it on to post the card: whether somebody had done so before, and may have posted it; and by when to send it.

    Raises:
        NotYet: another process is about it.
    """
    before = await store.get(_KIND, ref)
    if before is not None and before.value["process"] != process and at < _until(before):
        raise _taken()
    until = at + timedelta(seconds=leases.LEASE)
    value = {"process": process, "until": until.isoformat()}
    try:
        await store.put(Record(_KIND, ref, value, until, before.version if before else 0))
    except errors.Conflict:
        raise _taken() from None
    return before is not None, at + timedelta(seconds=leases.LEASE) * leases.TO_SEND


def _until(record: Record) -> datetime:
    return datetime.fromisoformat(record.value["until"])


def _taken() -> errors.NotYet:
    return errors.NotYet("another process posts the card of several requests", _LOOK_EVERY)
