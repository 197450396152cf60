"""Which of some rules would allow a call that somebody denied: at any time, or since a row of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sayso import errors
from sayso.desk.upkeep import looking_back
from sayso.machine import events
from sayso.rules import lines, suggesting
from sayso.rules.replaying import Past
from sayso.stores import Query, Record, Row, Store

Tables = Sequence[Mapping[str, Any]]
"""What the rules cover, each as a `match` table."""
_PAGE = 500
_INDEX, _HEAD = "denials", "head"


async def ever(store: Store, tables: Tables, parse: lines.Shell | None) -> dict[int, str]:
    """The rules by number that would allow a call that was denied, and that call's id."""
    found = dict[int, str]()
    async for past in looking_back.newest_first(store, query=Query(state="decided")):
        _add(found, past, tables, parse)
        if len(found) == len(tables):
            break
    return found


async def by_index(store: Store, tables: Tables, parse: lines.Shell | None) -> dict[int, str]:
    """The same, by the ids of what may have been denied: each row of the log is read once, and not each day."""
    found, page = dict[int, str](), await _written_on(store)
    while page >= 0 and len(found) < len(tables):
        record = await store.get(_INDEX, str(page))
        for id in reversed(record.value["ids"] if record else ()):
            if past := await _past(store, id):
                _add(found, past, tables, parse)
        page -= 1
    return found


async def _written_on(store: Store) -> int:
    """Bring the index up to the log, page by page; the number of its last page. One process at a time does so."""
    head = await store.get(_INDEX, _HEAD)
    row, page = (head.value["row"], head.value["page"]) if head else (0, 0)
    while rows := await store.log_after(row, _PAGE):
        row, record = rows[-1].number, await store.get(_INDEX, str(page))
        new = (one.ticket_id for one in rows if _may_deny(one))
        ids = dict.fromkeys([*(record.value["ids"] if record else ()), *new])
        await store.put(Record(_INDEX, str(page), {"ids": [*ids]}, version=record.version if record else 0))
        page += len(ids) >= _PAGE
        # behind the page: what is cut short is read again, and stands there once
        await store.put(Record(_INDEX, _HEAD, {"row": row, "page": page}, version=head.version if head else 0))
        head = await store.get(_INDEX, _HEAD)
    return page


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
        return entry.answer.verdict in ("deny", "stop") or entry.answer.input is not None
    ruled = entry.ruled if isinstance(entry, events.Opened) else None
    return isinstance(entry, events.Settled) or (ruled is not None and ruled.effect == "deny")


async def _past(store: Store, id: str) -> Past | None:
    try:
        return looking_back.of(await store.load(id))
    except (errors.NotFound, errors.Unreadable):
        # one that is damaged hides no other
        return None
