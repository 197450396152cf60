"""Which of some rules would allow a call that somebody denied: at any time, or since a row of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sayso import errors
from sayso.desk.upkeep import looking_back
from sayso.machine import events
from sayso.rules import lines, suggesting
from sayso.rules.replaying import Past
from sayso.stores import Query, Row, Store

Tables = Sequence[Mapping[str, Any]]
"""What the rules cover, each as a `match` table."""
_PAGE = 500


async def ever(store: Store, tables: Tables, parse: lines.Shell | None) -> dict[int, str]:
    """The rules by number that would allow a call that was denied, and that call's id."""
    found = dict[int, str]()
    async for past in looking_back.newest_first(store, query=Query(state="decided")):
        _add(found, past, tables, parse)
        if len(found) == len(tables):
            break
    return found


async def since(store: Store, row: int, tables: Tables, parse: lines.Shell | None) -> tuple[dict[int, str], int]:
    """The same of what was denied after a row of the log, and the last row that there was."""
    found = dict[int, str]()
    while rows := await store.log_after(row, _PAGE):
        row = rows[-1].number
        for one in rows:
            if _may_deny(one) and (past := await _past(store, one.ticket_id)):
                _add(found, past, tables, parse)
    return found, row


def _add(found: dict[int, str], past: Past, tables: Tables, parse: lines.Shell | None) -> None:
    if not past.refused:
        return
    for number, table in enumerate(tables):
        if number not in found and suggesting.is_denied(table, [past], parse):
            found[number] = past.id


def _may_deny(row: Row) -> bool:
    """Whether a row may be the one with which something was denied, or changed before it was allowed."""
    entry = row.entry
    if isinstance(entry, events.Answered):
        return entry.answer.verdict == "deny" or entry.answer.input is not None
    ruled = entry.ruled if isinstance(entry, events.Opened) else None
    return isinstance(entry, events.Settled) or (ruled is not None and ruled.effect == "deny")


async def _past(store: Store, id: str) -> Past | None:
    try:
        return looking_back.of(await store.load(id))
    except errors.NotFound:
        return None
