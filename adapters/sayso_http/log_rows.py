"""The log on the wire: one form for each row, in the log of a request and in the stream of events."""

from __future__ import annotations

from collections.abc import Mapping

from sayso import model
from sayso.machine import events
from sayso.stores import Row
from sayso.stores.protocol import LOG_PAGE
from sayso_http import operations

# A row number of the log is a 64-bit integer in every store.
LAST_ROW = 2**63 - 1
NUMBER: operations.Schema = {"type": "integer", "minimum": 0, "maximum": LAST_ROW}
QUERY: Mapping[str, operations.Schema] = {
    "after": {**NUMBER, "default": 0, "description": "The number of the last row already seen"},
    "limit": {"type": "integer", "minimum": 1, "maximum": LOG_PAGE, "default": LOG_PAGE},
}
"""What may be asked of the log of a request."""


class LogRow(model.Frozen):
    """One row of the log. `number` counts over the whole store; `entry` is what happened."""

    number: int
    request: str
    version: int
    entry: events.Entry


class Log(model.Frozen):
    """A page of the log of one request, oldest row first."""

    rows: tuple[LogRow, ...]
    next: int | None = None
    """What `after` says for the next page, if there is one."""


def to_log_row(row: Row) -> LogRow:
    """Make the wire form of a row."""
    return LogRow.model_construct(number=row.number, request=row.ticket_id, version=row.version, entry=row.entry)
