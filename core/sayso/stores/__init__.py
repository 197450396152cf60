"""Where tickets are kept: the `Store` protocol, three stores that hold to it, and `connect`, which opens one.

A store keeps rows and decides nothing. No other module knows which stores there are.
"""

from __future__ import annotations

from urllib.parse import unquote

from sayso import errors
from sayso.stores import sqlite
from sayso.stores.outbox import Job
from sayso.stores.protocol import Commit, Durability, Query, Record, Row, Store, Summary, whole_log

__all__ = ["Commit", "Durability", "Job", "Query", "Record", "Row", "Store", "Summary", "connect", "whole_log"]

DEFAULT_DATABASE = "sqlite:///sayso.db"
_HINT = "use sqlite:///path/to/file, postgresql://user:password@host/database, or memory://"


async def connect(url: str) -> Store:
    """Open the store at *url*: `sqlite:///relative`, `sqlite:////absolute`, `postgresql://…` or `memory://`.

    Raises:
        InvalidSettings: the address is malformed or its scheme is unknown, or the database is not one of sayso.
        StoreUnavailable: the database cannot be reached now.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "memory" and not rest:
        # for tests and first steps
        from sayso.stores import memory

        return memory.MemoryStore()
    if scheme == "sqlite" and rest.startswith("/") and rest != "/":
        return await sqlite.SqliteStore.open(unquote(rest[1:]))
    if scheme in ("postgresql", "postgres") and rest:
        # its driver is an extra, and slow to import
        try:
            from sayso.stores import postgres
        except ImportError as error:
            raise errors.InvalidSettings(
                "PostgreSQL needs the package asyncpg",
                field="SAYSO_DATABASE_URL",
                hint="in a clone of sayso: pip install '.[postgres]'",
            ) from error
        return await postgres.PostgresStore.open(url)
    # the address may hold a password, so it is not shown
    raise errors.InvalidSettings("this is not a database address", field="SAYSO_DATABASE_URL", hint=_HINT)
