"""Statements that no store runs, for a database in which something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sayso.stores import sql_store, sqlite, sqlite_worker

# pyright: reportPrivateUsage=false


async def tamper(store: sql_store.SqlStore, text: str, *values: sql_store.Value) -> Sequence[Any]:
    """Run a statement that may write, where the store's own lists only read."""
    if isinstance(store, sqlite.SqliteStore):
        return await store._worker.run(lambda db: sqlite_worker.rows(db, text, values))
    return await store._select(text, *values)
